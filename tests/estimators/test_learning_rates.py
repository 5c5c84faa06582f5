"""Optimisers and learning-rate schedules, as history_ shows them."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.optim import lr_scheduler

from mtlearn import Partial
from tiny_problems import assert_same_bits, make_table, same_bits, table_estimator


def rates(estimator):
    return [row["lr"] for row in estimator.history_]


def test_a_constant_rate():
    assert rates(table_estimator(lr=0.02).fit(*make_table())) == [0.02] * 4


def test_cosine_goes_down_to_a_tenth():
    estimator = table_estimator(lr=0.02, lr_schedule="cosine", max_epochs=20)
    epochs = np.arange(20)
    expected = 0.002 + 0.018 * (1 + np.cos(np.pi * epochs / 20)) / 2
    fitted = rates(estimator.fit(*make_table()))
    np.testing.assert_allclose(fitted, expected)
    assert fitted[-1] == pytest.approx(0.002, rel=0.1)


class RateRecorder(Callback):
    def on_train_begin(self, net, **kwargs):
        self.rates = []

    def on_batch_begin(self, net, training, **kwargs):
        if training:
            self.rates.append(net.optimizer_.param_groups[0]["lr"])


def test_one_cycle_peaks_at_the_rate():
    recorder = RateRecorder()
    estimator = table_estimator(
        lr=0.02, lr_schedule="one_cycle", batch_size=10, callbacks=[recorder]
    )
    estimator.fit(*make_table())
    stepped = recorder.rates
    assert len(stepped) == 16
    assert stepped[0] == pytest.approx(0.02 / 25)
    assert max(stepped) == pytest.approx(0.02, rel=0.1)
    peak = int(np.argmax(stepped))
    assert 2 <= peak <= 6
    assert np.all(np.diff(stepped[: peak + 1]) > 0)
    assert np.all(np.diff(stepped[peak:]) < 0)
    assert stepped[-1] < 0.02 / 25


class Halving(lr_scheduler.StepLR):
    """Halves the rate at every batch."""

    step_every = "batch"


class OwnCycle(lr_scheduler.CyclicLR):
    """Counts batches, as torch's does."""


def test_a_schedule_says_that_it_counts_batches():
    recorder = RateRecorder()
    halving = Partial(Halving, step_size=1, gamma=0.5)
    table_estimator(
        lr=0.02, lr_schedule=halving, batch_size=10, callbacks=[recorder], max_epochs=2
    ).fit(*make_table())
    np.testing.assert_allclose(recorder.rates, 0.02 * 0.5 ** np.arange(8))


def test_a_kind_of_torchs_cycle_counts_batches():
    recorder = RateRecorder()
    cycle = Partial(OwnCycle, base_lr=0.0, max_lr=0.04, step_size_up=4)
    table_estimator(
        optimizer="sgd",
        lr_schedule=cycle,
        batch_size=10,
        callbacks=[recorder],
        max_epochs=2,
    ).fit(*make_table())
    expected = [0.0, 0.01, 0.02, 0.03, 0.04, 0.03, 0.02, 0.01]
    np.testing.assert_allclose(recorder.rates, expected, atol=1e-12)


def test_plateau_halves_when_the_validation_loss_stalls():
    X, y = make_table()
    # Without weights the loss is zero and never gets better.
    estimator = table_estimator(
        lr=0.04, lr_schedule="plateau", max_epochs=12, loss_weights=[0, 0]
    )
    fitted = rates(estimator.fit(X, y))
    assert fitted == [0.04] * 6 + [0.02] * 5 + [0.01]


def test_plateau_sets_validation_rows_aside():
    estimator = table_estimator(lr_schedule="plateau").fit(*make_table())
    assert "valid_loss" in estimator.history_[0]
    assert estimator.n_iter_ == 4


def test_plateau_lowers_the_rate_before_early_stopping_gives_up():
    estimator = table_estimator(
        lr=0.04,
        lr_schedule="plateau",
        max_epochs=40,
        early_stopping=True,
        loss_weights=[0, 0],
    )
    assert rates(estimator.fit(*make_table())) == [0.04] * 6 + [0.02] * 5


@pytest.mark.parametrize(
    "schedule",
    [
        Partial(lr_scheduler.ExponentialLR, gamma=0.5),
        Partial(lr_scheduler.StepLR, step_size=1, gamma=0.5),
    ],
    ids=str,
)
def test_a_scheduler_of_torch(schedule):
    fitted = rates(table_estimator(lr=0.08, lr_schedule=schedule).fit(*make_table()))
    assert fitted == pytest.approx([0.08, 0.04, 0.02, 0.01])


def test_arguments_win_over_those_of_the_name():
    schedule = Partial(lr_scheduler.CosineAnnealingLR, eta_min=0.0)
    fitted = rates(table_estimator(lr=0.08, lr_schedule=schedule).fit(*make_table()))
    expected = 0.04 * (1 + np.cos(np.pi * np.arange(4) / 4))
    assert fitted == pytest.approx(expected)


def test_a_class_that_needs_no_argument():
    schedule = lr_scheduler.ReduceLROnPlateau
    estimator = table_estimator(lr_schedule=schedule).fit(*make_table())
    assert "valid_loss" in estimator.history_[0]


def test_a_schedule_begins_anew_with_a_warm_start():
    estimator = table_estimator(lr=0.02, lr_schedule="cosine", warm_start=True)
    estimator.fit(*make_table()).fit(*make_table())
    assert rates(estimator)[4:] == rates(estimator)[:4]


def test_partial_fit_after_a_schedule_takes_the_plain_rate():
    X, y = make_table()
    estimator = table_estimator(lr=0.02, lr_schedule="cosine").fit(X, y)
    assert rates(estimator.partial_fit(X, y))[-1] == 0.02


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("sgd", Partial(torch.optim.SGD, momentum=0.9, nesterov=True)),
    ],
)
def test_optimizers_by_name(name, expected):
    X, y = make_table()
    by_name = table_estimator(optimizer=name, weight_decay=0.1).fit(X, y)
    assert_same_bits(
        by_name, table_estimator(optimizer=expected, weight_decay=0.1).fit(X, y)
    )
    assert not same_bits(by_name, table_estimator(optimizer=name).fit(X, y))


def test_weight_decay_of_the_partial_wins():
    X, y = make_table()
    own = Partial(torch.optim.SGD, weight_decay=0.2)
    first = table_estimator(optimizer=own).fit(X, y)
    assert first.net_.optimizer_.param_groups[0]["weight_decay"] == 0.2
    with_parameter = table_estimator(optimizer=own, weight_decay=0.9).fit(X, y)
    assert_same_bits(first, with_parameter)


def test_arguments_of_an_optimizer_can_be_set():
    X, y = make_table()
    estimator = table_estimator(optimizer=Partial(torch.optim.SGD, momentum=0.5))
    estimator.set_params(optimizer__momentum=0.0).fit(X, y)
    assert_same_bits(estimator, table_estimator(optimizer=torch.optim.SGD).fit(X, y))


def test_an_optimizer_that_takes_a_closure():
    X, y = make_table()
    estimator = table_estimator(optimizer=torch.optim.LBFGS, lr=0.5).fit(X, y)
    losses = [row["train_loss"] for row in estimator.history_]
    assert losses[-1] < losses[0]
