"""Validation rows, early stopping and the best weights."""

import numpy as np
import pytest
from skorch.callbacks import Callback, EarlyStopping

from mtlearn import Classification
from mtlearn.exceptions import InvalidDataError
from tiny_problems import (
    Watcher,
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)


def noise(n_samples=40):
    """Labels that nothing can be learned from, so that validation stalls."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n_samples, 4))
    kind = rng.integers(0, 3, n_samples)
    return X, np.column_stack([kind, rng.normal(size=n_samples)])


@pytest.fixture(scope="module")
def stopped():
    X, y = noise(60)
    data = {"X_val": X[40:], "y_val": y[40:]}
    estimator = table_estimator(
        early_stopping=True, n_iter_no_change=3, max_epochs=200
    ).fit(X[:40], y[:40], **data)
    return estimator, X, y


def valid_losses(estimator):
    return [row["valid_loss"] for row in estimator.history_]


def test_training_stops_after_patience(stopped):
    estimator, _, _ = stopped
    losses = valid_losses(estimator)
    assert estimator.n_iter_ == len(losses) < 200
    assert estimator.best_epoch_ == np.argmin(losses) + 1
    assert estimator.n_iter_ == estimator.best_epoch_ + 3


def test_the_best_weights_come_back(stopped):
    estimator, X, y = stopped
    proba, size = estimator.predict_proba(X[40:])
    true = y[40:, 0].astype(int)
    entropy = -np.log(proba[np.arange(20), true]).mean()
    scale = estimator.tasks_["size"].scale_
    squares = np.mean(((size[:, 0] - y[40:, 1]) / scale) ** 2)
    best = estimator.history_[estimator.best_epoch_ - 1]
    assert entropy + squares == pytest.approx(best["valid_loss"])
    assert best["valid_loss"] == min(valid_losses(estimator))


def test_the_best_weights_are_those_of_that_epoch(stopped):
    estimator, X, y = stopped
    short = table_estimator(max_epochs=estimator.best_epoch_).fit(X[:40], y[:40])
    assert_same_bits(estimator, short)


def test_the_last_weights_stay_without_restore_best(stopped):
    estimator, X, y = stopped
    last = table_estimator(
        early_stopping=True, n_iter_no_change=3, max_epochs=200, restore_best=False
    ).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert last.best_epoch_ == estimator.best_epoch_
    assert last.n_iter_ == estimator.n_iter_
    assert not same_bits(last, estimator)
    whole = table_estimator(max_epochs=last.n_iter_).fit(X[:40], y[:40])
    assert_same_bits(last, whole)


def test_validation_alone_stops_nothing_and_restores():
    X, y = noise(60)
    estimator = table_estimator(max_epochs=30)
    estimator.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert estimator.n_iter_ == 30
    assert estimator.best_epoch_ < 30
    short = table_estimator(max_epochs=estimator.best_epoch_).fit(X[:40], y[:40])
    assert_same_bits(estimator, short)


def test_validation_rows_do_not_train():
    X, y = make_table()
    estimator = table_estimator(restore_best=False)
    plain = table_estimator(restore_best=False).fit(X[:30], y[:30])
    assert_same_bits(plain, estimator.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:]))


def test_the_best_epoch_counts_on_over_warm_starts():
    X, y = make_table()
    estimator = table_estimator(warm_start=True)
    for _ in range(2):
        estimator.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    second = valid_losses(estimator)[4:]
    assert estimator.best_epoch_ == 5 + np.argmin(second)


def test_skorchs_early_stopping_ends_training_normally():
    X, y = make_table()
    stopping = EarlyStopping(monitor="train_loss", patience=2, lower_is_better=False)
    estimator = table_estimator(callbacks=[stopping], max_epochs=50).fit(X, y)
    # The training loss falls, which this one takes for no improvement.
    assert estimator.n_iter_ == 3
    assert estimator.score(X, y) <= 1


def test_skorchs_early_stopping_on_the_epoch_that_validates_best():
    X, y = make_table()
    stopping = EarlyStopping(monitor="train_loss", patience=2, lower_is_better=False)
    estimator = table_estimator(callbacks=[stopping], max_epochs=50)
    estimator.fit(X, y, X_val=X, y_val=y)
    assert np.argmin(valid_losses(estimator)) == 2
    assert estimator.best_epoch_ == estimator.n_iter_ == 3
    assert_same_bits(estimator, table_estimator(max_epochs=3).fit(X, y))


class StopAtTwo(Watcher):
    """Asks to stop after the second epoch."""

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "epoch" and context.task_id == 1


def test_a_stop_on_the_epoch_that_validates_best():
    X, y = make_table()
    estimator = table_estimator(max_epochs=50).set_callbacks(StopAtTwo())
    estimator.fit(X, y, X_val=X, y_val=y)
    assert estimator.best_epoch_ == estimator.n_iter_ == 2
    assert_same_bits(estimator, table_estimator(max_epochs=2).fit(X, y))


@pytest.mark.parametrize(("given", "lacks"), [("X_val", "y_val"), ("y_val", "X_val")])
def test_one_of_the_validation_pair(given, lacks):
    X, y = make_table()
    value = X if given == "X_val" else y
    with pytest.raises(
        InvalidDataError, match=f"{given} was passed without {lacks}. Pass both"
    ):
        table_estimator().fit(X, y, **{given: value})


@pytest.mark.parametrize(
    ("X_val", "y_val", "message"),
    [
        (np.zeros((3, 5)), np.zeros((3, 2)), "5 features, but .* is expecting 4"),
        (np.zeros((3, 4)), np.zeros((2, 2)), r"inconsistent numbers of samples"),
        (np.zeros((3, 4)), np.full((3, 2), 8.0), "label 8.0 for task 'kind'"),
        (np.zeros((3, 4)), np.zeros((3, 3)), "y has 3 columns for 2 tasks"),
        (np.zeros((3, 4)), np.full((3, 2), np.nan), "y_val has no label"),
    ],
)
def test_bad_validation_data(X_val, y_val, message):
    X, y = make_table()
    with pytest.raises(ValueError, match=message):
        table_estimator().fit(X, y, X_val=X_val, y_val=y_val)


class SplitRecorder(Callback):
    """Keeps the rows of both sides of the split."""

    def on_train_begin(self, net, X, **kwargs):
        self.train, self.valid = (samples.rows for samples in X)
        self.data = X[0].X


def split_of(y, seed=0, **params):
    recorder = SplitRecorder()
    X = np.zeros((len(y), 4))
    estimator = table_estimator(
        Classification(),
        early_stopping=True,
        max_epochs=1,
        callbacks=[recorder],
        random_state=seed,
        **params,
    )
    estimator.fit(X, y)
    return recorder


def test_the_split_is_stratified():
    y = np.repeat([0, 1, 2], [80, 60, 20])
    recorder = split_of(y)
    np.testing.assert_array_equal(np.bincount(y[recorder.valid]), [8, 6, 2])
    both = np.concatenate([recorder.train, recorder.valid])
    np.testing.assert_array_equal(np.sort(both), np.arange(160))


def test_the_split_follows_the_fraction_and_the_seed():
    y = np.repeat([0, 1], 20)
    recorder = split_of(y, validation_fraction=0.25)
    assert len(recorder.valid) == 10
    again = split_of(y, validation_fraction=0.25)
    np.testing.assert_array_equal(again.valid, recorder.valid)
    other = split_of(y, seed=1, validation_fraction=0.25)
    assert not np.array_equal(other.valid, recorder.valid)


def test_the_split_copies_no_image():
    X, y = make_images()
    recorder = SplitRecorder()
    image_estimator(early_stopping=True, callbacks=[recorder]).fit(X, y)
    assert np.shares_memory(recorder.data, X)


def test_too_few_rows_to_split():
    X, y = make_table(2)
    with pytest.raises(InvalidDataError, match=r"n_samples=2 and validation_fraction="):
        table_estimator(early_stopping=True).fit(X, y)


def test_early_stopping_of_images():
    X, y = make_images()
    estimator = image_estimator(early_stopping=True, n_iter_no_change=1, max_epochs=30)
    estimator.fit(X, y)
    assert estimator.n_iter_ < 30
    assert all(np.isfinite(value).all() for value in weights_of(estimator).values())
