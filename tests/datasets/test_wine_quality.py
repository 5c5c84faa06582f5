"""The wine quality data are those of the UCI repository."""

import sys

import numpy as np
import pytest

from mtlearn.datasets import load_wine_quality
from mtlearn.exceptions import InvalidParameterError, MissingDependencyError

FEATURE_NAMES = [
    "fixed acidity",
    "volatile acidity",
    "citric acid",
    "residual sugar",
    "chlorides",
    "free sulfur dioxide",
    "total sulfur dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
]


@pytest.mark.parametrize(
    ("color", "n_samples", "lowest", "histogram"),
    [
        ("red", 1599, 3, [10, 53, 681, 638, 199, 18]),
        ("white", 4898, 3, [20, 163, 1457, 2198, 880, 175, 5]),
    ],
)
def test_counts_and_scores(color, n_samples, lowest, histogram):
    wine = load_wine_quality(color)
    assert wine.data.shape == (n_samples, 11)
    assert wine.target.shape == (n_samples, 2)
    assert wine.data.dtype == wine.target.dtype == np.float64
    assert np.isfinite(wine.data).all()
    quality, good = wine.target.T
    assert np.bincount(quality.astype(int))[lowest:].tolist() == histogram
    assert quality.min() == lowest
    assert np.array_equal(good, (quality >= 6).astype(float))


def test_first_red_wine():
    wine = load_wine_quality()
    row = [7.4, 0.7, 0, 1.9, 0.076, 11, 34, 0.9978, 3.51, 0.56, 9.4]
    assert wine.data[0].tolist() == row
    assert wine.target[0].tolist() == [5, 0]


def test_bunch_describes_the_data():
    wine = load_wine_quality("white")
    assert wine.feature_names == FEATURE_NAMES
    assert wine.target_names == ["quality", "good"]
    assert wine.filename == "winequality-white.csv"
    assert wine.frame is None
    for part in ("4898 samples of the white", "Cortez", "10.24432/C56S3T", "CC BY 4.0"):
        assert part in wine.DESCR


def test_return_X_y():
    X, y = load_wine_quality(return_X_y=True)
    wine = load_wine_quality()
    assert np.array_equal(X, wine.data)
    assert np.array_equal(y, wine.target)


def test_as_frame():
    wine = load_wine_quality(as_frame=True)
    arrays = load_wine_quality()
    assert list(wine.data.columns) == FEATURE_NAMES
    assert list(wine.target.columns) == ["quality", "good"]
    assert list(wine.frame.columns) == [*FEATURE_NAMES, "quality", "good"]
    assert (wine.data.dtypes == np.float64).all()
    assert wine.target.dtypes.tolist() == [np.float64, np.bool_]
    assert np.array_equal(wine.data.to_numpy(), arrays.data)
    assert np.array_equal(wine.target.to_numpy(dtype=float), arrays.target)
    X, y = load_wine_quality(as_frame=True, return_X_y=True)
    assert X.equals(wine.data)
    assert y.equals(wine.target)


def test_two_calls_share_nothing():
    first = load_wine_quality()
    first.data[:] = 0
    first.target_names.append("more")
    second = load_wine_quality()
    assert second.data.any()
    assert second.target_names == ["quality", "good"]


def test_unknown_color():
    with pytest.raises(
        InvalidParameterError, match=r"'color' .* \('red', 'white'\)\. Got 'rose'"
    ):
        load_wine_quality("rose")


def test_missing_pandas_gives_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert load_wine_quality().data.shape == (1599, 11)
    with pytest.raises(
        MissingDependencyError, match=r"pip install 'mtlearn\[pandas\]'"
    ):
        load_wine_quality(as_frame=True)
