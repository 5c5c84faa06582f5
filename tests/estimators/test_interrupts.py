"""Ctrl-C really interrupts; only a callback's wish to stop ends training normally."""

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping

from tiny_problems import make_table, table_estimator


class PressCtrlC(Callback):
    """Interrupts at the end of an epoch."""

    def __init__(self, epoch=2):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise KeyboardInterrupt


class PressCtrlCInABatch(Callback):
    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("press", [PressCtrlC(), PressCtrlCInABatch()])
def test_fit_is_interrupted(press):
    X, y = make_table()
    estimator = table_estimator(callbacks=[press])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_an_interrupt_beside_skorchs_early_stopping():
    X, y = make_table()
    callbacks = [EarlyStopping(monitor="train_loss", patience=3), PressCtrlC()]
    with pytest.raises(KeyboardInterrupt):
        table_estimator(callbacks=callbacks).fit(X, y)


def test_random_state_and_threads_come_back():
    X, y = make_table()
    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        table_estimator(callbacks=[PressCtrlC()], n_threads=2).fit(X, y)
    assert torch.get_rng_state().equal(before)
    assert torch.get_num_threads() == 1


def test_the_lock_is_free_afterwards():
    X, y = make_table()
    with pytest.raises(KeyboardInterrupt):
        table_estimator(callbacks=[PressCtrlC()]).fit(X, y)
    with pytest.raises(KeyboardInterrupt):
        table_estimator(callbacks=[PressCtrlC()], n_threads=1).fit(X, y)
    assert table_estimator().fit(X, y).n_iter_ == 4


def test_a_search_is_interrupted():
    X, y = make_table()
    search = GridSearchCV(
        table_estimator(callbacks=[PressCtrlC()]), {"lr": [0.1, 0.01]}, cv=2
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "best_estimator_")


def test_a_warm_started_estimator_stays_usable():
    X, y = make_table()
    estimator = table_estimator(warm_start=True).fit(X, y)
    estimator.set_params(callbacks=[PressCtrlC()])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert np.isfinite(estimator.predict(X)).all()
    assert not estimator.net_.module_.training
    assert len(estimator.history_) == estimator.n_iter_ == 4


FITTING = """
    import signal
    import numpy as np
    import torch
    from mtlearn import MultiTaskEstimator
    from skorch.callbacks import Callback

    class Ready(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                print("ready", flush=True)

    # A shell may have started the tests in the background, where Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    X = np.random.default_rng(0).normal(size=(200, 4))
    estimator = MultiTaskEstimator(max_epochs=10**9, callbacks=[Ready()])
    try:
        estimator.fit(X, (X[:, 0] > 0).astype(int))
    except KeyboardInterrupt:
        print("interrupted", hasattr(estimator, "net_"), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
def test_a_real_signal():
    # A process of its own imports torch and scikit-learn, which takes seconds.
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(FITTING)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert out == "interrupted False\n"
    assert err == ""
    assert process.returncode == 0
