"""Penalties in the steps of a net, against a plain loop of torch."""

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.nn import functional

from mtlearn.data import Samples
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import (
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Penalty,
    Ridge,
    TaskCovariance,
    TraceNorm,
)
from mtlearn.networks import HeadSpec
from mtlearn.training import Penalties, Randomness, resolve_penalty
from tiny_nets import (
    BFLOAT16,
    CPU,
    FLOAT16,
    FLOAT32,
    KeepBatchLosses,
    make_net,
    make_problem,
)

BOTH = [TraceNorm(0.2), GroupLasso(0.1, ["value"])]


def train(net, samples, penalties, *callbacks, valid=None, epochs=3):
    net.batch_losses_ = []
    penalties = Penalties(penalties, "Me")
    return net.train(
        (samples, valid),
        epochs=epochs,
        callbacks=[KeepBatchLosses(), *callbacks],
        order_seed=0,
        randomness=Randomness(1, CPU),
        penalties=penalties,
    )


def without_a_label(samples, task):
    """Return the same rows, of which none has a label of a task."""
    weights = list(samples.labels.weights)
    weights[task] = torch.zeros_like(weights[task])
    return Samples(samples.X, samples.labels._replace(weights=tuple(weights)))


def losses_by_hand(module, samples):
    """Give the loss of the labels of all rows, and the penalty."""
    logits, values = module(torch.from_numpy(samples.X))
    sign, value = samples.labels.weights
    entropy = functional.cross_entropy(
        logits, samples.labels.values[0], reduction="none"
    )
    error = (values[:, 0] - samples.labels.values[1]) ** 2
    loss = (sign * entropy).sum() / sign.sum()
    if value.sum() > 0:
        loss = loss + (value * error).sum() / value.sum()
    heads = [head[-1].weight for head in module.heads]
    norm = torch.linalg.svdvals(torch.cat(heads)).sum()
    return loss, 0.2 * norm + 0.1 * heads[1].abs().sum()


class Rows(Callback):
    """Keeps what the history has of each epoch."""

    def __init__(self):
        self.rows = []

    def on_epoch_end(self, net, **kwargs):
        row = {**net.history[-1]}
        self.rows.append({"penalty": row.get("train_penalty"), **row})


@pytest.mark.parametrize("pieces", [{"batch_size": 30}, {"accumulate": 3}], ids=str)
@pytest.mark.parametrize("absent", [False, True])
def test_steps_are_those_of_a_loop_by_hand(pieces, absent):
    samples, tasks = make_problem()
    samples = without_a_label(samples, 1) if absent else samples
    net = make_net(tasks, **pieces)  # one step of all rows an epoch
    expected = copy.deepcopy(net.module_)
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.1)
    found = []
    for _ in range(4):
        optimizer.zero_grad()
        parts = losses_by_hand(expected, samples)
        sum(parts).backward()
        optimizer.step()
        found.append([part.item() for part in parts])
    rows = Rows()
    train(net, samples, BOTH, rows, epochs=4)
    for mine, theirs in zip(
        net.module_.parameters(), expected.parameters(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-13)
    # The penalty has a column of its own, and is no part of losses.
    losses, penalties = np.array(found).T
    np.testing.assert_allclose([row["penalty"] for row in rows.rows], penalties)
    np.testing.assert_allclose(np.ravel(net.batch_losses_), losses, rtol=1e-10)
    assert not net.penalties_  # nothing of a training stays


def test_an_absent_task_is_penalised_and_nothing_else_changes():
    samples, tasks = make_problem()
    samples = without_a_label(samples, 1)
    one, other = make_net(tasks), make_net(tasks)
    train(one, samples, [Ridge(0.5, ["value"])], epochs=2)
    train(other, samples, [], epochs=2)
    before = make_net(tasks).module_.heads[1][-1].weight
    shrunk = one.module_.heads[1][-1].weight
    # Six steps of lr 0.1 on nothing but a ridge of 0.5.
    torch.testing.assert_close(shrunk, before * 0.95**6)
    assert torch.equal(other.module_.heads[1][-1].weight, before)
    weights = zip(
        one.module_.named_parameters(), other.module_.parameters(), strict=True
    )
    for (name, mine), theirs in weights:
        assert torch.equal(mine, theirs) == (name != "heads.1.0.weight"), name


def test_the_mean_is_over_the_steps_of_an_epoch():
    samples, tasks = make_problem()
    seen = []

    class Spy(Ridge):
        def size(self, weights):
            found = super().size(weights)
            seen.append(0.2 * found.item())
            return found

    rows = Rows()
    train(make_net(tasks, batch_size=10), samples, [Spy(0.2)], rows, epochs=2)
    assert len(seen) == 6
    means = np.mean(np.reshape(seen, (2, 3)), axis=1)
    np.testing.assert_allclose([row["penalty"] for row in rows.rows], means)
    rows = Rows()
    train(make_net(tasks), samples, [Ridge(0.0)], rows)
    assert [row["penalty"] for row in rows.rows] == [None] * 3


class Gradients(Callback):
    """Keeps the gradients of the first step."""

    def on_train_begin(self, net, **kwargs):
        self.found = None

    def on_grad_computed(self, net, named_parameters=None, **kwargs):
        if self.found is None:
            self.found = {name: w.grad.clone() for name, w in named_parameters}


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT16, BFLOAT16], ids=str)
def test_it_is_computed_in_the_type_of_the_weights(precision):
    samples, tasks = make_problem(dtype=torch.float32)
    samples = Samples(samples.X.astype(np.float32), samples.labels)
    seen = []

    class Spy(Penalty):
        def size(self, weights):
            is_short = torch.is_autocast_enabled("cpu")
            seen.append((is_short, {each.dtype for each in weights.values()}))
            return sum(each.sum() for each in weights.values())

    found = []
    for penalties in ([], [Spy(0.25)]):
        gradients = Gradients()
        net = make_net(tasks, precision, batch_size=30)
        train(net, samples, penalties, gradients, epochs=1)
        found.append(gradients.found)
    assert seen == [(False, {torch.float32})]
    for name, value in found[0].items():
        more = 0.25 if name in ("heads.0.0.weight", "heads.1.0.weight") else 0.0
        torch.testing.assert_close(found[1][name] - value, torch.full_like(value, more))


def test_frozen_heads_do_not_fail():
    samples, tasks = make_problem()
    net = make_net(tasks)
    for head in net.module_.heads:
        head[-1].weight.requires_grad_(False)
    before = [head[-1].weight.clone() for head in net.module_.heads]
    train(net, samples, [TraceNorm(1.0)])
    for head, weight in zip(net.module_.heads, before, strict=True):
        assert torch.equal(head[-1].weight, weight)


def test_layers_that_a_callback_puts_in_are_penalised():
    samples, tasks = make_problem()

    class Swap(Callback):
        def on_train_begin(self, net, **kwargs):
            layer = net.module_.heads[1][-1]
            layer.weight = torch.nn.Parameter(torch.ones_like(layer.weight))

    rows = Rows()
    train(make_net(tasks), samples, [Ridge(1.0, ["value"])], Swap(), rows, epochs=1)
    assert rows.rows[0]["penalty"] == pytest.approx(4 / 2)  # no optimiser moves them


def test_values_are_resolved():
    assert resolve_penalty(None, "Me") == ()
    one = TraceNorm(0.1)
    assert resolve_penalty(one, "Me") == (one,)
    assert resolve_penalty([one], "Me") == (one,)
    assert resolve_penalty([], "Me") == ()
    with pytest.raises(ParameterTypeError, match=r"'penalty' .* Got 'trace' instead"):
        resolve_penalty("trace", "Me")
    with pytest.raises(ParameterTypeError, match=r"instead: pass TraceNorm\(\.\.\.\)"):
        resolve_penalty(TraceNorm, "Me")
    with pytest.raises(ParameterTypeError, match=r"or a list of such\. Got .*0\.3"):
        resolve_penalty([one, 0.3], "Me")
    with pytest.raises(InvalidParameterError, match=r"'strength' .* GroupLasso of Me"):
        resolve_penalty([one, GroupLasso(-1)], "Me")
    with pytest.raises(InvalidParameterError, match=r"at most one .* Got 2 instead"):
        resolve_penalty([TaskCovariance(0.1), TaskCovariance(0.2)], "Me")


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (TraceNorm(1, ["x"]), r"tasks \['x'\], which the TraceNorm of Me names.*value"),
        (GraphLaplacian([("sign", "x")], 1), r"no tasks \['x'\], which the GraphLapla"),
        (GraphLaplacian([("sign", "value")], 1), "'sign' has 2, 'value' has 1. Take"),
        (CommonMean(1), "'sign' has 2, 'value' has 1. Say by"),
        (CommonMean(1, ["sign"]), "needs two tasks"),
    ],
)
def test_what_is_not_defined_for_the_tasks(penalty, message):
    samples, tasks = make_problem()
    net = make_net(tasks)
    with pytest.raises(InvalidParameterError, match=message):
        train(net, samples, [penalty])
    assert not net.penalties_


def test_heads_of_several_widths():
    samples, tasks = make_problem()
    heads = HeadSpec(2, hidden=(5,), batch_norm=False), HeadSpec(1, hidden=())
    message = "'sign' has 5, 'value' has 4. Give these heads the same last width"
    with pytest.raises(InvalidParameterError, match=message):
        train(make_net(tasks, module__heads=heads), samples, [TraceNorm(1.0)])
    train(make_net(tasks, module__heads=heads), samples, [TraceNorm(1.0, ["sign"])])


def test_modules_of_ones_own_are_left_out():
    samples, tasks = make_problem()
    own = HeadSpec(2, module=torch.nn.Linear)
    net = make_net(tasks, module__heads=(own, HeadSpec(1, hidden=())))
    rows = Rows()
    train(net, samples, [Ridge(1.0)], rows, epochs=1)
    assert rows.rows[0]["penalty"] > 0
    message = "Task 'sign', which the Ridge of Me names, has a head with no linear"
    with pytest.raises(InvalidParameterError, match=message):
        train(net, samples, [Ridge(1.0, ["sign", "value"])])
    net = make_net(tasks, module__heads=(own, HeadSpec(1, module=torch.nn.Linear)))
    with pytest.raises(InvalidParameterError, match="nothing to act on: every head"):
        train(net, samples, [Ridge(1.0)])
