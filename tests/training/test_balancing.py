"""Balanced losses in the steps of a net: what they are shown, without a trace."""

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from balanced_nets import (
    METHODS,
    NOISY,
    Same,
    Weights,
    assert_equal,
    mean_losses,
    run,
    weights_of,
)
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.losses import FAMO, GLS, RLW, Uncertainty
from mtlearn.training import resolve_balancing
from mtlearn.training._shared_norms import last_shared_layer
from tiny_nets import FLOAT16, FLOAT32, make_net, make_problem, train


@pytest.mark.parametrize("params", [{}, NOISY], ids=["plain", "noisy"])
@pytest.mark.parametrize("looks", [False, True])
def test_weights_of_one_and_a_second_look_change_no_bit(looks, params):
    before = torch.get_rng_state()
    params = {**params, "batch_size": 8}
    expected = run(None, **params)
    net = run(Same(looks, norms=True), **params)
    assert_equal(net, expected)
    assert torch.equal(torch.get_rng_state(), before)
    losses = [row["train_loss"] for row in net.history[:, "batches", :][0]]
    assert losses == [row["train_loss"] for row in expected.history[:, "batches", :][0]]


def test_a_second_look_drops_what_the_step_dropped():
    net = run(Same(looks=True), **NOISY, batch_size=8, lr=1e-300)
    records = net.balance_.state.records
    assert len(records) == 12
    for record in records:
        np.testing.assert_allclose(record.after, record.losses, rtol=1e-12)
    assert len({record.losses[0] for record in records}) == 12


def test_the_second_look_sees_the_step():
    samples, tasks = make_problem()
    net = run(Same(looks=True), epochs=1)
    (record,) = net.balance_.state.records
    with torch.no_grad():
        expected = mean_losses(net, samples), mean_losses(make_net(tasks), samples)
    np.testing.assert_allclose(record.after, expected[0], rtol=1e-12)
    np.testing.assert_allclose(record.losses, expected[1], rtol=1e-12)


@pytest.mark.parametrize("method", [GLS(), Same(looks=True)], ids=str)
def test_looks_at_pieces_leave_no_trace(method):
    noisy = {**NOISY, "batch_size": 10, "accumulate": 3, "lr": 1e-300}
    net, expected = run(method, **noisy), run(None, **noisy)
    for name, buffer in net.module_.named_buffers():
        assert torch.equal(buffer, expected.module_.get_buffer(name)), name
    kept = [each.randomness_.generators["cpu"].get_state() for each in (net, expected)]
    assert torch.equal(*kept)


class Shown(GLS):
    """Keeps the losses that weights are asked for, and those that steps have seen."""

    def start(self, factors, seed):
        state, weights = super().start(factors, seed), None
        state.asked, state.seen, weights = [], [], state.weights
        state.weights = lambda losses, present: (
            state.asked.append(losses) or weights(losses, present)
        )
        state.end_step = lambda record: state.seen.append(record.losses)
        return state


def test_the_first_look_at_pieces_sees_the_losses_of_the_step():
    net = run(Shown(), **NOISY, batch_size=10, accumulate=3)
    state = net.balance_.state
    assert len(state.asked) == 3  # once for all three pieces
    np.testing.assert_allclose(state.asked, state.seen, rtol=1e-12)


def hidden_labels(samples, place, rows):
    """Take labels of a task away."""
    labels = copy.deepcopy(samples.labels)
    labels.weights[place][rows] = 0
    for each in labels.loss_weights[place : place + 1]:
        each[rows] = 0
    return type(samples)(samples.X, labels)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_task_without_labels_stays_as_it_is(method):
    samples, _ = make_problem()
    hidden = hidden_labels(samples, 1, slice(None))
    seen = Weights()
    net = run(method, seen, samples=hidden)
    start = make_net(make_problem()[1])
    for name, value in weights_of(start).items():
        same = torch.equal(value, weights_of(net)[name])
        assert same == name.startswith("heads.1"), name
    assert np.isnan(np.array(seen.weights)[:, 1]).all()
    if not isinstance(method, Uncertainty):
        np.testing.assert_allclose(np.array(seen.weights)[:, 0], 1)


def test_a_record_has_the_mean_over_labels():
    samples, tasks = make_problem()
    hidden = hidden_labels(samples, 1, slice(5, 30))
    (record,) = run(Same(), samples=hidden, epochs=1).balance_.state.records
    with torch.no_grad():
        expected = mean_losses(make_net(tasks), hidden)
    np.testing.assert_allclose(record.losses, expected, rtol=1e-12)


def test_a_record_says_who_is_there():
    samples, _ = make_problem()
    hidden = hidden_labels(samples, 1, slice(1, 30))
    records = run(
        Same(), samples=hidden, batch_size=10, epochs=1
    ).balance_.state.records
    assert [record.present[0] for record in records] == [True] * 3
    assert sorted(record.present[1] for record in records) == [False, False, True]
    assert [record.losses[1] > 0 for record in records] == [
        record.present[1] for record in records
    ]


def test_a_weight_of_zero_is_absence():
    samples, tasks = make_problem()
    net = make_net(tasks, batch_size=30)
    net.criterion_.task_weights = (1.0, 0.0)
    net.set_balancing(Same(), 0, keep_state=False)
    train(net, samples, epochs=1)
    (record,), (epoch,) = net.balance_.state.records, net.balance_.state.epochs
    assert record.present.tolist() == [True, False]
    assert np.isnan(epoch).tolist() == [False, True]
    assert np.isnan(net.history[-1]["weight_value"])


def test_an_epoch_has_the_mean_over_all_labels():
    rows = []

    class Rows(Callback):
        def on_epoch_end(self, net, **kwargs):
            rows.append(net.tallies_[True].summary("train"))

    net = run(Same(), Rows(), batch_size=7)
    assert len(net.balance_.state.epochs) == 3
    for losses, row in zip(net.balance_.state.epochs, rows, strict=True):
        expected = [2 * row["train_sign_loss"], 0.5 * row["train_value_loss"]]
        np.testing.assert_allclose(losses, expected)


def test_the_history_has_the_mean_over_steps():
    net = run(RLW(), batch_size=10, epochs=1)
    drawn = np.exp(np.random.default_rng(7).standard_normal((3, 2)))
    expected = (2 * drawn / drawn.sum(axis=1, keepdims=True)).mean(axis=0)
    row = net.history[-1]
    np.testing.assert_allclose([row["weight_sign"], row["weight_value"]], expected)


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT16], ids=str)
def test_gradients_are_true_ones_in_every_precision(precision):
    single, _ = make_problem(dtype=torch.float32)
    single = type(single)(single.X.astype(np.float32), single.labels)
    found = run(
        Same(norms=True), samples=single, precision=precision, epochs=1
    ).balance_.state.records[0]
    expected = run(Same(norms=True), epochs=1).balance_.state.records[0]
    np.testing.assert_allclose(found.norms, expected.norms, rtol=0.01)
    assert (found.norms > 0).all()


def test_the_layer_is_the_last_one_with_a_matrix():
    deep = {"module__backbone_params": {"hidden": (4, 5), "batch_norm": True}}
    net = run(Same(norms=True), **deep, epochs=1)
    found = net.balance_._norms._layer
    assert [each.shape for each in found if each.ndim > 1] == [(5, 4)]


class Freeze(Callback):
    def on_epoch_begin(self, net, **kwargs):
        net.module_.freeze_backbone(len(net.history) == 2)


def test_norms_are_of_what_trains_of_the_last_layer_that_does():
    net = run(None, module__backbone_params={"hidden": (4, 2)})
    first, first_bias, last, last_bias = net.module_.backbone.parameters()
    first_bias.requires_grad_(False)
    last_bias.requires_grad_(False)
    assert [each is last for each in last_shared_layer(net)] == [True]
    last.requires_grad_(False)
    assert [each is first for each in last_shared_layer(net)] == [True]


def test_norms_are_looked_for_anew_where_a_backbone_is_frozen():
    net = run(Same(norms=True), Freeze())
    found = [record.norms is not None for record in net.balance_.state.records]
    assert found == [True, False, True]


class FreezeLater(Callback):
    def on_batch_begin(self, net, **kwargs):
        net.module_.freeze_backbone(len(net.history[-1, "batches"]) > 1)


def test_a_backbone_that_is_frozen_within_an_epoch():
    net = run(Same(norms=True), FreezeLater(), batch_size=10, epochs=1)
    found = [record.norms is not None for record in net.balance_.state.records]
    assert found == [True, False, False]


class Draws(torch.autograd.Function):
    """Draws in the backward pass, as where activations are computed again."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        torch.rand(1)
        return gradient


class Drawing(nn.Module):
    def __init__(self, in_features, draws):
        super().__init__()
        self.first, self.last = nn.Linear(in_features, 4), nn.Linear(4, 4)
        self.n_features, self.draws = 4, draws

    def forward(self, x):
        x = self.first(x)
        return self.last(Draws.apply(x) if self.draws else x)


@pytest.mark.parametrize("pieces", [{}, {"batch_size": 10, "accumulate": 3}])
def test_a_step_that_is_taken_again_counts_once(pieces):
    nets = [
        run(
            Same(norms=True),
            module__backbone=Drawing,
            module__backbone_params={"draws": draws},
            epochs=2,
            **pieces,
        )
        for draws in (True, False)
    ]
    assert nets[0].randomness_.draws_again
    found, expected = ([r.norms for r in n.balance_.state.records] for n in nets)
    np.testing.assert_array_equal(found, expected)


class Notes(nn.Linear):
    """Notes whether its passes are for gradients."""

    def __init__(self, in_features):
        super().__init__(in_features, 4)
        self.n_features, self.notes = 4, []

    def forward(self, x):
        self.notes.append(torch.is_grad_enabled())
        return super().forward(x)


def test_a_second_look_needs_no_gradients():
    own = {"module__backbone": Notes, "module__backbone_params": {}}
    net = run(FAMO(every=2), **own, epochs=2)
    assert net.module_.backbone.notes[-3:] == [True, True, False]


class Graphs(Callback):
    """Notes whether a balance keeps a graph when a step has ended."""

    def on_batch_end(self, net, **kwargs):
        self.kept = copy.deepcopy(net.balance_)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_no_graph_outlives_its_step(method):
    graphs = Graphs()
    run(method, graphs, epochs=1)  # a tensor with a graph cannot be copied
    assert graphs.kept.state is not None


def test_lbfgs_moves_the_state_once_a_step():
    net = run(Same(), optimizer=torch.optim.LBFGS, epochs=2)
    assert len(net.balance_.state.records) == 2


class Fail(Callback):
    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) == 2:
            raise RuntimeError("fail")


def go_on_and_fail(net, method):
    with net.unchanged_on_error():
        net.criterion_.task_weights = (7.0, 7.0)
        net.set_balancing(method, 0, keep_state=True)
        train(net, make_problem()[0], Fail())


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_failed_training_leaves_the_state_as_it_was(method):
    net = run(method)
    before = net.balance_.state.state_dict()
    with pytest.raises(RuntimeError, match="fail"):
        go_on_and_fail(net, method)
    assert net.balance_.task_weights.tolist() == [2, 0.5]
    after = net.balance_.state.state_dict()
    for name in before.keys() - {"generator_"}:
        np.testing.assert_array_equal(after[name], before[name])


def test_a_state_is_kept_for_the_same_value_only():
    net = run(Uncertainty(lr=0.1))
    state = net.balance_.state
    net.set_balancing(Uncertainty(lr=0.1), 0, keep_state=True)
    assert net.balance_.state is state
    net.criterion_.task_weights = (3.0, 7.0)
    net.set_balancing(Uncertainty(lr=0.1), 0, keep_state=True)
    assert net.balance_.state is state
    assert net.balance_.task_weights.tolist() == [3, 7]
    net.set_balancing(Uncertainty(lr=0.2), 0, keep_state=True)
    assert net.balance_.state is not state
    net.set_balancing(None, 0, keep_state=True)
    assert net.balance_ is None


def negative(output, target):
    return (output.squeeze(1) - target) ** 2 - 50


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_losses_that_are_not_above_zero(method, accumulate):
    losses = make_net(make_problem()[1]).criterion_.losses[0], negative
    params = {"criterion__losses": losses, "accumulate": accumulate, "batch_size": 10}
    if not method.needs_positive:
        run(method, **params)
        return
    message = r"which needs losses above 0\. .* the loss of 'value' \(-2\d"
    with pytest.raises(InvalidParameterError, match=message):
        run(method, **params)


def test_a_loss_that_is_below_zero_after_the_step():
    signs = iter([1, -1])

    def changing(output, target):
        return next(signs) * (1 + (output.squeeze(1) - target) ** 2)

    losses = make_net(make_problem()[1]).criterion_.losses[0], changing
    with pytest.raises(InvalidParameterError, match=r"the loss of 'value' \(-"):
        run(FAMO(every=1), criterion__losses=losses, epochs=1)


def test_weights_of_another_shape():
    class Wrong(Same):
        def start(self, factors, seed):
            state = super().start(factors, seed)
            state.weights = lambda losses, present: np.ones(3)
            return state

    message = r"weights of Wrong must have the shape \(2,\), .* Got \(3,\) instead"
    with pytest.raises(InvalidParameterError, match=message):
        run(Wrong())


def test_values_by_name():
    for value in (None, [1.0, 2.0], {"sign": 1.0}, 3):
        assert resolve_balancing(value, "Owner") is None
    names = ["uncertainty", "dwa", "rlw", "gls", "famo", "gradnorm"]
    found = [type(resolve_balancing(name, "Owner")).__name__ for name in names]
    assert found == ["Uncertainty", "DWA", "RLW", "GLS", "FAMO", "GradNorm"]
    value = FAMO(lr=0.1)
    assert resolve_balancing(value, "Owner") is value


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("mean", InvalidParameterError, "'rlw', 'gls', 'famo', .* Got 'mean' instead"),
        (GLS, ParameterTypeError, r"must be an object. Got the class GLS .* pass GLS"),
        (FAMO(lr=-1), InvalidParameterError, "'lr' .* the FAMO of Owner"),
    ],
)
def test_values_are_checked(value, error, message):
    with pytest.raises(error, match=message):
        resolve_balancing(value, "Owner")
