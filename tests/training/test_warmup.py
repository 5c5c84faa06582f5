"""The warm-up and the cosine, against their closed form at every epoch."""

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from mtlearn import Classification, MultiTaskEstimator, Partial, Tasks
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.networks import MLP
from mtlearn.training import WarmupCosineLR, resolve_schedule, schedule_callback


def make_optimizer(*rates):
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": r} for r in rates]
    return torch.optim.SGD(groups, lr=1.0)


def run(schedule, optimizer, epochs):
    """Return the rates of each epoch, `(epochs, n_groups)`."""
    rates = []
    for _ in range(epochs):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return np.array(rates)


def closed_form(lr, epochs, T_max, warmup, eta_min):
    t = np.arange(epochs)
    rising = lr * (t + 1) / (warmup + 1)
    low = min(eta_min, lr)
    done = np.minimum((t - warmup) / (T_max - warmup), 1)
    falling = low + (lr - low) * (1 + np.cos(np.pi * done)) / 2
    return np.where(t < warmup, rising, falling)


@pytest.mark.parametrize("warmup", [0, 1, 3])
@pytest.mark.parametrize("eta_min", [0.0, 0.05])
def test_every_epoch_of_every_group(warmup, eta_min):
    rates = (0.8, 0.1, 0.02)  # the last one is below the lowest rate
    optimizer = make_optimizer(*rates)
    schedule = WarmupCosineLR(optimizer, 10, warmup=warmup, eta_min=eta_min)
    found = run(schedule, optimizer, 14)
    expected = [closed_form(lr, 14, 10, warmup, eta_min) for lr in rates]
    np.testing.assert_allclose(found, np.transpose(expected), rtol=1e-12, atol=1e-15)
    assert (found <= rates).all()
    np.testing.assert_allclose(found[10:], [np.minimum(eta_min, rates)] * 4)


def test_without_a_warmup_it_is_the_cosine_of_torch():
    first, second = make_optimizer(0.3), make_optimizer(0.3)
    ours = WarmupCosineLR(first, 8, warmup=0, eta_min=0.01)
    torchs = lr_scheduler.CosineAnnealingLR(second, 8, eta_min=0.01)
    np.testing.assert_allclose(run(ours, first, 9), run(torchs, second, 9), rtol=1e-12)


@pytest.mark.parametrize("warmup", [3, 5])
def test_a_warmup_of_all_epochs_only_rises(warmup):
    optimizer = make_optimizer(0.6)
    found = run(WarmupCosineLR(optimizer, 3, warmup=warmup), optimizer, 3)
    np.testing.assert_allclose(found[:, 0], 0.6 * np.arange(1, 4) / (warmup + 1))


def test_a_state_goes_on_where_it_was():
    optimizer = make_optimizer(0.5, 0.1)
    schedule = WarmupCosineLR(optimizer, 9, warmup=2, eta_min=0.01)
    run(schedule, optimizer, 4)
    state, groups = schedule.state_dict(), optimizer.state_dict()
    expected = run(schedule, optimizer, 6)

    other = make_optimizer(0.5, 0.1)
    again = WarmupCosineLR(other, 1)
    again.load_state_dict(state)
    other.load_state_dict(groups)

    assert "optimizer" not in state
    np.testing.assert_array_equal(run(again, other, 6)[1:], expected[1:])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"T_max": 0}, InvalidParameterError, "'T_max' .* not below 1. Got 0"),
        ({"T_max": 2.5}, ParameterTypeError, "'T_max' .* must be an integer"),
        ({"warmup": -1}, InvalidParameterError, "'warmup' .* not below 0. Got -1"),
        ({"eta_min": -0.1}, InvalidParameterError, "'eta_min' .* Got -0.1"),
        ({"eta_min": [-0.1]}, InvalidParameterError, "'eta_min' .* Got -0.1"),
        ({"eta_min": [0, 1]}, InvalidParameterError, "each of the 1 groups .* Got .0"),
        ({"eta_min": "0"}, ParameterTypeError, "'eta_min' .* must be a real number"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=f"{message}.*") as info:
        WarmupCosineLR(make_optimizer(0.1), **{"T_max": 5, **params})
    assert "of WarmupCosineLR" in str(info.value)


@pytest.mark.parametrize(
    ("epochs", "warmup"), [(1, 0), (9, 0), (10, 1), (30, 3), (50, 5), (400, 5)]
)
def test_by_name_a_tenth_of_the_epochs_warms_up(epochs, warmup):
    schedule = resolve_schedule("warmup_cosine", "Owner")
    callback = schedule_callback(schedule, rates=(0.5,), epochs=epochs, n_batches=2)
    expected = {"T_max": epochs, "eta_min": 0.05, "warmup": warmup}
    assert callback.kwargs == pytest.approx(expected)


@pytest.mark.parametrize(("name", "warmup"), [("cosine", 0), ("warmup_cosine", 1)])
def test_each_group_ends_at_a_tenth_of_its_own_rate(name, warmup):
    schedule, rates = resolve_schedule(name, "Owner"), (0.01, 0.2, 0.5)
    callback = schedule_callback(schedule, rates=rates, epochs=10, n_batches=2)
    optimizer = make_optimizer(*rates)
    found = run(callback.policy(optimizer, **callback.kwargs), optimizer, 12)
    expected = [closed_form(rate, 12, 10, warmup, rate / 10) for rate in rates]
    np.testing.assert_allclose(found, np.transpose(expected), rtol=1e-12)


def test_a_cosine_of_ones_own_length_is_that_of_torch():
    schedule = Partial(lr_scheduler.CosineAnnealingLR, T_max=2)
    rates = (0.01, 0.5)
    callback = schedule_callback(schedule, rates=rates, epochs=9, n_batches=2)
    assert callback.policy is lr_scheduler.CosineAnnealingLR
    assert callback.kwargs == pytest.approx({"T_max": 2, "eta_min": 0.001})
    optimizer = make_optimizer(*rates)
    found = run(callback.policy(optimizer, **callback.kwargs), optimizer, 5)
    np.testing.assert_allclose(found[[0, 4]], [rates, rates])  # it rises again


def test_lowest_rates_of_each_group():
    rates, lowest = (0.8, 0.1), (0.2, 0.3)
    optimizer = make_optimizer(*rates)
    schedule = WarmupCosineLR(optimizer, 4, warmup=0, eta_min=lowest)
    expected = [
        closed_form(rate, 6, 4, 0, low) for rate, low in zip(rates, lowest, strict=True)
    ]
    np.testing.assert_allclose(run(schedule, optimizer, 6), np.transpose(expected))


def test_one_cycle_has_the_peak_of_each_group():
    schedule = resolve_schedule("one_cycle", "Owner")
    callback = schedule_callback(schedule, rates=(0.01, 0.5), epochs=9, n_batches=2)
    assert callback.kwargs == {"max_lr": [0.01, 0.5], "total_steps": 18}


def fitted_rates(schedule, **params):
    X = np.random.default_rng(0).normal(size=(40, 3))
    estimator = MultiTaskEstimator(
        Tasks(sign=Classification(2)),
        backbone=Partial(MLP, hidden=(2,)),
        lr=0.02,
        lr_schedule=schedule,
        random_state=0,
        **params,
    )
    estimator.fit(X, (X[:, 0] > 0).astype(int))
    return [row["lr"] for row in estimator.history_]


def test_a_fit_by_name():
    found = fitted_rates("warmup_cosine", max_epochs=20)
    np.testing.assert_allclose(found, closed_form(0.02, 20, 20, 2, 0.002))


def test_a_fit_with_arguments():
    schedule = Partial(WarmupCosineLR, warmup=3, eta_min=1e-5)
    found = fitted_rates(schedule, max_epochs=8)
    np.testing.assert_allclose(found, closed_form(0.02, 8, 8, 3, 1e-5))


def test_a_cosine_with_a_floor_ends_with_the_training():
    schedule = Partial(lr_scheduler.CosineAnnealingLR, eta_min=1e-4)
    found = fitted_rates(schedule, max_epochs=8)
    np.testing.assert_allclose(found, closed_form(0.02, 8, 8, 0, 1e-4))


@pytest.mark.parametrize(("patience", "halvings"), [(1, 5), (20, 1)])
def test_a_plateau_with_a_floor_and_patience(patience, halvings):
    schedule = Partial(
        lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=patience, min_lr=0.004
    )
    # Without weight the loss is zero and never gets better.
    found = fitted_rates(schedule, max_epochs=24, loss_weights=[0.0])
    lowest = max(0.004, 0.02 / 2**halvings)
    wait = patience + 2
    assert found[:wait] == [0.02] * wait
    assert found[wait] == 0.01
    assert found[-1] == lowest
