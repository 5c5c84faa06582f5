"""Prediction: how many rows at once, and by which network."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn.data import Samples
from mtlearn.networks import HeadSpec
from mtlearn.training import Rates, activations, features
from mtlearn.training._inference import (
    _FEWEST_ROWS,
    _MOST_ROWS,
    _PIXELS,
    _PIXELS_ELSEWHERE,
    inference_network,
    prediction_batch,
)
from tiny_nets import BFLOAT16, FLOAT32, FLOAT64, make_net, make_problem, train

NORMED = {
    "module__backbone_params": {"hidden": (6, 4), "batch_norm": True, "dropout": 0.2},
    "module__heads": (HeadSpec(2, hidden=(5,)), HeadSpec(1, hidden=())),
}


def trained(precision=FLOAT64, **params):
    """Return rows and a net with batch norm and dropout that was trained on them."""
    samples, tasks = make_problem(dtype=precision.dtype)
    return samples, train(make_net(tasks, precision, **{**NORMED, **params}), samples)


def outputs_of(net, samples):
    return [torch.cat(parts) for parts in zip(*activations(net, samples), strict=True)]


def bare_outputs(net, samples):
    """Compute the same with the network itself."""
    x = torch.tensor(samples.X, dtype=net.precision.dtype)
    with torch.no_grad(), net.precision.context("cpu"):
        outputs = net.module_(x)
    return [
        task.activate(output.to(net.precision.dtype))
        for task, output in zip(net.tasks, outputs, strict=True)
    ]


def assert_like_the_network(net, samples):
    for one, other in zip(
        outputs_of(net, samples), bare_outputs(net, samples), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("shape", "device", "expected"),
    [
        ((28, 28, 1), "cpu", _PIXELS["cpu"] // 784),
        ((28, 28, 3), "cpu", _PIXELS["cpu"] // 784),
        ((32, 16, 1), torch.device("cpu"), _PIXELS["cpu"] // 512),
        ((2000, 2000, 1), "cpu", _FEWEST_ROWS),
        ((1, 1, 3), "cpu", _MOST_ROWS),
        ((100,), "cpu", _PIXELS["cpu"] // 100),
        ((4,), "cpu", _MOST_ROWS),
        ((10**6,), "cpu", _FEWEST_ROWS),
        ((0,), "cpu", _MOST_ROWS),
        ((28, 28, 1), "cuda:1", _PIXELS_ELSEWHERE // 784),
        ((28, 28, 1), "meta", _PIXELS_ELSEWHERE // 784),
        ((3000, 3000, 1), "cuda", _FEWEST_ROWS),
    ],
)
def test_rows_at_once(shape, device, expected):
    for n_rows in (1, 20_000):
        # A view of one number: the rows take no memory.
        X = np.broadcast_to(np.float32(0), (n_rows, *shape))
        assert prediction_batch(Samples(X), device) == expected
    assert _FEWEST_ROWS <= expected <= _MOST_ROWS


def test_the_limits_are_apart():
    assert 1 < _FEWEST_ROWS < _PIXELS["cpu"] // 784 < _MOST_ROWS
    assert _PIXELS["cpu"] < _PIXELS_ELSEWHERE


def test_prediction_takes_batches_of_that_size(monkeypatch):
    monkeypatch.setitem(_PIXELS, "cpu", 3 * 12)
    samples, net = trained()
    sizes = [len(part) for part in features(net, samples)]
    assert sizes == [12, 12, 6]
    assert [len(part) for part, _ in activations(net, samples)] == sizes


@pytest.mark.parametrize("params", [{}, NORMED], ids=["plain", "normed"])
def test_results_are_those_of_the_network(params):
    samples, tasks = make_problem()
    net = train(make_net(tasks, **params), samples)
    assert_like_the_network(net, samples)
    with torch.no_grad():
        expected = net.module_.features(torch.tensor(samples.X))
    (found,) = features(net, samples)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_results_in_bfloat16():
    samples, net = trained(BFLOAT16)
    found, expected = outputs_of(net, samples), bare_outputs(net, samples)
    (part,) = features(net, samples)
    assert part.dtype == torch.float32
    net.precision = FLOAT32
    exact = bare_outputs(net, samples)
    for one, other, best in zip(found, expected, exact, strict=True):
        assert one.dtype == best.dtype
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05)
        torch.testing.assert_close(one, best, rtol=0.05, atol=0.05)
        assert not one.equal(best)


@pytest.mark.parametrize("precision", [FLOAT64, BFLOAT16], ids=lambda p: p.name)
def test_predicting_changes_nothing(precision):
    samples, net = trained(precision)
    before, text = deepcopy(net.module_.state_dict()), repr(net.module_)
    outputs = [*outputs_of(net, samples), *features(net, samples)]
    assert not any(output.requires_grad for output in outputs)
    assert repr(net.module_) == text
    for name, value in net.module_.state_dict().items():
        assert value.dtype == before[name].dtype
        assert value.equal(before[name]), name
    assert all(weight.requires_grad for weight in net.module_.parameters())


def test_the_network_is_kept_between_predictions():
    samples, net = trained()
    network = inference_network(net)
    assert network is not net.module_
    outputs_of(net, samples)
    list(features(net, samples))
    assert inference_network(net) is network


def change_a_weight(net, samples):
    with torch.no_grad():
        net.module_.backbone.layers[0].weight.mul_(2)


def change_a_statistic(net, samples):
    net.module_.backbone.layers[1].running_mean.add_(1)


def change_a_head(net, samples):
    with torch.inference_mode():
        net.module_.heads[1][-1].bias.fill_(0.5)


def load_a_state(net, samples):
    state = {name: value * 1.5 for name, value in net.module_.state_dict().items()}
    net.module_.load_state_dict(state)


def replace_a_head(net, samples):
    net.module_.heads[1] = nn.Linear(4, 1).to(torch.float64).eval()


def replace_an_activation(net, samples):
    net.module_.backbone.layers[2] = nn.Tanh().eval()


def replace_a_weight(net, samples):
    layer = net.module_.heads[1][-1]
    layer.weight = nn.Parameter(layer.weight.detach() + 1)


def replace_the_network(net, samples):
    net.module_ = deepcopy(net.module_)
    change_a_weight(net, samples)


def train_by_hand(net, samples):
    network = net.module_.train()
    optimizer = torch.optim.SGD(network.parameters(), 0.1, fused=True)
    sum(output.square().sum() for output in network(torch.tensor(samples.X))).backward()
    optimizer.step()
    network.eval()


def train_on(net, samples):
    net.set_optimizer(torch.optim.Adam, {"fused": True}, Rates(0.1), keep_state=False)
    train(net, samples, epochs=1)


@pytest.mark.parametrize(
    "change",
    [
        change_a_weight,
        change_a_statistic,
        change_a_head,
        load_a_state,
        replace_a_head,
        replace_an_activation,
        replace_a_weight,
        replace_the_network,
        train_by_hand,
        train_on,
    ],
)
def test_another_network_after_a_change(change):
    samples, net = trained()
    network, before = inference_network(net), outputs_of(net, samples)
    change(net, samples)
    after = outputs_of(net, samples)
    assert inference_network(net) is not network
    assert not all(a.equal(b) for a, b in zip(before, after, strict=True))
    assert_like_the_network(net, samples)


@pytest.mark.parametrize("change", [train_by_hand, train_on])
def test_another_network_after_fused_steps(change):
    # Without batch norm, nothing but such steps writes into the tensors.
    samples, tasks = make_problem()
    net = train(make_net(tasks), samples)
    before = outputs_of(net, samples)
    change(net, samples)
    after = outputs_of(net, samples)
    assert not any(a.equal(b) for a, b in zip(before, after, strict=True))
    assert_like_the_network(net, samples)


@pytest.mark.parametrize(
    ("before", "after"),
    [(BFLOAT16, FLOAT32), (FLOAT32, BFLOAT16), (FLOAT64, FLOAT32)],
    ids=lambda p: p.name,
)
def test_another_network_after_a_move(before, after):
    samples, net = trained(before)
    outputs_of(net, samples)
    net.move("cpu", after)
    dtype = after.autocast or after.dtype
    assert inference_network(net).heads[0][0].weight.dtype == dtype
    for one, other in zip(
        outputs_of(net, samples), bare_outputs(net, samples), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("where", ["module_", "module_.backbone", "module_.heads.0.1"])
def test_a_hook_sees_the_batch(where):
    samples, net = trained()
    expected, seen = outputs_of(net, samples), []
    part = net
    for name in where.split("."):
        part = part[int(name)] if name.isdigit() else getattr(part, name)
    hook = part.register_forward_hook(lambda *args: seen.append(args[1][0]))
    found = outputs_of(net, samples)
    assert inference_network(net) is net.module_
    assert [len(x) for x in seen] == [30]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    hook.remove()
    outputs_of(net, samples)
    assert len(seen) == 1
    assert inference_network(net) is not net.module_


def test_a_hook_may_change_the_output():
    samples, net = trained()
    outputs_of(net, samples)
    backbone = net.module_.backbone
    backbone.register_forward_hook(lambda module, args, output: output * 0)
    backbone.register_forward_pre_hook(lambda module, args: (args[0] * 0,))
    (found,) = features(net, samples)
    sign, value = outputs_of(net, samples)
    assert sign.equal(sign[:1].expand_as(sign))
    assert value.equal(value[:1].expand_as(value))
    assert found.shape == (30, 4)


def test_a_part_left_in_training_mode():
    samples, net = trained()
    expected = outputs_of(net, samples)
    net.module_.backbone.layers.train()
    network = inference_network(net)
    assert network is net.module_
    assert not any(part.training for part in network.modules())
    for one, other in zip(outputs_of(net, samples), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_a_pickle_holds_no_second_network():
    samples, net = trained()
    size = len(pickle.dumps(net))
    expected = outputs_of(net, samples)
    data = pickle.dumps(net)
    assert len(data) == size
    loaded = pickle.loads(data)
    assert loaded.inference_ is None
    for one, other in zip(outputs_of(loaded, samples), expected, strict=True):
        assert one.equal(other)


class Remembers(nn.Linear):
    """Keeps the mean of what it has returned in prediction, and scales by that."""

    def __init__(self, in_features, out_features=4):
        super().__init__(in_features, out_features)
        self.latest = torch.ones(())

    def forward(self, x):
        output = super().forward(x) * self.latest
        if not self.training:
            self.latest = output.mean()
        return output


@pytest.mark.parametrize("part", ["backbone", "head"])
def test_what_a_shared_part_keeps_in_prediction_can_be_trained_with(part):
    own = {"module__backbone": Remembers, "module__backbone_params": {}}
    if part == "head":
        own = {"module__heads": (HeadSpec(2, module=Remembers), HeadSpec(1))}
    samples, net = trained(**own)
    outputs_of(net, samples)
    # A tensor of inference mode could not be saved for the gradient.
    train(net, samples, epochs=4)
    assert len(net.history) == 4
