"""A fit that was interrupted goes on, and ends as if nothing had happened."""

import errno
import logging
import os

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch.optim.lr_scheduler import StepLR

from mtlearn.exceptions import (
    DivergenceError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.losses import GroupLasso, TaskCovariance
from mtlearn.training import SWA, CSVLogger, TaskMetric
from tiny_problems import (
    assert_same_bits,
    epochs_of,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
)


class Crash(Callback):
    """Fails in an epoch, if the test says so."""

    armed = False

    def __init__(self, epoch=5):
        self.epoch = epoch

    def on_batch_end(self, net, training=False, **kwargs):
        if Crash.armed and len(net.history) == self.epoch:
            raise RuntimeError("crash")


@pytest.fixture
def crash(monkeypatch):
    """Let a fit fail once."""

    def fit(estimator, *data, **given):
        with monkeypatch.context() as patch:
            patch.setattr(Crash, "armed", True)
            with pytest.raises(RuntimeError, match="crash"):
                estimator.fit(*data, **given)

    return fit


def assert_alike(one, other):
    """Compare two estimators in their bits and in their history, but for the time."""
    assert_same_bits(one, other)
    assert one.best_epoch_ == other.best_epoch_
    np.testing.assert_array_equal(one.task_covariance_, other.task_covariance_)
    for row, expected in zip(one.history_, other.history_, strict=True):
        assert row.keys() == expected.keys()
        for key in row.keys() - {"seconds"}:
            assert row[key] == expected[key], key


def kind_hits(true, predicted):
    return float(np.mean(true == predicted))


SETTINGS = {
    "plain": {},
    "ema": {"averaging": "ema", "early_stopping": True, "n_iter_no_change": 20},
    "swa": {"averaging": SWA(start=0.4, lr=0.01), "lr_schedule": "cosine"},
    "one cycle": {"lr_schedule": "one_cycle", "optimizer": "sgd"},
    "plateau": {"lr_schedule": "plateau", "restore_best": False},
    "warm-up": {"lr_schedule": "warmup_cosine", "backbone_lr": 0.001},
    "layers": {"layer_decay": 0.5, "lr_schedule": "one_cycle"},
    "changes": {"augmentation": "standard", "mixing": "cutmix", "optimizer": "adamw"},
    "sampler": {"sampler": "balanced", "clip_grad_norm": 1.0},
    "thawed": {"freeze_epochs": 1, "optimizer": "adamw"},
    "fallback": {"on_divergence": "restore_best", "freeze_backbone": True},
    "float32": {"precision": "float32", "verbose": 1},
    "accumulated": {"accumulate": 3, "mixing": "mixup", "batch_size": 4},
    "penalised": {"penalty": [TaskCovariance(0.1), GroupLasso(0.1)]},
}


@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
def test_the_bits_are_those_of_an_undisturbed_fit(params, tmp_path, crash, caplog):
    X, y = make_images(40)
    params = {"max_epochs": 8, "callbacks": [Crash()], **params}
    expected = image_estimator(**params).fit(X, y)
    estimator = image_estimator(**params, checkpoint_dir=tmp_path)
    crash(estimator, X, y)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name[32:] for name in names] == [
        "-000003.checkpoint",
        "-000004.checkpoint",
    ]
    with caplog.at_level(logging.INFO, "mtlearn"):
        assert_alike(estimator.fit(X, y), expected)
    assert epochs_of(caplog)[0] == 5
    assert not list(tmp_path.iterdir())


def test_tables_with_callbacks_of_many_kinds(tmp_path, crash):
    X, y = make_table()

    def made(folder, **params):
        (tmp_path / folder).mkdir()
        callbacks = [
            LRScheduler(StepLR, step_size=2, gamma=0.5),
            TaskMetric(kind_hits, "kind", on="train"),
            CSVLogger(tmp_path / folder / "log.csv"),
            EarlyStopping(monitor="train_loss", patience=3, threshold=0.2),
            Crash(4),
        ]
        return table_estimator(
            callbacks=callbacks, max_epochs=30, batch_size=8, verbose=0, **params
        )

    expected = made("one").fit(X, y)
    estimator = made("other", checkpoint_dir=tmp_path / "checkpoints")
    crash(estimator, X, y)
    assert_alike(estimator.fit(X, y), expected)
    assert 5 < estimator.n_iter_ < 30
    one, other = (
        np.genfromtxt(tmp_path / name / "log.csv", delimiter=",", names=True)
        for name in ("one", "other")
    )
    assert one["epoch"].tolist() == list(range(1, estimator.n_iter_ + 1))
    for name in set(one.dtype.names) - {"seconds"}:
        np.testing.assert_array_equal(one[name], other[name])


def test_an_optimizer_that_keeps_much(tmp_path, crash):
    X, y = make_table()
    params = {"max_epochs": 8, "optimizer": torch.optim.LBFGS, "lr": 0.1}
    expected = table_estimator(**params).fit(X, y)
    estimator = table_estimator(**params, callbacks=[Crash()], checkpoint_dir=tmp_path)
    crash(estimator, X, y)
    assert_alike(estimator.fit(X, y), expected)


def test_validation_rows_and_weights(tmp_path, crash):
    X, y = make_table()
    weights = np.linspace(0.5, 1.5, 30)
    data = (X[:30], y[:30], weights), {"X_val": X[30:], "y_val": y[30:]}
    params = {"max_epochs": 8, "callbacks": [Crash()], "checkpoint_dir": tmp_path}
    expected = table_estimator(max_epochs=8).fit(*data[0], **data[1])
    estimator = table_estimator(**params)
    crash(estimator, *data[0], **data[1])
    assert_alike(estimator.fit(*data[0], **data[1]), expected)


OTHERS = {
    "seed": ({"random_state": 1}, {}),
    "rate": ({"lr": 0.02}, {}),
    "epochs": ({"max_epochs": 9}, {}),
    "tasks": ({"tasks__kind__weight": 2.0}, {}),
    "backbone": ({"backbone__hidden": (7,)}, {}),
    "precision": ({"precision": "float32"}, {}),
    "X": ({}, {"X": make_table(seed=1)[0]}),
    "y": ({}, {"y": make_table(seed=1)[1]}),
    "weights": ({}, {"sample_weight": np.full(40, 2.0)}),
    "validation": ({}, {"X_val": make_table()[0], "y_val": make_table()[1]}),
}


@pytest.mark.parametrize(("params", "data"), OTHERS.values(), ids=OTHERS)
def test_another_fit_begins_anew(params, data, tmp_path, crash, caplog):
    X, y = make_table()
    estimator = table_estimator(
        max_epochs=6, callbacks=[Crash()], checkpoint_dir=tmp_path
    )
    crash(estimator, X, y)
    files = set(tmp_path.iterdir())
    with caplog.at_level(logging.INFO, "mtlearn"):
        estimator.set_params(**params).fit(**{"X": X, "y": y, **data})
    assert epochs_of(caplog)[0] == 1
    assert set(tmp_path.iterdir()) == files


def test_what_changes_nothing_may_change(tmp_path, crash, caplog):
    X, y = make_table()
    estimator = table_estimator(
        max_epochs=6, callbacks=[Crash()], checkpoint_dir=tmp_path
    )
    crash(estimator, X, y)
    with caplog.at_level(logging.INFO, "mtlearn"):
        estimator.set_params(verbose=1).fit(X.copy(), y.tolist())
    assert epochs_of(caplog) == [5, 6]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
@pytest.mark.parametrize("n_torn", [1, 2])
def test_a_torn_file_falls_back_to_the_one_before(
    damage, n_torn, tmp_path, crash, caplog
):
    X, y = make_table()
    expected = table_estimator(max_epochs=6).fit(X, y)
    estimator = table_estimator(
        max_epochs=6, callbacks=[Crash()], checkpoint_dir=tmp_path
    )
    crash(estimator, X, y)
    for path in sorted(tmp_path.iterdir())[-n_torn:]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        torn = {"cut": content[:-100], "flipped": content, "empty": b""}[damage]
        path.write_bytes(torn)
    with caplog.at_level(logging.INFO, "mtlearn"):
        assert_alike(estimator.fit(X, y), expected)
    assert epochs_of(caplog)[0] == (4 if n_torn == 1 else 1)
    assert "cannot be loaded" in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_full_disk_raises_and_leaves_what_there_was(tmp_path, crash, monkeypatch):
    X, y = make_table()
    estimator = table_estimator(
        max_epochs=8, callbacks=[Crash()], checkpoint_dir=tmp_path
    )
    crash(estimator, X, y)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            estimator.fit(X, y)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    assert_alike(estimator.fit(X, y), table_estimator(max_epochs=8).fit(X, y))


def test_without_a_seed_the_one_of_the_first_run_holds(tmp_path, crash, caplog):
    X, y = make_table()
    estimator = table_estimator(
        random_state=None, max_epochs=6, callbacks=[Crash()], checkpoint_dir=tmp_path
    )
    crash(estimator, X, y)
    with caplog.at_level(logging.INFO, "mtlearn"):
        estimator.fit(X, y)
    assert epochs_of(caplog) == [5, 6]
    other = table_estimator(random_state=None, max_epochs=6).fit(X, y)
    assert not same_bits(estimator, other)


def test_a_generator_as_random_state(tmp_path, crash):
    X, y = make_table()
    params = {"max_epochs": 6, "callbacks": [Crash()]}
    expected = table_estimator(random_state=np.random.RandomState(3), **params)
    estimator = table_estimator(**params, checkpoint_dir=tmp_path)
    crash(estimator.set_params(random_state=np.random.RandomState(3)), X, y)
    estimator.set_params(random_state=np.random.RandomState(3))
    assert_alike(estimator.fit(X, y), expected.fit(X, y))


def test_a_warm_start(tmp_path, crash):
    X, y = make_table()
    params = {"max_epochs": 6, "callbacks": [Crash()], "warm_start": True}
    expected = table_estimator(**params).fit(X, y).fit(X, y)
    estimator = table_estimator(**params, checkpoint_dir=tmp_path).fit(X, y)
    crash(estimator, X, y)
    assert estimator.n_iter_ == 6
    assert_alike(estimator.fit(X, y), expected)


class Odd(Callback):
    """Has a state that no file can hold."""

    def on_train_begin(self, net, **kwargs):
        self.seen_ = object()


class Counting(Callback):
    """Says itself what its state is."""

    def on_train_begin(self, net, **kwargs):
        self.seen_ = [object()]

    def on_epoch_end(self, net, **kwargs):
        self.seen_.append(object())

    def state_dict(self):
        return {"n_seen": len(self.seen_)}

    def load_state_dict(self, state):
        self.seen_ = [object()] * state["n_seen"]


def test_a_callback_whose_state_no_file_can_hold(tmp_path):
    X, y = make_table()
    message = r"callbacks\['Odd'\]\['seen_'\] is <object.*state_dict\(\)"
    with pytest.raises(InvalidParameterError, match=message):
        table_estimator(callbacks=[Odd()], checkpoint_dir=tmp_path).fit(X, y)
    assert not list(tmp_path.iterdir())


def test_a_callback_that_says_what_its_state_is(tmp_path, crash):
    X, y = make_table()
    counting = Counting()
    estimator = table_estimator(
        max_epochs=6, callbacks=[counting, Crash()], checkpoint_dir=tmp_path
    )
    crash(estimator, X, y)
    estimator.fit(X, y)
    assert len(counting.seen_) == 7


def test_a_training_that_diverges_leaves_none(tmp_path):
    X, y = make_table()
    estimator = table_estimator(
        optimizer="sgd", lr=1e30, max_epochs=50, checkpoint_dir=tmp_path
    )
    with pytest.raises(DivergenceError):
        estimator.fit(X, y)
    assert not list(tmp_path.iterdir())


def test_partial_fit_writes_none(tmp_path):
    X, y = make_table()
    table_estimator(checkpoint_dir=tmp_path / "none").partial_fit(X, y)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_is_none(tmp_path):
    X, y = make_table()
    with pytest.raises(ParameterTypeError, match=r"'checkpoint_dir' .* path of a fol"):
        table_estimator(checkpoint_dir=3).fit(X, y)
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        table_estimator(checkpoint_dir=tmp_path / "file").fit(X, y)
