"""Pickles say which version wrote them, and bear with parameters that came later."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from mtlearn import (
    Classification,
    Head,
    RaritySampler,
    SeedEnsemble,
    TemperatureScaled,
    VotingEnsemble,
    __version__,
)
from mtlearn._utils import _versioned
from mtlearn.augmentation import (
    Augmentation,
    CutMix,
    MixUp,
    RandAugment,
    TrivialAugment,
)
from mtlearn.exceptions import InconsistentVersionWarning
from mtlearn.losses import CAGrad, GraphLaplacian
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper, ImageStandardScaler
from mtlearn.training import EMA, SWA, CSVLogger, TaskMetric
from tiny_problems import image_estimator, make_table, table_estimator

VALUES = [
    table_estimator(),
    image_estimator(),
    SeedEnsemble(table_estimator()),
    VotingEnsemble([("one", table_estimator())]),
    TemperatureScaled(table_estimator()),
    GlobalMaxScaler(),
    ImageReshaper(),
    ImageStandardScaler(),
    Classification(3),
    Head(),
    Augmentation(),
    RandAugment(),
    TrivialAugment(),
    MixUp(),
    CutMix(),
    EMA(),
    CAGrad(),
    GraphLaplacian([("a", "b")], 0.1),
    RaritySampler(),
    SWA(),
]


def by_another_version(value, monkeypatch, version):
    """Return the pickle that another version would have written."""
    with monkeypatch.context() as patch:
        patch.setattr(_versioned, "own_version", lambda: version)
        return pickle.dumps(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_another_version_warns(value, monkeypatch):
    content = by_another_version(value, monkeypatch, "99.1")
    message = rf"written by mtlearn 99\.1 and is loaded by {__version__}: .*mtlearn\.sa"
    with pytest.warns(InconsistentVersionWarning, match=message):
        loaded = pickle.loads(content)
    assert repr(loaded) == repr(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "copied", [clone, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_the_same_version_is_silent_and_leaves_no_trace(value, copied):
    loaded = copied(value)
    assert vars(loaded).keys() == vars(value).keys()
    assert repr(loaded) == repr(value)


def test_a_parameter_that_came_later_has_its_default(monkeypatch):
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    expected = estimator.predict(X)
    del estimator.checkpoint_dir, estimator.on_divergence
    content = by_another_version(estimator, monkeypatch, "0.0.1")
    with pytest.warns(InconsistentVersionWarning):
        loaded = pickle.loads(content)
    assert loaded.get_params()["on_divergence"] == "raise"
    np.testing.assert_array_equal(loaded.predict(X), expected)
    loaded.fit(X, y)


def test_a_pickle_from_before_there_were_versions(monkeypatch):
    state = {"decay": 0.5}
    made = EMA.__new__(EMA)
    with pytest.warns(InconsistentVersionWarning, match="written by mtlearn an older"):
        made.__setstate__(state)
    assert made.get_params() == state


def test_joblib_files_warn_too(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_versioned, "own_version", lambda: "99.1")
        joblib.dump(GlobalMaxScaler(), tmp_path / "scaler")
    with pytest.warns(InconsistentVersionWarning):
        joblib.load(tmp_path / "scaler")


@pytest.mark.parametrize(
    ("module", "cls"),
    [
        ("_averaging", EMA),
        ("_averaging", SWA),
        ("_logs", CSVLogger),
        ("_task_metric", TaskMetric),
    ],
)
def test_classes_are_found_where_earlier_pickles_look(module, cls):
    content = f"cmtlearn.training.{module}\n{cls.__name__}\n.".encode()
    assert pickle.loads(content) is cls
