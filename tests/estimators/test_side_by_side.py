"""Fits, predictions and datasets beside each other, in threads and after a fork."""

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from mtlearn import Regression, SeedEnsemble, Tasks
from tiny_problems import assert_same_bits, make_table, table_estimator

PROGRAM = Path(__file__).with_name("forked_while_training.py")


def within_a_minute(function):
    """Call a function in a thread, which a failure must not leave the tests to."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "waits for ever"
    assert found, "raised"
    return found[0]


@pytest.fixture(scope="module")
def teacher():
    X, y = make_table()
    return SeedEnsemble(table_estimator(max_epochs=1), 2, random_state=0).fit(X, y)


def size_estimator(**params):
    return table_estimator(Tasks(size=Regression()), n_threads=2, **params)


class Distilled:
    """Rows with what a fitted ensemble says of them."""

    def __init__(self, X, teacher):
        self.X, self.teacher = X, teacher

    def __len__(self):
        return len(self.X)

    def __getitem__(self, number):
        guess = self.teacher.predict(self.X[number : number + 1])
        return np.concatenate([self.X[number], guess[0].astype(float)])


class Unpickled(Distilled):
    """The same, with an ensemble that is unpickled for each row."""

    def __getitem__(self, number):
        self.teacher = pickle.loads(pickle.dumps(self.teacher))
        return super().__getitem__(number)


@pytest.mark.parametrize("kind", [Distilled, Unpickled])
def test_a_dataset_may_predict(teacher, kind):
    X, y = make_table(12)
    rows = kind(X, teacher)
    expected = size_estimator().fit(np.stack([rows[i] for i in range(12)]), y[:, 1])
    found = within_a_minute(lambda: size_estimator().fit(rows, y[:, 1]))
    assert_same_bits(expected, found)


class Paused(Callback):
    """Stops in the middle of a fit until it may go on."""

    def __init__(self):
        self.reached, self.may_go_on = threading.Event(), threading.Event()

    def on_batch_end(self, net, **kwargs):
        self.reached.set()
        assert self.may_go_on.wait(60)


@pytest.fixture
def paused():
    """Keep a fit in the middle of a step while a test runs."""
    X, y = make_table()
    callback = Paused()
    estimator = table_estimator(n_threads=2, callbacks=[callback])
    thread = threading.Thread(target=lambda: estimator.fit(X, y), daemon=True)
    thread.start()
    assert callback.reached.wait(60)
    yield
    still = not callback.may_go_on.is_set() and thread.is_alive()
    callback.may_go_on.set()
    thread.join(60)
    assert still
    assert hasattr(estimator, "net_")


@pytest.mark.usefixtures("paused")
def test_an_ensemble_predicts_while_something_is_fitted(teacher):
    X, _ = make_table()
    kind, size = within_a_minute(lambda: teacher.predict_proba(X))
    np.testing.assert_allclose(kind.sum(axis=1), 1)
    assert np.isfinite(size).all()


@pytest.mark.usefixtures("paused")
def test_another_fit_and_a_pickle_do_not_wait():
    X, y = make_table()
    made = within_a_minute(lambda: table_estimator(n_threads=1).fit(X, y))
    assert_same_bits(made, within_a_minute(lambda: pickle.loads(pickle.dumps(made))))


@pytest.mark.usefixtures("paused")
def test_threads_that_begin_during_a_fit_compute_as_ever():
    assert within_a_minute(torch.get_num_threads) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_a_child_forked_while_a_thread_trains_can_predict_unpickle_and_fit():
    paths = [str(PROGRAM.parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["predicted", "unpickled", "fitted", "0"]
