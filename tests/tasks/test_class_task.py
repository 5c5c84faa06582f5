"""Where trainings of kinds with classes begin."""

import numpy as np
import pytest
import torch
from fitted_classification import fitted
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import softmax

from mtlearn import Classification, Ordinal, Partial, Tasks
from mtlearn.losses import MultiTaskLoss, focal_loss, sample_loss
from mtlearn.tasks import fit_codec

LABELS = np.array(["a"] * 6 + ["b"] * 3 + ["c"])
WEIGHT = np.linspace(0.5, 2, 10)


def ranking_loss(output, target):
    """Return a loss that none of the package is."""
    return torch.nn.functional.multi_margin_loss(output, target, reduction="none")


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"label_smoothing": 0.2},
        {"class_weight": {"b": 5.0}},
        {"class_weight": {"b": 5.0, "c": 0.3}, "label_smoothing": 0.1},
        {"loss": "focal"},
        {"loss": Partial(focal_loss, gamma=0.5), "class_weight": {"c": 4.0}},
    ],
    ids=str,
)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_a_classification_begins_where_its_loss_is_lowest(params, weight):
    codec = fit_codec(Tasks(t=Classification(**params)), LABELS, weight)
    encoded = codec.encode(LABELS, weight)
    target, weights = (
        torch.from_numpy(each[0]) for each in (encoded.values, encoded.loss_weights)
    )
    spec, options = codec.tasks["t"].loss_spec()
    loss = MultiTaskLoss([sample_loss(spec, **options)], [1.0])

    def mean(scores):
        output = torch.tensor(scores).expand(10, 3)
        return loss((output,), (target,), (weights,)).total.item()

    best = minimize(mean, np.zeros(3), tol=1e-12).x
    start = codec.tasks["t"].head_start()
    assert_allclose(softmax(start), softmax(best), atol=1e-5)
    assert start.mean() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_balanced_classes_begin_alike(loss):
    task = fitted(LABELS, class_weight="balanced", loss=loss)
    assert_allclose(task.head_start(), np.zeros(3), atol=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", ranking_loss])
def test_a_class_that_has_not_been_seen_begins_as_a_rare_one(loss):
    task = fitted(["a"] * 3 + ["c"], ["a", "b", "c", "d"], loss=loss)
    chances = task.activate(torch.tensor(task.head_start()[None]))[0]
    assert_allclose(chances, np.array([0.75, 0.005, 0.25, 0.005]) / 1.01, rtol=1e-6)
    # What no weight counts has not been seen either.
    without = fitted(LABELS, class_weight=dict.fromkeys("abc", 0.0), loss=loss)
    assert_allclose(without.head_start(), np.zeros(3), atol=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
@pytest.mark.parametrize("class_weight", [None, {"c": 4.0}])
def test_thresholds_begin_where_the_loss_is_lowest(loss, class_weight):
    categories = ["b", "a", "c"]
    task = Ordinal(categories, loss=loss, class_weight=class_weight)
    task.fit(LABELS, np.ones(10), "grade")
    score = torch.tensor(task.head_start(), dtype=torch.float32)[None]
    chances = task.activate(task.head_end()()(score))[0].detach()
    counts = np.array([6, 3, 1 if class_weight is None else 4])
    assert_allclose(chances, counts / counts.sum(), atol=1e-6)


def test_the_chances_of_grades_are_those_that_labels_came_by():
    """The focal loss of rows with these chances is lowest at this output."""
    task = Ordinal(3, loss="focal")
    task.fit(np.arange(3), np.ones(3), "grade")
    scores = torch.tensor([[0.4], [-1.2]])
    chances = task.activate(task.head_end()()(scores)).detach()
    output = task.head_end()()(scores).double().detach()
    for row, true in enumerate(chances.numpy()):

        def expected(logs, true=true):
            p = softmax(logs)
            return np.sum(true * -((1 - p) ** 2) * np.log(p))

        best = minimize(expected, np.zeros(3), tol=1e-12).x
        assert_allclose(softmax(best), output[row].exp(), atol=1e-5)
