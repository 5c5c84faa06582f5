"""Averages of weights: by hand, by torch's own, and for what training sees of them."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training import (
    EMA,
    SWA,
    BestWeights,
    EpochHistory,
    averaging_callback,
    resolve_averaging,
    resolve_schedule,
    schedule_callback,
)
from mtlearn.training.callbacks._averaging import WeightAverage
from tiny_nets import make_net, make_problem, train

NORMS = {"module__backbone_params": {"hidden": (4,), "batch_norm": True}}


def state_of(net):
    """Return a copy of the weights and buffers by name."""
    return {k: v.clone() for k, v in net.module_.state_dict().items()}


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


class Recorder(Callback):
    """Keep the weights after each batch of training, and around each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.batches, self.validations, self.ends = [], [], []

    def on_batch_begin(self, net, training, **kwargs):
        if not training:
            self.validations.append(state_of(net))

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.batches.append(state_of(net))

    def on_epoch_end(self, net, **kwargs):
        self.ends.append(state_of(net))


def run(averaging, *more, epochs=4, valid=True, **params):
    """Train with an averaging; return the net and what was recorded."""
    samples, tasks = make_problem()
    callbacks = [] if averaging is None else [averaging]
    if isinstance(averaging, EMA | SWA):
        callbacks = [averaging_callback(averaging, epochs, samples)]
    net, recorder = make_net(tasks, **{**NORMS, **params}), Recorder()
    valid = samples if valid else None
    train(net, samples, *callbacks, *more, recorder, valid=valid, epochs=epochs)
    return net, recorder


def by_hand(states, decay):
    """Return the average after each batch, by the recursion itself."""
    averages = [states[0]]
    for count, state in enumerate(states[1:], start=1):
        d = min(decay, (1 + count) / (10 + count))
        before = averages[-1]
        averages.append({k: d * before[k] + (1 - d) * v for k, v in state.items()})
    return averages


def parameters(state):
    """Leave out the statistics of batch norms, which are those of the average."""
    return {k: v for k, v in state.items() if "running" not in k and "num_" not in k}


@pytest.mark.parametrize("decay", [0.0, 0.2, 0.9, 0.999])
def test_the_exponential_average_is_the_recursion_by_hand(decay):
    net, recorder = run(EMA(decay))
    expected = by_hand([parameters(state) for state in recorder.batches], decay)
    assert len(expected) == 12
    for name, value in parameters(state_of(net)).items():
        torch.testing.assert_close(value, expected[-1][name], rtol=1e-12, atol=1e-14)


def test_validation_and_the_end_of_an_epoch_see_the_average():
    _, recorder = run(EMA(0.9))
    expected = by_hand([parameters(state) for state in recorder.batches], 0.9)[2::3]
    for seen in (recorder.validations, recorder.ends):
        assert len(seen) == 4
        for state, average in zip(seen, expected, strict=True):
            for name, value in average.items():
                torch.testing.assert_close(state[name], value, rtol=1e-12, atol=1e-14)
    assert not equal(recorder.ends[-1], recorder.batches[-1])


def test_training_itself_does_not_notice_the_average():
    momentum = {"optimizer__momentum": 0.9}
    _, with_average = run(EMA(0.9), **momentum)
    _, without = run(None, **momentum)
    assert len(without.batches) == 12
    for first, second in zip(with_average.batches, without.batches, strict=True):
        assert_equal(first, second)


def test_without_validation_the_network_has_the_average_too():
    with_validation, _ = run(EMA(0.9))
    without, recorder = run(EMA(0.9), valid=False)
    assert_equal(state_of(with_validation), state_of(without))
    assert_equal(state_of(without), recorder.ends[-1])


def test_the_best_weights_are_averages():
    rows = []
    best = BestWeights(restore=True, patience=None)
    net, recorder = run(EMA(0.5), EpochHistory(rows), best, lr=0.7, epochs=8)
    losses = [row["valid_loss"] for row in rows]
    assert best.best_epoch_ == int(np.argmin(losses)) + 1 < 8
    assert_equal(state_of(net), recorder.ends[best.best_epoch_ - 1])


def test_counts_of_batches_are_not_averaged():
    net, _ = run(EMA(0.9))
    counts = [v for k, v in state_of(net).items() if k.endswith("batches_tracked")]
    assert [count.item() for count in counts] == [12]


@pytest.mark.parametrize("averaging", [EMA(0.9), SWA(0.5)], ids=["ema", "swa"])
def test_the_same_seed_gives_the_same_bits_and_draws_nothing(averaging):
    before = torch.get_rng_state()
    first, _ = run(averaging)
    second, _ = run(averaging)
    assert_equal(state_of(first), state_of(second))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("start", "counted"), [(0.0, 4), (0.25, 4), (0.5, 3), (0.6, 2), (0.75, 2), (1.0, 1)]
)
def test_the_stochastic_average_is_the_mean_of_the_last_epochs(start, counted):
    net, recorder = run(SWA(start))
    for name, value in net.module_.named_parameters():
        ends = torch.stack([state[name] for state in recorder.ends[-counted:]])
        torch.testing.assert_close(value.detach(), ends.mean(0), rtol=1e-12, atol=0)


def test_a_start_that_is_a_whole_number_but_for_rounding():
    samples, _ = make_problem()
    assert 0.07 * 100 > 7
    assert averaging_callback(SWA(0.07), 100, samples).start == 7


def test_the_stochastic_average_leaves_training_and_validation_alone():
    _, with_average = run(SWA(0.25))
    _, without = run(None)
    assert_equal(with_average.ends[-1], without.ends[-1])
    for first, second in zip(
        with_average.validations, without.validations, strict=True
    ):
        assert_equal(first, second)


def test_a_training_that_stops_before_the_average_keeps_its_weights():
    samples, _ = make_problem()
    early = averaging_callback(SWA(0.75), 100, samples)
    net, recorder = run(early)
    assert_equal(state_of(net), recorder.ends[-1])


class Rates(Callback):
    def on_train_begin(self, net, **kwargs):
        self.rates = []

    def on_grad_computed(self, net, **kwargs):
        self.rates.append(net.optimizer_.param_groups[0]["lr"])


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
@pytest.mark.parametrize("first", [True, False])
def test_the_rate_is_held_whatever_the_schedule_says(name, first):
    samples, _ = make_problem()
    schedule = schedule_callback(
        resolve_schedule(name, "Owner"), rates=(0.1,), epochs=4, n_batches=3
    )
    average = averaging_callback(SWA(0.75, lr=0.05), 4, samples)
    rows, rates = [], Rates()
    pair = (average, schedule) if first else (schedule, average)
    run(None, EpochHistory(rows), *pair, rates)
    assert rates.rates[6:] == [0.05] * 6
    assert 0.05 not in rates.rates[:6]
    if not first:
        assert [row["lr"] for row in rows[2:]] == [0.05] * 2


def test_the_average_is_that_of_torch():
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    function = get_ema_multi_avg_fn(0.7)
    average = WeightAverage([*module.parameters(), *module.buffers()])
    torchs = AveragedModel(module, multi_avg_fn=function, use_buffers=True)
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        with torch.no_grad():
            for tensor in average.tensors:
                tensor.normal_(generator=generator)
        average.update(function)
        torchs.update_parameters(module)
    average.exchange()
    for name, value in torchs.module.state_dict().items():
        assert torch.equal(module.state_dict()[name], value)


def test_an_exchange_keeps_the_memory_of_weights_and_optimiser():
    weight = torch.nn.Parameter(
        torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last)
    )
    address = weight.data_ptr()
    average = WeightAverage([weight])
    with torch.no_grad():
        weight.fill_(5.0)
    average.exchange()
    assert (weight == 1).all()
    assert weight.data_ptr() == address
    assert weight.is_contiguous(memory_format=torch.channels_last)
    average.exchange()
    assert (weight == 5).all()


def test_values_by_name():
    assert resolve_averaging(None, "Owner") is None
    assert resolve_averaging("ema", "Owner").get_params() == {"decay": 0.999}
    assert resolve_averaging("swa", "Owner").get_params() == {"start": 0.75, "lr": None}
    value = SWA(0.5, lr=0.1)
    assert resolve_averaging(value, "Owner") is value
    assert repr(clone(value)) == "SWA(lr=0.1, start=0.5)"


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("mean", InvalidParameterError, "None, 'ema', 'swa', or an .* Got 'mean'"),
        (EMA, ParameterTypeError, "an object such as EMA.*Got <class"),
        (0.99, ParameterTypeError, "'averaging' parameter of Owner .* Got 0.99"),
        (EMA(1.0), InvalidParameterError, r"'decay' .* the EMA of Owner .*\[0, 1\)"),
        (EMA("0.9"), ParameterTypeError, "'decay' .* must be a real number"),
        (SWA(1.5), InvalidParameterError, r"'start' .* the SWA of Owner .* Got 1\.5"),
        (SWA(-0.1), InvalidParameterError, r"'start' .* in \[0, 1\]"),
        (SWA(lr=0.0), InvalidParameterError, r"'lr' .* the SWA of Owner .* Got 0\.0"),
    ],
)
def test_values_are_checked(value, error, message):
    with pytest.raises(error, match=message):
        resolve_averaging(value, "Owner")
