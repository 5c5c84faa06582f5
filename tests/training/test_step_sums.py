"""What a step's losses are divided by: counted by hand."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, Initializer

from mtlearn import (
    Classification,
    MultiLabel,
    MultiTaskEstimator,
    Partial,
    Tasks,
)
from mtlearn.augmentation import MixUp
from mtlearn.data import Labels, Samples
from mtlearn.networks import MLP
from mtlearn.training import Changes
from mtlearn.training._changes import mixed_labels
from mtlearn.training._step_sums import StepSums
from tiny_nets import FLOAT32, make_net, make_problem, train

NEXT_TO_NOTHING = 1e-300


def samples_of(weights, chances=None, dtype=torch.float64, class_weighted=None):
    if class_weighted is not None:
        class_weighted = torch.tensor(class_weighted, dtype=dtype).unbind(dim=1)
    labels = Labels(
        (), torch.tensor(weights, dtype=dtype).unbind(dim=1), class_weighted
    )
    return Samples(np.zeros((len(weights), 1)), labels, chances=chances)


def test_rows_times_the_mean_weight():
    sums = StepSums(samples_of([[1.0, 0.0], [2.0, 0.0], [0.0, 5.0], [1.0, 1.0]]))

    assert sums.of(2).tolist() == [2.0, 3.0]
    assert sums.of(4).tolist() == [4.0, 6.0]
    assert sums.of(2) is sums.of(2)


def test_all_cells_of_a_row_count():
    cells = torch.tensor([[1.0, 0.0, 3.0], [2.0, 2.0, 0.0]])
    labels = Labels((), (cells, torch.ones(2)))
    samples = Samples(np.zeros((2, 1)), labels)
    assert StepSums(samples).of(1).tolist() == [4.0, 1.0]
    samples = Samples(np.zeros((2, 1)), labels, chances=np.array([0.5, 1.5]))
    assert StepSums(samples).of(4).tolist() == [1 * 4 + 3 * 4, 4.0]
    cells[0, 2] = 7.0
    assert StepSums(samples).of(4).tolist() == [1 * 8 + 3 * 4, 4.0]


def test_class_weights_count():
    weighted = [[3.0], [1.0], [0.0]]
    sums = StepSums(samples_of([[1.0], [1.0], [0.0]], class_weighted=weighted))

    assert sums.of(3).tolist() == [4.0]


def test_rows_that_are_drawn_often_count_more():
    chances = np.array([0.5, 2.5, 0.0])
    sums = StepSums(samples_of([[4.0, 1.0], [0.0, 2.0], [9.0, 0.0]], chances))

    # Of 30 rows drawn, 5 are the first and 25 the second.
    np.testing.assert_allclose(sums.of(30), [20, 5 + 50], rtol=1e-15)


def test_a_task_without_any_weight_divides_by_one():
    assert StepSums(samples_of([[0.0, 1.0], [0.0, 1.0]])).of(1).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("draws", [False, True])
def test_weights_of_one_give_the_very_number_of_rows(dtype, draws):
    rng = np.random.default_rng(0)
    for n in (3, 49, 98, 1000):
        chances = None
        if draws:
            chances = rng.random(n)
            chances /= chances.mean()
        sums = StepSums(samples_of(np.ones((n, 2)), chances, dtype))
        for n_rows in range(1, 201):
            assert sums.of(n_rows).tolist() == [n_rows, n_rows]
        assert sums.of(n_rows).dtype == dtype


def weighted_problem(batch_size):
    """Return samples, their labels with weights of classes, and a net for them."""
    samples, tasks = make_problem()
    weights = torch.tensor(np.random.default_rng(0).random((30, 2)))
    weights[3:20, 1] = 0
    labels = samples.labels._replace(class_weighted=weights.unbind(dim=1))
    return samples, labels, make_net(tasks, batch_size=batch_size, lr=NEXT_TO_NOTHING)


@pytest.mark.parametrize("batch_size", [1, 5, 6])
def test_steps_of_an_epoch_add_up_to_the_loss_of_all_rows(batch_size):
    samples, labels, net = weighted_problem(batch_size)
    net = train(net, Samples(samples.X, labels), epochs=1)

    steps = net.batch_losses_[0]
    whole = net.tallies_[True].summary("train")
    np.testing.assert_allclose(np.mean(steps), whole["train_loss"], rtol=1e-12)
    assert len(steps) == 30 // batch_size


@pytest.mark.parametrize("batch_size", [1, 10])
def test_both_labels_of_a_mixed_row_share_the_weight_of_one(batch_size):
    samples, labels, net = weighted_problem(batch_size)
    X, (sign, value) = torch.from_numpy(samples.X), labels.values
    weights = torch.stack(labels.class_weighted, dim=1)
    with torch.no_grad():
        logits, found = net.module_(X)
    share = torch.linspace(0.1, 0.8, batch_size, dtype=torch.float64)
    expected = []

    def mixing(x, generator):
        rows = (X[:, None] == x).all(dim=2).long().argmax(dim=0)
        total = torch.zeros(2, dtype=torch.float64)
        for others, part in ((rows, share), (rows.roll(1), 1 - share)):
            entropy = torch.nn.functional.cross_entropy(
                logits[rows], sign[others], reduction="none"
            )
            error = (found[rows, 0] - value[others]) ** 2
            total += part @ (weights[others] * torch.stack([entropy, error], dim=1))
        expected.append(float((total / (batch_size * weights.mean(dim=0))).sum()))
        return x, torch.arange(batch_size).roll(1), share

    changes = Changes(mixing=mixing)
    net = train(net, Samples(samples.X, labels), epochs=1, changes=changes)

    np.testing.assert_allclose(net.batch_losses_[0], expected, rtol=1e-12)
    assert len(expected) == 30 // batch_size


def test_a_row_by_itself_keeps_its_weight():
    samples, tasks = make_problem(2)
    weights = torch.tensor([1.0, 3.0]).double(), torch.zeros(2).double()
    labels = samples.labels._replace(weights=weights)
    net = make_net(tasks, batch_size=1, lr=NEXT_TO_NOTHING)
    logits = net.module_(torch.from_numpy(samples.X))[0]
    each = torch.nn.functional.cross_entropy(
        logits, samples.labels.values[0], reduction="none"
    )
    net = train(net, Samples(samples.X, labels), epochs=1)

    expected = each.detach().numpy() * [0.5, 1.5]
    np.testing.assert_allclose(sorted(net.batch_losses_[0]), sorted(expected))


def test_complete_labels_train_as_with_the_sums_of_the_batches(monkeypatch):
    samples, tasks = make_problem(31, torch.float32)
    first = train(make_net(tasks, FLOAT32), samples)
    monkeypatch.setattr(StepSums, "of", lambda self, n_rows, share: None)
    second = train(make_net(tasks, FLOAT32), samples)

    for a, b in zip(
        first.module_.parameters(), second.module_.parameters(), strict=True
    ):
        assert torch.equal(a, b)


def test_a_trained_net_forgets_its_rows():
    samples, tasks = make_problem()
    assert train(make_net(tasks), samples).step_sums_ is None


def union_of(cells, weights, chances=None):
    tags, weights = torch.tensor(cells), torch.tensor(weights)
    labels = Labels((tags.nan_to_num(),), (weights * ~tags.isnan(),))
    return Samples(np.zeros((len(cells), 1)), labels, chances=chances)


NAN = float("nan")
CELLS = [[1.0, 0.0], [NAN, 1.0], [0.0, NAN], [NAN, 0.0]]
WEIGHTS = [[1.0, 2.0], [3.0, 1.0], [1.0, 5.0], [1.0, 0.5]]


@pytest.mark.parametrize("lam", [0.5, 0.3])
def test_united_labels_of_all_orders_have_this_weight(lam):
    samples = union_of(CELLS, WEIGHTS)
    found = [
        mixed_labels(samples.labels, torch.tensor(order), lam, [True]).weights[0].sum()
        for order in permutations(range(4))
    ]
    assert len(found) == 24
    np.testing.assert_allclose(StepSums(samples, [1.0]).of(4), np.mean(found))
    whole = samples.labels.weights[0].sum()
    np.testing.assert_allclose(
        StepSums(samples, [0.25]).of(4), 0.75 * whole + 0.25 * np.mean(found)
    )
    assert StepSums(samples, [0.0]).of(4) == whole
    assert StepSums(samples, [1.0]).of(1) == whole / 4
    alone = StepSums(union_of(CELLS[:1], WEIGHTS[:1]), [1.0])
    assert alone.of(1) == 3.0  # which has no other row to meet


def test_united_labels_of_rows_that_are_drawn_have_this_weight():
    chances = np.array([0.5, 2.0, 1.0, 0.5])
    samples = union_of(CELLS, WEIGHTS, chances)
    # Of two rows, each meets itself, or the other one, which may be the same.
    pairs = {
        pair: chances[list(pair)].prod() / 16 for pair in product(range(4), repeat=2)
    }
    found = 0.0
    for pair, chance in pairs.items():
        labels = samples.labels.map(lambda each, rows=list(pair): each[rows])
        for order in ([0, 1], [1, 0]):
            mixed = mixed_labels(labels, torch.tensor(order), 0.4, [True])
            found += chance / 2 * mixed.weights[0].sum()
    np.testing.assert_allclose(StepSums(samples, [1.0]).of(2), found)


@pytest.mark.parametrize("labels", ["soft", "union"])
def test_a_task_has_its_weight_also_where_many_cells_are_united(labels):
    """Of a network that says nothing, each known label has the loss log(2)."""
    rng = np.random.default_rng(0)
    y = np.where(rng.random((40, 4)) < 0.5, NAN, rng.random((40, 4)) < 0.3)
    steps = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            steps.extend(net.history[-1, "batches", :, "train_loss"])

    MultiTaskEstimator(
        Tasks(tags=MultiLabel(3), kind=Classification(2)),
        backbone=Partial(MLP, hidden=(2,)),
        mixing=MixUp(probability=0.8, labels=labels),
        optimizer="sgd",
        lr=1e-12,
        max_epochs=60,
        batch_size=8,
        callbacks=[Initializer("*", fn=torch.nn.init.zeros_), Keep()],
        n_threads=1,
        random_state=0,
    ).fit(rng.normal(size=(40, 2)), y)

    assert len(steps) == 300
    assert np.mean(steps) == pytest.approx(2 * np.log(2), rel=0.03)
