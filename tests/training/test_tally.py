"""Adding up an epoch's losses and metrics."""

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score

from mtlearn import Classification, Regression, Tasks
from mtlearn.data import Labels
from mtlearn.losses import MultiTaskLoss, sample_loss
from mtlearn.tasks import fit_codec
from mtlearn.training._tally import Tally

WEIGHTS = (2.0, 0.5)


def make_problem():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 3, 20), rng.normal(size=20)])
    tasks = fit_codec(Tasks(kind=Classification(3), size=Regression()), y).tasks
    outputs = tuple(torch.tensor(rng.normal(size=(20, width))) for width in (3, 1))
    values = torch.tensor(y[:, 0]).long(), torch.tensor(y[:, 1])
    weights = torch.tensor(rng.random((20, 2)) + 0.1)
    weights[:6, 1] = 0
    return tasks, outputs, Labels(values, weights.unbind(dim=1))


def add_in_batches(tally, outputs, labels, sizes):
    loss = MultiTaskLoss([sample_loss("cross_entropy"), sample_loss("mse")], WEIGHTS)
    start = 0
    for size in sizes:
        rows = slice(start, start + size)
        some = labels.map(lambda each, rows=rows: each[rows])
        picked = tuple(output[rows] for output in outputs)
        tally.add(loss(picked, some.values, some.weights), picked, some)
        start += size


@pytest.mark.parametrize("sizes", [[20], [10, 10], [7, 7, 6], [1] * 20])
def test_figures_do_not_depend_on_the_batches(sizes):
    tasks, outputs, labels = make_problem()
    tally = Tally(tasks, WEIGHTS)
    add_in_batches(tally, outputs, labels, sizes)
    found = tally.summary("train")
    kind, size = (each.numpy() for each in labels.weights)
    entropies = torch.nn.functional.cross_entropy(
        outputs[0], labels.values[0], reduction="none"
    ).numpy()
    right = outputs[0].argmax(1).numpy() == labels.values[0].numpy()
    value, true = outputs[1][:, 0].numpy(), labels.values[1].numpy()
    expected = {
        "train_kind_loss": np.average(entropies, weights=kind),
        "train_kind_accuracy": np.average(right, weights=kind),
        "train_size_loss": np.average((value - true) ** 2, weights=size),
        "train_size_r2": r2_score(true, value, sample_weight=size),
    }
    expected["train_loss"] = (
        2 * expected["train_kind_loss"] + 0.5 * expected["train_size_loss"]
    )
    expected["train_score"] = (
        expected["train_kind_accuracy"] + expected["train_size_r2"]
    ) / 2
    assert found == pytest.approx(expected)
    assert {type(number) for number in found.values()} == {float}


def test_a_task_without_labels_counts_for_nothing():
    tasks, outputs, labels = make_problem()
    labels.weights[1][:] = 0
    tally = Tally(tasks, WEIGHTS)
    add_in_batches(tally, outputs, labels, [10, 10])
    found = tally.summary("valid")
    assert np.isnan(found["valid_size_loss"])
    assert np.isnan(found["valid_size_r2"])
    assert found["valid_loss"] == pytest.approx(2 * found["valid_kind_loss"])
    assert found["valid_score"] == found["valid_kind_accuracy"]


@pytest.mark.parametrize(
    ("weights", "labelled", "expected"),
    [
        ((2.0, 0.5), (False, False), np.nan),
        ((0.0, 0.5), (True, False), np.nan),
        ((0.0, 0.0), (True, True), 0.0),
    ],
)
def test_a_total_of_nothing_is_no_number(weights, labelled, expected):
    tasks, outputs, labels = make_problem()
    for each, has_labels in zip(labels.weights, labelled, strict=True):
        each *= has_labels
    tally = Tally(tasks, weights)
    add_in_batches(tally, outputs, labels, [20])
    np.testing.assert_equal(tally.summary("valid")["valid_loss"], expected)


@pytest.mark.parametrize(
    ("output", "score"), [(float("nan"), np.nan), (1e300, -np.inf)]
)
def test_outputs_that_are_no_numbers_do_not_raise_the_score(output, score):
    tasks, outputs, labels = make_problem()
    outputs[1][8] = output
    tally = Tally(tasks, WEIGHTS)
    add_in_batches(tally, outputs, labels, [20])
    np.testing.assert_equal(tally.summary("valid")["valid_score"], score)


def test_a_metric_that_the_labels_do_not_define_is_left_out_of_the_score():
    tasks, outputs, labels = make_problem()
    labels.values[1][:] = 3.0  # R² of a constant
    tally = Tally(tasks, WEIGHTS)
    add_in_batches(tally, outputs, labels, [20])
    found = tally.summary("valid")
    assert np.isnan(found["valid_size_r2"])
    assert found["valid_score"] == found["valid_kind_accuracy"]


def test_nothing_was_added():
    tasks, _, _ = make_problem()
    assert Tally(tasks, WEIGHTS).summary("valid") == {}
