"""skorch's callbacks, and a user's own: what they may count on."""

import csv

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LoadInitState,
)

from mtlearn import load, save
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import CSVLogger
from tiny_problems import assert_same_bits, make_table, table_estimator


class Own(Callback):
    """Records numbers of several types, and one at every second epoch."""

    def on_epoch_end(self, net, **kwargs):
        epoch = len(net.history)
        net.history.record("extra", epoch / 2)
        net.history.record("whole", np.int64(epoch))
        net.history.record("tensor", torch.tensor(0.25))
        net.history.record("is_flag", True)
        net.history.record("text", "words")
        if epoch % 2 == 0:
            net.history.record("rare", 7)


class Crash(Callback):
    """Fails at the end of an epoch, or of the training, the first time."""

    def __init__(self, where, epoch=0):
        self.where = where
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if self.where.exists() and len(net.history) == self.epoch:
            self.where.unlink()
            raise RuntimeError("the power is off")

    def on_train_end(self, net, **kwargs):
        if self.where.exists():
            self.where.unlink()
            raise RuntimeError("the power is off")


def numbers(history, key):
    return [row.get(key) for row in history]


@pytest.mark.parametrize("validates", [True, False])
def test_scoring_callbacks_are_refused_before_training(validates):
    X, y = make_table()
    given = {"X_val": X, "y_val": y} if validates else {}
    estimator = table_estimator(callbacks=[EpochScoring("accuracy")])
    message = r"parameter of MultiTaskEstimator has EpochScoring: .*TaskMetric\(metric"
    with pytest.raises(InvalidParameterError, match=message):
        estimator.fit(X, y, **given)
    assert not hasattr(estimator, "net_")


def test_a_checkpoint_of_the_lowest_training_loss(tmp_path):
    X, y = make_table()
    checkpoint = Checkpoint(monitor="train_loss_best", dirname=tmp_path)
    # A rate that is too large, so that some epochs are no better.
    estimator = table_estimator(lr=0.5, max_epochs=12, callbacks=[checkpoint])
    estimator.fit(X, y)
    losses = numbers(estimator.history_, "train_loss")
    lower = [loss < min(losses[:i], default=9e9) for i, loss in enumerate(losses)]
    assert numbers(estimator.net_.history, "train_loss_best") == lower
    assert 1 < sum(lower) < 12
    assert (tmp_path / "params.pt").exists()
    assert "train_loss_best" not in estimator.history_[0]


@pytest.mark.parametrize("first", ["own", "log"])
def test_figures_of_a_callback_are_in_the_history_and_its_file(tmp_path, first):
    X, y = make_table()
    callbacks = [Own(), CSVLogger(tmp_path / "log.csv")]
    if first == "log":
        callbacks.reverse()
    estimator = table_estimator(callbacks=callbacks).fit(X, y)
    history = estimator.history_
    assert numbers(history, "extra") == [0.5, 1.0, 1.5, 2.0]
    assert numbers(history, "whole") == [1.0, 2.0, 3.0, 4.0]
    assert numbers(history, "tensor") == [0.25] * 4
    assert numbers(history, "rare") == [None, 7.0, None, 7.0]
    assert {type(row[key]) for row in history for key in row} <= {int, float}
    unknown = {"is_flag", "text", "batches", "train_batch_count", "train_loss_best"}
    assert not unknown & {key for row in history for key in row}
    with (tmp_path / "log.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert numbers(lines, "extra") == ["0.5", "1.0", "1.5", "2.0"]
    # It came after the first epoch: the file has become wider.
    assert numbers(lines, "rare") == ["", "7.0", "", "7.0"]
    assert numbers(lines, "epoch") == ["1", "2", "3", "4"]
    save(estimator.set_params(callbacks=None), tmp_path / "model")
    assert load(tmp_path / "model").history_ == history


def test_figures_of_a_callback_survive_a_crash(tmp_path):
    X, y = make_table()
    (tmp_path / "crash").touch()
    params = {"checkpoint_dir": tmp_path / "checkpoints"}
    log = CSVLogger(tmp_path / "log.csv")
    callbacks = [Own(), Crash(tmp_path / "crash", 3), log]
    estimator = table_estimator(callbacks=callbacks, **params)
    with pytest.raises(RuntimeError, match="the power is off"):
        estimator.fit(X, y)
    estimator.fit(X, y)
    assert numbers(estimator.history_, "extra") == [0.5, 1.0, 1.5, 2.0]
    with (tmp_path / "log.csv").open(newline="") as file:
        assert numbers(csv.DictReader(file), "epoch") == ["1", "2", "3", "4"]


def test_callbacks_after_early_stopping_see_the_last_epoch(tmp_path):
    X, y = make_table()
    stop = EarlyStopping("train_loss", patience=2, lower_is_better=False)
    log = CSVLogger(tmp_path / "log.csv")
    estimator = table_estimator(callbacks=[stop, log, Own()], max_epochs=9).fit(X, y)
    assert estimator.n_iter_ == 3  # the loss only falls
    assert numbers(estimator.history_, "extra") == [0.5, 1.0, 1.5]
    with (tmp_path / "log.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_a_training_that_early_stopping_ended_has_ended(tmp_path):
    X, y = make_table()
    (tmp_path / "crash").touch()

    def make(**params):
        stop = EarlyStopping("train_loss", patience=2, lower_is_better=False)
        callbacks = [stop, Crash(tmp_path / "crash")]
        return table_estimator(callbacks=callbacks, max_epochs=9, **params)

    estimator = make(checkpoint_dir=tmp_path / "checkpoints")
    with pytest.raises(RuntimeError, match="the power is off"):
        estimator.fit(X, y)  # after its last epoch
    estimator.fit(X, y)
    assert estimator.n_iter_ == 3
    assert_same_bits(estimator, make().fit(X, y))


def test_epochs_brought_back_and_a_crash(tmp_path):
    X, y = make_table()
    state = Checkpoint(monitor=None, dirname=tmp_path / "state")
    table_estimator(callbacks=[state], max_epochs=3).fit(X, y)

    def make(**params):
        callbacks = [LoadInitState(state), Crash(tmp_path / "crash", 8)]
        return table_estimator(callbacks=callbacks, max_epochs=9, **params)

    whole = make().fit(X, y)
    (tmp_path / "crash").touch()
    estimator = make(checkpoint_dir=tmp_path / "checkpoints")
    with pytest.raises(RuntimeError, match="the power is off"):
        estimator.fit(X, y)
    estimator.fit(X, y)
    assert numbers(whole.history_, "epoch") == [1, 2, 3, 4, 5, 6]
    assert numbers(estimator.history_, "epoch") == [1, 2, 3, 4, 5, 6]
    assert len(estimator.net_.history) == 9
    assert_same_bits(estimator, whole)


def test_nothing_left_to_train_is_an_error(tmp_path):
    X, y = make_table()
    checkpoint = Checkpoint(monitor=None, dirname=tmp_path)
    table_estimator(callbacks=[checkpoint], max_epochs=3).fit(X, y)
    again = table_estimator(callbacks=[LoadInitState(checkpoint)], max_epochs=3)
    message = "has brought back 3 epochs, and max_epochs=3 counts them too. Raise max"
    with pytest.raises(InvalidParameterError, match=message):
        again.fit(X, y)
    assert not hasattr(again, "history_")
    again = table_estimator(callbacks=[LoadInitState(checkpoint)], max_epochs=5)
    assert again.fit(X, y).n_iter_ == 2
