"""Statistics of batch norms: those of the weights that are validated and predict."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn.data import Samples
from mtlearn.networks import MLP
from mtlearn.training import (
    EMA,
    SWA,
    FreshStatistics,
    _statistics,
    averaging_callback,
)
from mtlearn.training._inference import inference_network
from mtlearn.training._statistics import (
    RecentInputs,
    refresh_batch_norms,
    rows_for_statistics,
)
from tiny_nets import BFLOAT16, FLOAT32, make_net, make_problem, train

NORMS = {"module__backbone_params": {"hidden": (4,), "batch_norm": True}}


class Dropping(nn.Module):
    """Drops half of its inputs before a batch norm."""

    def __init__(self, in_features):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(0.5), nn.Linear(in_features, 4), nn.BatchNorm1d(4)
        )

    def forward(self, x):
        return self.layers(x)


class Frozen(MLP):
    """A backbone that stays in evaluation mode."""

    def train(self, mode=True):
        return super().train(False)


def linear_and_norm(net):
    layers = net.module_.backbone.layers
    first = next(i for i, each in enumerate(layers) if isinstance(each, nn.Linear))
    return layers[first], layers[first + 1]


def statistics_by_hand(net, X):
    """Return mean and unbiased variance of what the batch norm gets for rows."""
    linear, _ = linear_and_norm(net)
    weight = linear.weight.detach().numpy()
    bias = 0 if linear.bias is None else linear.bias.detach().numpy()
    x = X @ weight.T + bias
    return x.mean(axis=0), x.var(axis=0, ddof=1)


def assert_statistics(net, X, rtol=1e-12):
    _, norm = linear_and_norm(net)
    found = norm.running_mean.numpy(), norm.running_var.numpy()
    for value, expected in zip(found, statistics_by_hand(net, X), strict=True):
        np.testing.assert_allclose(value, expected, rtol=rtol, atol=1e-14)


class AtValidation(Callback):
    """Look at the statistics at each batch of validation."""

    def __init__(self, X):
        self.X = X
        self.n_looks = 0

    def on_batch_begin(self, net, training, **kwargs):
        if not training:
            self.n_looks += 1
            assert_statistics(net, self.X)


def test_rows_by_hand():
    few = {n: rows_for_statistics(n) for n in (1, 20, 32, 33, 512, 700)}
    assert few == {1: 1, 20: 20, 32: 32, 33: 32, 512: 32, 700: 43}
    assert [rows_for_statistics(n) for n in (2430, 10**6)] == [151, 4096]
    assert rows_for_statistics(700, n_epochs=3) == 131
    assert rows_for_statistics(700, n_epochs=100) == 700
    assert rows_for_statistics(10**6, n_epochs=100) == 4096


def test_recent_inputs_are_the_last_ones():
    recent = RecentInputs(5, at_once=2, due=False)
    assert not recent.stale
    for start in range(0, 12, 3):
        recent.add(torch.arange(start, start + 3)[:, None])
    assert recent.stale
    parts = recent.take()
    assert [len(part) for part in parts] == [2, 2, 1]
    assert torch.cat(parts)[:, 0].tolist() == [7, 8, 9, 10, 11]
    assert len(recent.batches) == 2


def test_statistics_are_computed_once_for_the_same_weights(monkeypatch):
    samples, tasks = make_problem()
    calls = []
    monkeypatch.setattr(_statistics, "_compute", lambda *args: calls.append(args))

    class Predict(Callback):
        def on_epoch_end(self, net, **kwargs):
            inference_network(net)

    fresh = FreshStatistics(samples, validates=True)
    train(make_net(tasks, **NORMS), samples, fresh, Predict(), valid=samples, epochs=3)
    assert len(calls) == 3


def test_large_inputs_are_kept_to_the_fewest():
    recent = RecentInputs(1000, at_once=8, due=False)
    large = torch.zeros(8, 1).expand(8, 2**19)  # rows of 2 MiB, in no memory
    for _ in range(20):
        recent.add(large)
    assert sum(map(len, recent.batches)) == 32


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(4, [16, 16]), (16, [16, 16]), (20, [16, 16]), (40, [32])]
)
def test_large_images_take_no_more_memory_than_a_step_or_a_prediction(
    batch_size, sizes
):
    samples = Samples(np.zeros((40, 64, 64, 3), np.float32))  # 16 are predicted at once
    module_ = nn.BatchNorm2d(3)
    net = SimpleNamespace(module_=module_, device="cpu", batch_size=batch_size)
    FreshStatistics(samples, validates=True).on_train_begin(net)
    for start in range(0, 40, 4):
        x = samples.X[start : start + 4]
        net.recent_.add(torch.from_numpy(x).permute(0, 3, 1, 2))
    assert [len(part) for part in net.recent_.take()] == sizes


@pytest.mark.parametrize("averaging", [None, EMA(0.9)], ids=["none", "ema"])
def test_validation_sees_the_statistics_of_the_weights(averaging):
    samples, tasks = make_problem()  # the last 30 rows of an epoch are all of them
    net, look = make_net(tasks, **NORMS), AtValidation(samples.X)
    averages = [] if averaging is None else [averaging_callback(averaging, 3, samples)]
    fresh = FreshStatistics(samples, validates=True)
    train(net, samples, *averages, fresh, look, valid=samples)
    assert look.n_looks == 3
    assert_statistics(net, samples.X)
    assert net.recent_ is None


def test_a_training_without_validation_ends_with_the_statistics_of_its_weights():
    samples, tasks = make_problem()
    net = make_net(tasks, **NORMS)
    train(net, samples, FreshStatistics(samples, validates=False))
    assert_statistics(net, samples.X)


def test_some_rows_are_drawn_by_their_chances():
    samples, tasks = make_problem(400)
    chances = np.where(np.arange(400) < 40, 10.0, 0.0)
    drawn = Samples(samples.X, samples.labels, chances=chances)
    net = make_net(tasks, **NORMS)
    train(net, drawn, FreshStatistics(drawn, validates=False), epochs=1)
    mean, _ = statistics_by_hand(net, samples.X[:40])
    _, norm = linear_and_norm(net)
    # Of 32 draws from 40 rows: their mean is within some standard errors.
    _, variance = statistics_by_hand(net, samples.X[:40])
    error = np.abs(norm.running_mean.numpy() - mean) / np.sqrt(variance / 32)
    assert error.max() < 4
    everyone, _ = statistics_by_hand(net, samples.X)
    assert not np.allclose(norm.running_mean, everyone, rtol=1e-6)


@pytest.mark.parametrize("averaging", [None, SWA(0.5)], ids=["none", "swa"])
def test_statistics_of_as_many_rows_as_there_are_follow_their_chances(averaging):
    samples, tasks = make_problem(400)
    rare = np.argsort(np.argsort(samples.X[:, 0])) < 40
    drawn = Samples(samples.X, samples.labels, chances=np.where(rare, 10.0, 0.0))
    net = make_net(tasks, **NORMS)
    averages = [] if averaging is None else [averaging_callback(averaging, 16, drawn)]
    fresh = FreshStatistics(drawn, validates=False)
    train(net, drawn, *averages, fresh, epochs=16)
    mean, variance = statistics_by_hand(net, samples.X[rare])
    _, norm = linear_and_norm(net)
    error = np.abs(norm.running_mean.numpy() - mean) / np.sqrt(variance / 400)
    assert error.max() < 4  # of 400 draws from 40 rows
    everyone, _ = statistics_by_hand(net, samples.X)
    assert np.abs((everyone - mean) / np.sqrt(variance / 400)).max() > 4


@pytest.mark.parametrize("validates", [False, True])
def test_little_more_training_keeps_the_running_averages(validates):
    samples, tasks = make_problem(31)
    net = make_net(tasks, batch_size=31, lr=0.0, **NORMS)
    valid = samples if validates else None
    train(net, samples, FreshStatistics(samples, validates, 31), valid=valid, epochs=1)
    mean, variance = statistics_by_hand(net, samples.X)
    _, norm = linear_and_norm(net)
    np.testing.assert_allclose(norm.running_mean, 0.1 * mean, rtol=1e-12)
    np.testing.assert_allclose(norm.running_var, 0.9 + 0.1 * variance, rtol=1e-12)
    train(net, samples, FreshStatistics(samples, validates, 32), valid=valid, epochs=1)
    assert_statistics(net, samples.X)


class InPlace(MLP):
    """A backbone that works on its inputs in place."""

    def forward(self, x):
        return super().forward(x.mul_(2.0))


def test_what_works_in_place_does_not_reach_the_inputs_of_statistics():
    samples, tasks = make_problem()
    net = make_net(tasks, module__backbone=InPlace, **NORMS)
    look = AtValidation(2 * samples.X)
    fresh = FreshStatistics(samples, validates=True)
    train(net, samples, fresh, look, valid=samples)
    assert look.n_looks == 3


def test_nothing_is_dropped_for_statistics():
    samples, tasks = make_problem()
    net = make_net(tasks, module__backbone=Dropping, module__backbone_params={})
    train(net, samples, FreshStatistics(samples, True), valid=samples)
    assert_statistics(net, samples.X)


def test_a_callback_that_predicts_gets_them_and_changes_nothing():
    samples, tasks = make_problem()

    class Predict(Callback):
        n_seen = 0

        def on_epoch_end(self, net, **kwargs):
            linear, norm = linear_and_norm(net)
            x = torch.from_numpy(samples.X)
            mean, variance = map(torch.from_numpy, statistics_by_hand(net, samples.X))
            normed = (linear(x) - mean) / (variance + norm.eps).sqrt()
            expected = (normed * norm.weight + norm.bias).relu().detach()
            found = inference_network(net).features(x).detach()
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
            self.n_seen += 1

    states = []
    for callbacks in ([], [Predict()]):
        net = make_net(tasks, **NORMS)
        fresh = FreshStatistics(samples, validates=False)
        train(net, samples, fresh, *callbacks)
        states.append(net.module_.state_dict())
    assert callbacks[0].n_seen == 3
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("valid", [False, True])
def test_a_mean_of_weights_has_the_statistics_of_one_pass(valid):
    samples, tasks = make_problem(500)  # more than those of the last steps
    net = make_net(tasks, **NORMS)
    average = averaging_callback(SWA(0.5), 3, samples)
    fresh = FreshStatistics(samples, validates=valid)
    train(net, samples, average, fresh, valid=samples if valid else None)
    assert_statistics(net, samples.X)


def test_batches_of_statistics_are_of_about_the_same_size():
    samples, tasks = make_problem(4097)
    net = make_net(tasks, **NORMS)
    refresh_batch_norms(net, samples)
    assert_statistics(net, samples.X, rtol=2e-3)
    _, norm = linear_and_norm(net)
    assert norm.num_batches_tracked == 2
    assert norm.momentum == 0.1


def test_no_batch_of_statistics_is_much_smaller_than_the_others(monkeypatch):
    samples, tasks = make_problem(58)
    monkeypatch.setattr(_statistics, "prediction_batch", lambda *_: 8)
    sizes = []
    monkeypatch.setattr(
        _statistics, "_compute", lambda net, batches: sizes.extend(map(len, batches))
    )
    net = make_net(tasks, **NORMS)
    refresh_batch_norms(net, samples)
    assert sizes == [8, 8, 7, 7, 7, 7, 7, 7]
    net.recent_ = RecentInputs(58, at_once=8, due=False)
    net.recent_.add(torch.from_numpy(samples.X))
    net.refresh_statistics()
    assert sizes[8:] == sizes[:8]


def test_statistics_in_a_shorter_precision():
    samples, tasks = make_problem(dtype=torch.float32)
    norms = []
    for precision in (FLOAT32, BFLOAT16):
        net = make_net(tasks, precision, **NORMS)
        refresh_batch_norms(net, samples)
        norms.append(linear_and_norm(net)[1])
    assert {norm.running_var.dtype for norm in norms} == {torch.float32}
    whole, short = (norm.running_var for norm in norms)
    assert not torch.equal(whole, short)
    torch.testing.assert_close(whole, short, rtol=0.02, atol=0)


@pytest.mark.parametrize("training", [False, True])
def test_a_network_stays_in_its_mode(training):
    samples, tasks = make_problem()
    net = make_net(tasks, **NORMS)
    net.module_.train(training)
    refresh_batch_norms(net, samples)
    assert {module.training for module in net.module_.modules()} == {training}


def test_statistics_of_a_frozen_backbone_stay():
    samples, tasks = make_problem()
    net = make_net(tasks, module__backbone=Frozen, **NORMS)
    before = [buffer.clone() for buffer in net.module_.buffers()]
    fresh = FreshStatistics(samples, validates=True)
    train(net, samples, fresh, averaging_callback(SWA(0.5), 3, samples), valid=samples)
    assert len(before) == 3
    assert all(map(torch.equal, before, net.module_.buffers()))


def test_layers_that_nothing_passes_keep_theirs():
    samples, tasks = make_problem()
    net = make_net(tasks, **NORMS)
    spare = net.module_.backbone.spare = nn.BatchNorm1d(2).double()
    spare.running_mean.fill_(3.0)
    refresh_batch_norms(net, samples)
    assert spare.running_mean.tolist() == [3.0, 3.0]
    assert_statistics(net, samples.X)


def test_a_network_without_batch_norms_makes_no_pass():
    samples, tasks = make_problem()
    net = make_net(tasks)
    trainings = net.module_.n_trainings
    refresh_batch_norms(net, samples)
    assert net.module_.n_trainings == trainings
