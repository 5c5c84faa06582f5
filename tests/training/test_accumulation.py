"""Gradients of pieces add up to those of a batch: against a plain loop of torch."""

import copy
import weakref

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mtlearn.data import Samples
from mtlearn.networks import MLP
from mtlearn.training import Changes
from tiny_nets import FLOAT16, FLOAT32, FLOAT64, make_net, make_problem, train

PIECES = {"batch_size": 4, "accumulate": 8}


def weights_of(net):
    return {name: each.detach() for name, each in net.module_.named_parameters()}


def assert_alike(found, expected, rtol=1e-10, atol=1e-13):
    for name, value in weights_of(expected).items():
        torch.testing.assert_close(
            weights_of(found)[name], value, rtol=rtol, atol=atol, msg=name
        )


def weighted_samples(n_rows=30):
    """Return rows whose labels weigh differently, and a third of whose values lack."""
    samples, tasks = make_problem(n_rows)
    sign, value = torch.tensor(np.random.default_rng(0).random((2, n_rows)))
    value[::3] = 0
    labels = samples.labels._replace(weights=(sign, value))
    return Samples(samples.X, labels), tasks


def loss_by_hand(module, x, labels):
    """Give the loss of all rows, each task's by its weights."""
    logits, values = module(x)
    sign, value = labels.weights
    entropy = functional.cross_entropy(logits, labels.values[0], reduction="none")
    error = (values[:, 0] - labels.values[1]) ** 2
    return (sign * entropy).sum() / sign.sum() + (value * error).sum() / value.sum()


def test_steps_are_those_of_a_loop_by_hand():
    samples, tasks = weighted_samples()
    net = make_net(tasks, **PIECES)  # one step of all rows an epoch
    expected = copy.deepcopy(net.module_)
    x = torch.from_numpy(samples.X)
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = loss_by_hand(expected, x, samples.labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    train(net, samples, epochs=5)

    assert len(net.batch_losses_) == 5
    np.testing.assert_allclose(np.ravel(net.batch_losses_), losses, rtol=1e-12)
    for name, value in expected.named_parameters():
        torch.testing.assert_close(
            weights_of(net)[name], value.detach(), rtol=1e-11, atol=1e-14
        )


def test_a_net_that_knows_no_sums_divides_by_those_of_the_batch():
    samples, tasks = weighted_samples()
    net = make_net(tasks, **PIECES)
    net.look_for_draws()
    batch = torch.from_numpy(samples.X), samples.labels
    loss = loss_by_hand(net.module_, *batch)
    expected = torch.autograd.grad(loss, list(net.module_.parameters()))

    step = net.train_step_single(batch)

    assert step["loss"].item() == pytest.approx(loss.item(), rel=1e-12)
    for weight, gradient in zip(net.module_.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-10, atol=1e-14)


def test_a_task_without_a_label_in_a_batch_adds_nothing():
    samples, tasks = weighted_samples()
    sign, value = samples.labels.weights
    labels = samples.labels._replace(weights=(sign, torch.zeros_like(value)))
    net = make_net(tasks, **PIECES)
    net.look_for_draws()

    step = net.train_step_single((torch.from_numpy(samples.X), labels))

    assert torch.isfinite(step["loss"])
    assert not net.module_.heads[1][-1].weight.grad.any()


class Leaving(MLP):
    """Notes whether what the last pass has computed is still in memory."""

    def __init__(self, in_features, hidden):
        super().__init__(in_features, hidden=hidden)
        self.left = []
        self.alive = []

    def forward(self, x):
        if self.training:
            self.alive.append([each() is not None for each in self.left])
        found = super().forward(x)
        self.left = [weakref.ref(found)]
        return found


class KeepFeatures(Callback):
    def on_train_begin(self, net, **kwargs):
        net.keeps_features_ = True


@pytest.mark.parametrize("keeps", [False, True])
def test_nothing_of_a_pass_stays_in_memory(keeps):
    samples, tasks = make_problem()
    net = make_net(tasks, module__backbone=Leaving, **PIECES)
    train(net, samples, *[KeepFeatures()] * keeps, epochs=2)

    # Before that, the network was tried when it was built.
    assert net.module_.backbone.alive[-15:] == [[False]] * 15


class Late(MLP):
    """Draws in its backward pass, from some pass on, what changes nothing."""

    def __init__(self, in_features, hidden, begins):
        super().__init__(in_features, hidden=hidden)
        self.begins = begins
        self.n_passes = 0

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        self.n_passes += 1
        draws = self.n_passes >= self.begins

        def layer(h):
            return super(Late, self).forward(h + 0 * torch.rand(1) if draws else h)

        return checkpoint(layer, x, use_reentrant=False)


@pytest.mark.parametrize("begins", [1, 3])
def test_a_step_that_is_taken_again_counts_once(begins):
    samples, tasks = make_problem()
    params = {"hidden": (4,), "begins": begins}
    found = make_net(
        tasks, module__backbone=Late, module__backbone_params=params, **PIECES
    )
    train(found, samples)

    assert found.module_.backbone.n_passes > 3 * 8
    assert_alike(found, train(make_net(tasks, batch_size=32), samples))


def test_scaled_steps_add_up():
    samples, tasks = make_problem(dtype=torch.float32)
    found = make_net(tasks, FLOAT16, **PIECES)
    found.scaler_ = torch.amp.GradScaler("cpu", init_scale=1024)
    train(found, samples)
    expected = train(make_net(tasks, FLOAT32, batch_size=32), samples)

    assert found.scaler_.get_scale() == 1024
    assert_alike(found, expected, rtol=0.02, atol=2e-3)


def test_an_infinite_gradient_of_one_piece_skips_the_step():
    samples, tasks = make_problem(dtype=torch.float32)
    net = make_net(tasks, FLOAT16, **PIECES)
    before = {name: each.clone() for name, each in weights_of(net).items()}
    calls = []

    def spoil(gradient):
        calls.append(len(calls))
        return gradient * np.inf if len(calls) == 3 else gradient

    net.module_.heads[1][-1].register_full_backward_hook(
        lambda module, inputs, outputs: (spoil(inputs[0]),)
    )
    train(net, samples, epochs=1)
    assert len(calls) == 8
    assert all(each.equal(before[name]) for name, each in weights_of(net).items())


class Sees(nn.Module):
    """A backbone that changes its input in place, as a view of the batch."""

    n_features = 3

    def __init__(self, in_features):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(in_features))

    def forward(self, x):
        return x.mul_(1.0) * self.scale


def test_mixed_rows_keep_their_partners_labels():
    samples, tasks = weighted_samples()
    share = torch.linspace(0.1, 0.9, 30, dtype=torch.float64)

    def mixing(x, generator):
        order = torch.randperm(len(x), generator=generator)
        return share[: len(x), None] * x, order, share[: len(x)]

    nets = [
        make_net(tasks, module__backbone=Sees, module__backbone_params={}, **given)
        for given in ({"batch_size": 15}, {"batch_size": 5, "accumulate": 3})
    ]
    whole, pieces = (
        train(net, samples, changes=Changes(mixing=mixing)) for net in nets
    )
    assert_alike(pieces, whole)
    for key, value in whole.tallies_[True].summary("train").items():
        found = pieces.tallies_[True].summary("train")[key]
        assert found == pytest.approx(value, rel=1e-10), key


@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_batches_are_those_of_larger_ones(accumulate):
    samples, tasks = make_problem(41)
    nets = (
        make_net(tasks, FLOAT64, batch_size=4, accumulate=accumulate),
        make_net(tasks, FLOAT64, batch_size=4 * accumulate),
    )
    found, expected = (
        [len(x) for x, _ in net.get_iterator(samples, training=True)] for net in nets
    )
    assert found == expected
    assert found[0] == 4 * accumulate
    assert sum(found) == 41
