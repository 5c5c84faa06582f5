"""A fit finds its own checkpoints, and those of no other fit."""

import re
import subprocess
import sys
import textwrap
import threading

import joblib
import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from mtlearn import (
    Classification,
    Partial,
    RaritySampler,
    Regression,
    Tasks,
    VotingEnsemble,
)
from mtlearn._utils._row_plan import RowPlan, planned_rows
from mtlearn.augmentation import Augmentation, MixUp
from mtlearn.losses import CAGrad, Ridge, TraceNorm, Uncertainty
from mtlearn.networks import MLP, save_weights
from mtlearn.training import EMA
from tiny_problems import (
    epochs_of,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
)

ARMED = []


class Crash(Callback):
    """Fails in epoch 2 while the test says so."""

    def on_batch_end(self, net, training=False, **kwargs):
        if ARMED and len(net.history) == 2:
            raise RuntimeError("crash")


class Watches(Callback):
    def __init__(self, limit):
        self.limit = limit


@pytest.fixture(autouse=True)
def begin():
    ARMED.clear()


def crash(estimator, *data, **given):
    ARMED.append(True)
    with pytest.raises(RuntimeError, match="crash"):
        estimator.fit(*data, **given)
    ARMED.clear()


def noise(sigma):
    return lambda x, generator: x + sigma


def by(factor):
    return lambda gramian: np.full(len(gramian), factor)


class Policy:
    """An augmentation, or a loss, that cannot be pickled."""

    def __init__(self, factor):
        self.factor = factor
        self.lock = threading.Lock()

    def apply(self, x, generator):
        return x * self.factor

    def mix(self, x, generator):
        return x, torch.arange(len(x)), self.factor

    def __deepcopy__(self, memo):
        return Policy(self.factor)

    def __call__(self, output, target):
        return self.factor * (output - target) ** 2


def with_loss(loss):
    return Tasks(kind=Classification(2), size=Regression(loss=loss))


# Two values of each parameter, of which the second one makes another fit.
PARAMETERS = {
    "tasks": [
        (with_loss("mse"), with_loss("mae")),
        (with_loss(Policy(1)), with_loss(Policy(2))),
    ],
    "backbone": [("resnet_v2", "resnet")],
    "loss_weights": [
        (None, [1.0, 2.0]),
        (None, "famo"),
        (Uncertainty(0.1), Uncertainty(0.2)),
    ],
    "augmentation": [
        ("light", "standard"),
        (noise(0.01), noise(3.0)),
        (Policy(1.0).apply, Policy(1.1).apply),
        (Augmentation(noise=0.1), Augmentation(noise=0.2)),
    ],
    "mixing": [("mixup", MixUp(0.3)), (Policy(1.0).mix, Policy(0.9).mix)],
    "sampler": [
        (None, "balanced"),
        (RaritySampler(), RaritySampler(power=0.5)),
        ("balanced", RaritySampler()),
    ],
    "freeze_backbone": [(False, True)],
    "freeze_epochs": [(0, 1)],
    "optimizer": [("adam", "adamw")],
    "lr": [(0.01, 0.02), (0.01, "auto")],
    "backbone_lr": [(None, 0.02)],
    "layer_decay": [(None, 0.5), (0.7, 0.5)],
    "weight_decay": [(0.0, 0.1)],
    "clip_grad_norm": [(None, 1.0)],
    "lr_schedule": [("cosine", "one_cycle")],
    "max_epochs": [(3, 4)],
    "batch_size": [(8, 9)],
    "accumulate": [(1, 2)],
    "early_stopping": [(False, True), (True, "task")],
    "validation_fraction": [(0.1, 0.2)],
    "n_iter_no_change": [(7, 8)],
    "monitor": [("loss", "score")],
    "min_delta": [(0.0, 0.1)],
    "restore_best": [(True, False)],
    "averaging": [("ema", "swa"), (EMA(0.5), EMA(0.6))],
    "aggregation": [(None, "mgda"), ("cagrad", CAGrad(0.3)), (by(1.0), by(2.0))],
    "penalty": [
        (None, Ridge(0.1)),
        (TraceNorm(0.1), TraceNorm(0.2)),
        ([Ridge(0.1)], [Ridge(0.1, ["size"])]),
    ],
    "on_divergence": [("raise", "restore_best")],
    "callbacks": [
        ([Crash()], [Crash(), EarlyStopping("train_loss")]),
        ([Crash(), Watches(1)], [Crash(), Watches(2)]),
        ([Crash(), Watches(noise(1))], [Crash(), Watches(noise(2))]),
    ],
    "device": [("auto", "cpu")],
    "precision": [("float32", "float64")],
    "compile": [(False, True)],
    "n_threads": [(1, 2)],
    "warm_start": [(False, True)],
    "random_state": [(0, 1), (np.random.RandomState(0), np.random.RandomState(1))],
}
SAME = {"checkpoint_dir", "verbose"}
PAIRS = [(name, *pair) for name, pairs in PARAMETERS.items() for pair in pairs]
IDS = [f"{name}{i}" for name, pairs in PARAMETERS.items() for i in range(len(pairs))]


def test_every_parameter_is_tried():
    assert PARAMETERS.keys() | SAME == image_estimator().get_params(deep=False).keys()


@pytest.mark.parametrize(("name", "one", "other"), PAIRS, ids=IDS)
def test_another_parameter(name, one, other, tmp_path, caplog, monkeypatch):
    # What is not run needs no compiler.
    monkeypatch.setattr(nn.Module, "compile", lambda self, **options: None)
    X, y = make_images(20)
    params = {"callbacks": [Crash()], "max_epochs": 3, name: one}
    estimator = image_estimator(**params, checkpoint_dir=tmp_path)
    crash(estimator, X, y)
    files = set(tmp_path.iterdir())
    with caplog.at_level("INFO", "mtlearn"):
        estimator.set_params(**{name: other}).fit(X, y)
        assert epochs_of(caplog)[0] == 1
        assert set(tmp_path.iterdir()) == files
        caplog.clear()
        if not isinstance(one, np.random.RandomState):
            estimator.set_params(**{name: one}).fit(X, y)
            assert epochs_of(caplog)[0] == 2


@pytest.mark.parametrize("kept", ["held_out", "origins"])
def test_another_plan_of_the_rows(kept, tmp_path, caplog):
    X, y = make_table(40)
    numbers = {
        "held_out": (np.array([0, 1]), np.array([2, 3])),
        "origins": (np.arange(40), np.arange(40) // 2),
    }[kept]
    plans = [RowPlan(40, **{kept: each}) for each in numbers]
    estimator = table_estimator(
        max_epochs=3,
        early_stopping=True,
        callbacks=[Crash()],
        checkpoint_dir=tmp_path,
    )
    with planned_rows(plans[0]):
        crash(estimator, X, y)
    with caplog.at_level("INFO", "mtlearn"), planned_rows(plans[1]):
        estimator.fit(X, y)
    assert epochs_of(caplog)[0] == 1


def test_targets_of_another_scale(tmp_path):
    X, y = make_table()
    size = y[:, 1] - y[:, 1].min()
    tasks = Tasks(size=Regression(bounds=(0, 40)))
    params = {"max_epochs": 3, "callbacks": [Crash()]}
    crash(table_estimator(tasks, **params, checkpoint_dir=tmp_path), X, size)
    found = table_estimator(tasks, **params, checkpoint_dir=tmp_path).fit(X, 2 * size)
    expected = table_estimator(tasks, **params).fit(X, 2 * size)
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))


def test_another_file_of_weights(tmp_path, caplog):
    X, y = make_table()
    path = tmp_path / "weights"
    backbone = Partial(MLP, hidden=(8,), weights=str(path))
    params = {"max_epochs": 3, "callbacks": [Crash()], "backbone": backbone}
    estimator = table_estimator(**params, checkpoint_dir=tmp_path / "checkpoints")
    save_weights(MLP(4, hidden=(8,)), path)
    crash(estimator, X, y)
    save_weights(MLP(4, hidden=(8,)), path)
    with caplog.at_level("INFO", "mtlearn"):
        estimator.fit(X, y)
    assert epochs_of(caplog)[0] == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("seed", [None, 0])
def test_equal_members_without_a_seed_differ(n_jobs, seed, tmp_path):
    X, y = make_table()

    def made():
        return table_estimator(
            max_epochs=2, random_state=seed, checkpoint_dir=tmp_path, n_threads=1
        )

    ensemble = VotingEnsemble([("a", made()), ("b", made())], n_jobs=n_jobs)
    with joblib.parallel_config("threading"):
        one, other = ensemble.fit(X, y).estimators_
    assert same_bits(one, other) == (seed == 0)
    assert not list(tmp_path.iterdir())


def test_equal_members_go_on_each_by_itself(tmp_path, caplog):
    X, y = make_table()

    def made():
        return table_estimator(
            max_epochs=3,
            random_state=None,
            checkpoint_dir=tmp_path,
            callbacks=[Crash()],
        )

    voting = VotingEnsemble([("a", made()), ("b", made())])
    crash(voting, X, y)
    seeds = {path.name[:32] for path in tmp_path.iterdir()}
    assert len(seeds) == 1
    with caplog.at_level("INFO", "mtlearn"):
        voting.fit(X, y)
    assert re.findall(r"epoch (\d+):", caplog.text) == ["2", "3", "1", "2", "3"]
    assert not same_bits(*voting.estimators_)


class Waits(Callback):
    """Lets another fit begin and end in the second epoch of the first one."""

    inner = None

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2 and Waits.inner is not None:
            inner, Waits.inner = Waits.inner, None
            inner()


def test_equal_fits_side_by_side(tmp_path):
    X, y = make_table()
    other = []

    def made():
        return table_estimator(
            max_epochs=3,
            random_state=None,
            checkpoint_dir=tmp_path,
            callbacks=[Waits()],
        )

    Waits.inner = lambda: other.append(made().fit(X, y))
    one = made().fit(X, y)
    assert not same_bits(one, other[0])
    assert not list(tmp_path.iterdir())


PROGRAM = """
    import os, signal, sys
    import numpy as np
    from skorch.callbacks import Callback
    from mtlearn import MultiTaskEstimator, Regression

    class Kill(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3 and len(sys.argv) > 2:
                os.kill(os.getpid(), signal.SIGKILL)

        def on_train_begin(self, net, **kwargs):
            self.first = str(next(net.module_.parameters()).sum().item())

        def on_epoch_end(self, net, **kwargs):
            print(len(net.history), self.first, flush=True)

    X = np.arange(40.0).reshape(20, 2) / 40
    MultiTaskEstimator(
        Regression(), max_epochs=4, callbacks=[Kill()], checkpoint_dir=sys.argv[1]
    ).fit(X, X[:, 0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_fit_without_a_seed_goes_on(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(PROGRAM))
    runs = [
        subprocess.run(
            [sys.executable, script, tmp_path / "folder", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
        for arguments in (["kill"], [])
    ]
    assert runs[0].returncode == -9
    lines = [line.split() for run in runs for line in run.stdout.splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3", "4"]
    assert len({line[1] for line in lines}) == 1  # the network of the first seed
    assert not list((tmp_path / "folder").iterdir())
