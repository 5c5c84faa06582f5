"""Residuals: the numbers of scipy and numpy, for each task, and what is drawn."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.exceptions import NotFittedError

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import ResidualsDisplay
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def problem():
    X, y = make_table(120)
    y = pd.DataFrame({"kind": y[:, 0], "size": y[:, 1], "other": X[:, 3] ** 2})
    y.loc[::5, "size"] = np.nan
    tasks = Tasks(other=Regression(), kind=Classification(3), size=Regression())
    return X, y, table_estimator(tasks).fit(X, y)


def test_the_numbers_are_those_of_the_predictions(problem):
    X, y, estimator = problem
    display = ResidualsDisplay.from_estimator(estimator, X, y)
    predicted = estimator.predict(X)
    assert list(display.true) == ["size", "other"]
    for name in display.true:
        known = y[name].notna()
        expected = (y[name] - predicted[name])[known].to_numpy()
        np.testing.assert_allclose(display.residuals(name), expected)
        found = display.figures(name)
        assert found.n == known.sum()
        assert found.bias == pytest.approx(-expected.mean())
        assert found.deviation == pytest.approx(expected.std())
        assert found.normality_p == pytest.approx(stats.shapiro(expected).pvalue)
        rho, p = stats.spearmanr(predicted[name][known], abs(expected))
        assert (found.spread_rho, found.spread_p) == pytest.approx((rho, p))
    frame = display.frame()
    assert len(frame) == 120 + 96
    np.testing.assert_allclose(frame["residual"], frame["true"] - frame["predicted"])
    assert frame["task"].unique().tolist() == ["size", "other"]


def test_noise_that_grows_and_noise_that_is_normal():
    rng = np.random.default_rng(0)
    predicted = rng.uniform(1, 10, 500)
    even = ResidualsDisplay.from_predictions(
        predicted + rng.normal(size=500), predicted
    ).figures()
    assert even.spread_p > 0.01
    assert even.normality_p > 0.01
    grows = ResidualsDisplay.from_predictions(
        predicted * (1 + rng.normal(size=500)), predicted
    ).figures()
    assert grows.spread_rho > 0.3
    assert grows.spread_p < 1e-6
    skewed = ResidualsDisplay.from_predictions(
        predicted + rng.exponential(size=500), predicted
    ).figures()
    assert skewed.normality_p < 1e-6
    assert skewed.bias == pytest.approx(-1, abs=0.2)


def test_many_rows_do_not_warn():
    values = np.random.default_rng(0).normal(size=8000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = ResidualsDisplay.from_predictions(values, 0.5 * values).figures()
    assert figures.n == 8000
    assert figures.normality_p > 1e-3


@pytest.mark.parametrize(
    ("true", "predicted"),
    [([1.0, 2.0], [1.0, 1.0]), ([1, 2, 3], [1, 2, 3]), ([1, 2, 4], [1, 1, 1])],
)
def test_too_little_for_a_test(true, predicted):
    display = ResidualsDisplay.from_predictions(true, predicted)
    found = display.figures()
    assert np.isnan(found.spread_p)
    assert np.isfinite(found.deviation)
    display.plot().figure_.canvas.draw()


def test_a_row_of_panels_for_each_task(problem):
    X, y, estimator = problem
    display = ResidualsDisplay.from_estimator(estimator, X, y).plot()
    assert len(display.axes_) == 2 * 4
    true, predicted = display.true["size"], display.predicted["size"]
    points = display.axes_["size", "predicted"].collections[0].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([predicted, true]))
    points = display.axes_["size", "residuals"].collections[0].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([predicted, true - predicted]))
    bars = display.axes_["size", "histogram"].patches
    area = sum(bar.get_width() * bar.get_height() for bar in bars)
    assert area == pytest.approx(1)
    dots = display.axes_["size", "quantiles"].get_lines()[0]
    np.testing.assert_allclose(dots.get_ydata(), np.sort(true - predicted))
    assert "p=" in display.axes_["size", "quantiles"].get_title()
    assert display.axes_["other", "residuals"].get_title().startswith("other: spread")
    assert display.axes_["other", "predicted"].get_xlabel() == "predicted"


def test_a_task_without_a_value_has_empty_panels(problem):
    X, y, estimator = problem
    display = ResidualsDisplay.from_estimator(estimator, X, y.assign(size=np.nan))
    display.plot().figure_.canvas.draw()
    assert display.axes_["size", "histogram"].get_title() == "size: 0 values"
    assert not display.axes_["size", "predicted"].collections
    assert len(display.axes_["other", "predicted"].collections) == 1


def test_some_tasks_only_and_what_cannot_be_shown(problem):
    X, y, estimator = problem
    display = ResidualsDisplay.from_estimator(estimator, X, y, tasks=["size"])
    assert display.figures() == display.figures("size")
    for tasks in (["kind"], []):
        with pytest.raises(InvalidParameterError, match=r"are \['size', 'other'\]"):
            ResidualsDisplay.from_estimator(estimator, X, y, tasks=tasks)
    with pytest.raises(InvalidParameterError, match=r"\['size'\]. Got 'kind'"):
        display.figures("kind")
    with pytest.raises(NotFittedError):
        ResidualsDisplay.from_estimator(table_estimator(), X, y)
