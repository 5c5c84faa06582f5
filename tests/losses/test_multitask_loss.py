import pickle

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.losses import (
    Inputs,
    LossParts,
    MultiTaskLoss,
    sample_loss,
    weighted_sums,
)
from mtlearn.networks import MLP, MultiTaskNetwork, make_head

NAN = float("nan")
INF = float("inf")
TASK_WEIGHTS = (1.0, 10.0, 0.5)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def three_tasks():
    """A classification and two regressions, for 3, 1 and 1 outputs."""
    names = ("cross_entropy", "mse", "huber")
    return MultiTaskLoss([sample_loss(name) for name in names], TASK_WEIGHTS)


def make_batch():
    """Return outputs that need gradients, targets and weights, some of them 0."""
    rng = np.random.default_rng(0)
    outputs = tuple(
        torch.tensor(rng.normal(size=(8, width)), requires_grad=True)
        for width in (3, 1, 1)
    )
    targets = (
        torch.tensor(rng.integers(3, size=8)),
        torch.tensor(rng.normal(size=8)),
        torch.tensor(rng.normal(size=8)),
    )
    weights = rng.uniform(0.5, 2, size=(8, 3))
    weights[[1, 4, 1, 6, 2], [0, 0, 1, 1, 2]] = 0
    return outputs, targets, torch.tensor(weights)


def by_task(weights):
    return weights.unbind(dim=1)


def take(tensors, rows):
    return tuple(tensor[rows] for tensor in tensors)


def small_network():
    heads = [make_head(4, k, hidden=()) for k in (3, 1, 1)]
    return MultiTaskNetwork(MLP(2, hidden=(4,)), heads).double()


def log_likelihood(output, target):
    """Infinite at an output of 0, NaN below it."""
    return -torch.log(output)


def inverse_root(output, target):
    """Have an infinite gradient wherever output and target agree."""
    return (output - target).abs().sqrt()


def test_formula():
    outputs, targets, weights = make_batch()
    logits, *values = (output.detach().numpy() for output in outputs)
    classes, *reals = (target.numpy() for target in targets)
    w = weights.numpy()
    rows = np.arange(len(logits))
    size = np.abs(values[1][:, 0] - reals[1])
    sample_losses = [
        np.log(np.exp(logits).sum(axis=1)) - logits[rows, classes],
        (values[0][:, 0] - reals[0]) ** 2,
        np.where(size < 1, size**2 / 2, size - 0.5),
    ]
    means = [np.average(sample_losses[t], weights=w[:, t]) for t in range(3)]
    parts = three_tasks()(outputs, targets, by_task(weights))
    np.testing.assert_allclose(parts.total.item(), np.dot(TASK_WEIGHTS, means))
    np.testing.assert_allclose(parts.weight_sums, w.sum(axis=0))
    np.testing.assert_allclose(parts.weighted_sums / parts.weight_sums, means)


def test_parts():
    outputs, targets, weights = make_batch()
    parts = three_tasks()(outputs, targets, by_task(weights))
    assert isinstance(parts, LossParts)
    assert parts.total.shape == ()
    assert parts.total.requires_grad
    assert parts.weighted_sums.shape == parts.weight_sums.shape == (3,)
    assert not parts.weighted_sums.requires_grad
    assert not parts.weight_sums.requires_grad
    assert parts.means.requires_grad
    torch.testing.assert_close(
        parts.total, parts.means @ torch.tensor(TASK_WEIGHTS, dtype=torch.float64)
    )


def test_gradient():
    outputs, targets, weights = make_batch()

    def total(*outputs):
        return three_tasks()(outputs, targets, by_task(weights)).total

    assert torch.autograd.gradcheck(total, outputs)


@pytest.mark.parametrize("task", [0, 1, 2])
def test_weight_zero_equals_dropping_the_row(task):
    outputs, targets, weights = make_batch()
    loss = MultiTaskLoss([three_tasks().losses[task]], [TASK_WEIGHTS[task]])
    column = weights[:, [task]]
    rows = column[:, 0] > 0
    assert 0 < rows.sum() < len(rows)

    masked = loss(outputs[task : task + 1], targets[task : task + 1], by_task(column))
    kept = outputs[task].detach()[rows].requires_grad_()
    dropped = loss((kept,), (targets[task][rows],), by_task(column[rows]))
    for left, right in zip(masked, dropped, strict=True):
        torch.testing.assert_close(left, right)
    masked.total.backward()
    dropped.total.backward()
    torch.testing.assert_close(outputs[task].grad[rows], kept.grad)
    assert (outputs[task].grad[~rows] == 0).all()


def test_weight_two_equals_the_row_twice():
    outputs, targets, _ = make_batch()
    weights = torch.ones(8, 3, dtype=torch.float64)
    weights[1] = 2
    rows = [0, 1, 1, 2, 3, 4, 5, 6, 7]
    doubled = three_tasks()(outputs, targets, by_task(weights))
    repeated = three_tasks()(
        take(outputs, rows),
        take(targets, rows),
        by_task(torch.ones(9, 3, dtype=torch.float64)),
    )
    for left, right in zip(doubled, repeated, strict=True):
        torch.testing.assert_close(left, right)


def test_sums_add_up_over_batches():
    outputs, targets, weights = make_batch()
    whole = three_tasks()(outputs, targets, by_task(weights))
    halves = [
        three_tasks()(take(outputs, rows), take(targets, rows), by_task(weights[rows]))
        for rows in (slice(3), slice(3, None))
    ]
    sums = halves[0].weighted_sums + halves[1].weighted_sums
    torch.testing.assert_close(sums, whole.weighted_sums)


@pytest.mark.parametrize("function", [log_likelihood, inverse_root])
@pytest.mark.parametrize("output", [0.0, -1.0, NAN, INF, -INF])
@pytest.mark.parametrize("target", [0.0, NAN, INF])
def test_absent_row_adds_nothing_even_if_its_loss_is_not_finite(
    function, output, target
):
    loss = MultiTaskLoss([sample_loss(function)], [1.0])
    outputs = torch.tensor([[2.0], [output]], requires_grad=True)
    parts = loss(
        (outputs,), (torch.tensor([1.0, target]),), (torch.tensor([1.0, 0.0]),)
    )
    alone = function(torch.tensor([2.0]), torch.tensor([1.0]))
    assert parts.total == alone[0]
    parts.total.backward()
    assert torch.isfinite(outputs.grad[0]).all()
    assert outputs.grad[0] != 0
    assert outputs.grad[1] == 0


@pytest.mark.parametrize("target", [-1, 99])
def test_absent_class_may_be_any_number(target):
    loss = MultiTaskLoss([sample_loss("cross_entropy")], [1.0])
    outputs = torch.tensor([[1.0, 2.0], [NAN, INF]], requires_grad=True)
    targets = (torch.tensor([1, target]),)
    loss((outputs,), targets, (torch.tensor([1.0, 0.0]),)).total.backward()
    assert torch.isfinite(outputs.grad).all()
    assert (outputs.grad[1] == 0).all()


@pytest.mark.parametrize("task", [0, 1, 2])
def test_task_without_label_has_an_exact_zero_gradient(task):
    network = small_network()
    _, targets, weights = make_batch()
    weights[:, task] = 0
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0)).double()
    parts = three_tasks()(network(x), targets, by_task(weights))
    assert parts.weighted_sums[task] == 0
    assert parts.weight_sums[task] == 0
    parts.total.backward()
    for index, head in enumerate(network.heads):
        gradients = [parameter.grad for parameter in head.parameters()]
        assert all((g == 0).all() == (index == task) for g in gradients)
    assert any((p.grad != 0).any() for p in network.backbone.parameters())


@pytest.mark.parametrize("target", [0.0, NAN])
def test_batch_without_any_label(target):
    network = small_network()
    targets = (
        torch.zeros(4, dtype=torch.int64),
        *(torch.full((4,), target, dtype=torch.float64) for _ in range(2)),
    )
    weights = torch.zeros(4, 3, dtype=torch.float64)
    parts = three_tasks()(network(torch.ones(4, 2).double()), targets, by_task(weights))
    assert parts.total.item() == 0
    parts.total.backward()
    assert all((parameter.grad == 0).all() for parameter in network.parameters())


def test_labelled_row_with_a_loss_of_nan_is_not_hidden():
    loss = MultiTaskLoss([sample_loss("mse")], [1.0])
    parts = loss((torch.zeros(2, 1),), (torch.tensor([NAN, 0]),), (torch.ones(2),))
    assert torch.isnan(parts.total)


def test_dtypes_are_promoted():
    outputs, targets, weights = make_batch()
    single = tuple(output.detach().float().requires_grad_() for output in outputs)
    parts = three_tasks()(single, targets, by_task(weights.float()))
    expected = three_tasks()(outputs, targets, by_task(weights)).total
    assert parts.total.item() == pytest.approx(expected.item(), rel=1e-6)
    parts.total.backward()
    assert all(output.grad.dtype == torch.float32 for output in single)


def test_has_no_state_and_can_be_pickled():
    loss = three_tasks()
    assert isinstance(loss, nn.Module)
    assert not loss.state_dict()
    again = pickle.loads(pickle.dumps(loss))
    outputs, targets, weights = make_batch()
    batch = outputs, targets, by_task(weights)
    assert torch.equal(again(*batch).total, loss(*batch).total)


def test_one_task_weight_too_few():
    with pytest.raises(InvalidParameterError, match=r"each of the 2 losses\. Got 1"):
        MultiTaskLoss([sample_loss("mse"), sample_loss("mae")], [1.0])


def test_wrong_number_of_tasks():
    outputs, targets, weights = make_batch()
    with pytest.raises(InvalidDataError, match="Got 2 outputs, 3 targets and 3 w"):
        three_tasks()(outputs[:2], targets, by_task(weights))
    with pytest.raises(InvalidDataError, match="Got 3 outputs, 2 targets and 3 w"):
        three_tasks()(outputs, targets[:2], by_task(weights))

    with pytest.raises(InvalidDataError, match="3 targets and 2 weights instead"):
        three_tasks()(outputs, targets, by_task(weights)[:2])


@pytest.mark.parametrize("shape", [(7,), (8, 1), ()])
def test_wrong_shape_of_weights(shape):
    outputs, targets, weights = make_batch()
    weights = (*by_task(weights)[:2], torch.ones(shape))
    with pytest.raises(
        InvalidDataError, match=r"and \(8,\) instead, in place 2"
    ) as info:
        three_tasks()(outputs, targets, weights)
    assert f"Got {shape} and" in str(info.value)


def test_labels_by_cell():
    """Each cell counts by itself; one that is absent may hold anything."""
    loss = MultiTaskLoss(
        [sample_loss(lambda output, target: (output - target) ** 2)], [2]
    )
    outputs = torch.tensor([[1.0, 2.0], [3.0, NAN]], requires_grad=True)
    targets = torch.tensor([[0.0, INF], [1.0, 7.0]])
    weights = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    parts = loss((outputs,), (targets,), (weights,))
    assert parts.weighted_sums.tolist() == [3 * 1 + 1 * 4]
    assert parts.weight_sums.tolist() == [4]
    assert parts.total.item() == 2 * 7 / 4
    parts.total.backward()
    assert outputs.grad.tolist() == [[2 * 3 * 2 / 4, 0], [2 * 1 * 4 / 4, 0]]


def test_a_reduction_of_ones_own_sees_the_inputs():
    def of_inputs(loss, output, target, weight, inputs):
        assert target is None
        errors = (output - inputs.given) ** 2 + (output - inputs.seen)
        return (weight * errors.sum(dim=1)).sum(), weight.sum()

    loss = MultiTaskLoss([None], [1.0], [of_inputs])
    output, weight = torch.tensor([[2.0], [5.0]]), torch.tensor([1.0, 3.0])
    inputs = Inputs(torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [4.0]]))
    parts = loss((output,), (None,), (weight,), inputs=inputs)
    assert parts.weighted_sums.tolist() == [(1 + 2) + 3 * (4 + 1)]
    assert parts.total.item() == 18 / 4


def test_a_reduction_too_many():
    with pytest.raises(InvalidParameterError, match=r"'reductions' parameter .* Got 2"):
        MultiTaskLoss([sample_loss("mse")], [1.0], [weighted_sums] * 2)


def test_weights_of_tasks_are_kept_for_a_type_and_not_in_a_file():
    loss = MultiTaskLoss([sample_loss("mse")], [0.1])
    outputs = (torch.tensor([[2.0]], requires_grad=True),)
    with torch.inference_mode():  # what is made here has no graph
        loss(outputs, (torch.zeros(1),), (torch.ones(1),))
    loss(outputs, (torch.zeros(1),), (torch.ones(1),)).total.backward()
    torch.testing.assert_close(outputs[0].grad, torch.tensor([[0.4]]))
    doubles = (torch.tensor([[2.0]], dtype=torch.float64),)
    rows = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    total = loss(doubles, rows[:1], rows[1:]).total
    assert total.item() == 0.1 * 4  # not of the weight as float32
    loss.task_weights = (0.5,)
    assert loss(doubles, rows[:1], rows[1:]).total.item() == 2.0
    again = pickle.loads(pickle.dumps(loss))
    assert "_kept" not in vars(again)
    assert again(doubles, rows[:1], rows[1:]).total.item() == 2.0
