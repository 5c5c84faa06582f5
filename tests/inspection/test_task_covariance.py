"""Correlations of the tasks' weights, in numbers and in a picture."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import SeedEnsemble, load, save
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import TaskCorrelation, TaskCovarianceDisplay
from mtlearn.losses import TaskCovariance
from tiny_problems import make_table, table_estimator

X, Y = make_table(40)
# Of four columns with the deviations 1, 2, 3 and none.
CORRELATIONS = np.array([[1, 0.5, -0.9], [0.5, 1, 0], [-0.9, 0, 1]])
DEVIATIONS = np.array([1.0, 2.0, 3.0])
COVARIANCE = np.zeros((4, 4))
COVARIANCE[:3, :3] = CORRELATIONS * np.outer(DEVIATIONS, DEVIATIONS) / 14
COLUMNS = [("a", 0), ("b", 0), ("b", 1), ("c", 0)]


def test_correlations():
    display = TaskCovarianceDisplay(COVARIANCE, COLUMNS)
    found = display.correlations()
    np.testing.assert_allclose(found[:3, :3], CORRELATIONS, atol=1e-12)
    assert np.isnan(found[3]).all()
    assert np.isnan(found[:, 3]).all()
    assert display.pairs() == [
        TaskCorrelation("a", "b", 0, 1, pytest.approx(-0.9)),
        TaskCorrelation("a", "b", 0, 0, pytest.approx(0.5)),
    ]
    assert len(display.pairs(1)) == 1
    frame = display.frame()
    assert frame.index.tolist() == frame.columns.tolist() == ["a", "b 0", "b 1", "c"]
    assert frame.loc["b 1", "a"] == pytest.approx(-0.9)


def test_the_picture():
    display = TaskCovarianceDisplay(COVARIANCE, COLUMNS)
    assert repr(display) == "<TaskCovarianceDisplay of a, b, c; plot() draws it>"
    ax = display.plot().ax_
    (image,) = ax.images
    cells = np.ma.filled(image.get_array(), np.nan)
    expected = np.where(np.eye(4) > 0, np.nan, display.correlations())
    np.testing.assert_allclose(cells, expected)
    assert image.get_clim() == (-1, 1)
    names = ["a", "b 0", "b 1", "c"]
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["0.50", "-0.90", "0.50", "0.00", "-0.90", "0.00"]


def test_of_estimators(tmp_path):
    estimator = table_estimator(penalty=TaskCovariance(0.1))
    with pytest.raises(NotFittedError):
        TaskCovarianceDisplay.from_estimator(estimator)
    model = make_pipeline(StandardScaler(), estimator).fit(X, Y)
    display = TaskCovarianceDisplay.from_estimator(model)
    assert display.columns == (("kind", 0), ("kind", 1), ("kind", 2), ("size", 0))
    heads = estimator.net_.module_.heads
    W = np.vstack([head[-1].weight.detach().numpy() for head in heads]).T
    values, vectors = np.linalg.eigh(W.T @ W)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    scale = np.sqrt(np.diag(root))
    np.testing.assert_allclose(
        display.correlations(), root / np.outer(scale, scale), atol=1e-6
    )
    save(model[-1], tmp_path / "model.mtl")
    loaded = TaskCovarianceDisplay.from_estimator(load(tmp_path / "model.mtl"))
    np.testing.assert_array_equal(loaded.covariance, display.covariance)


def test_what_has_none():
    plain = table_estimator().fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"fitted with a TaskCovariance, "):
        TaskCovarianceDisplay.from_estimator(plain)
    del plain.task_covariance_, plain.task_covariance_columns_  # as in earlier files
    with pytest.raises(InvalidParameterError, match=r"fitted with a TaskCovariance, "):
        TaskCovarianceDisplay.from_estimator(plain)
    ensemble = SeedEnsemble(
        table_estimator(penalty=TaskCovariance(0.1), max_epochs=1), n_members=2
    ).fit(X, Y)
    with pytest.raises(ParameterTypeError, match="must have one network"):
        TaskCovarianceDisplay.from_estimator(ensemble)
    TaskCovarianceDisplay.from_estimator(ensemble.estimators_[0])
