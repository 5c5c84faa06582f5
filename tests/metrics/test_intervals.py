"""Intervals of figures: against resampling by hand, and against theory."""

import numpy as np
import pytest
from mixed_targets import hold, make_data, make_estimator, make_tasks
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, r2_score

from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.metrics import task_report


@pytest.fixture(scope="module")
def fitted():
    X, y = make_data()
    return make_estimator(make_tasks()).fit(X, y), X, y


def rows_of(report, task):
    return {row["metric"]: row for row in report.rows if row["task"] == task}


@pytest.mark.parametrize("weighted", [False, True])
def test_the_ends_are_those_of_rows_drawn_by_hand(fitted, weighted):
    estimator, X, y = fitted
    weight = np.linspace(0.5, 2, 60) if weighted else np.ones(60)
    report = task_report(
        estimator, X, y, weight, n_bootstraps=60, confidence=0.8, random_state=7
    )
    predicted = estimator.predict(X)
    for column, task, figures in (
        (0, "digit", {"accuracy": accuracy_score, "f1_macro": f1_macro}),
        (1, "shade", {"r2": r2_score}),
    ):
        known = np.flatnonzero(~np.isnan(y[:, column]))
        random = np.random.RandomState(7)
        drawn = [known[random.randint(len(known), size=len(known))] for _ in range(60)]
        found = rows_of(report, task)
        for metric, score in figures.items():
            values = [
                score(y[r, column], predicted[r, column], sample_weight=weight[r])
                for r in drawn
            ]
            expected = np.quantile(values, [0.1, 0.9])
            got = [found[metric]["low"], found[metric]["high"]]
            np.testing.assert_allclose(got, expected)


def f1_macro(true, predicted, sample_weight):
    return f1_score(true, predicted, average="macro", sample_weight=sample_weight)


def test_the_interval_of_an_accuracy_is_about_that_of_a_binomial(fitted):
    estimator, X, y = fitted
    report = task_report(estimator, X, y, n_bootstraps=2000, random_state=0)
    row = rows_of(report, "item")["accuracy"]
    right = round(row["value"] * row["n_labelled"])
    low, high = stats.binom(row["n_labelled"], right / row["n_labelled"]).interval(0.95)
    np.testing.assert_allclose(
        [row["low"], row["high"]], np.array([low, high]) / row["n_labelled"], atol=0.02
    )


def test_intervals_are_shown_where_asked_for(fitted):
    estimator, X, y = fitted
    plain = task_report(estimator, X, y)
    report = task_report(estimator, X, y, n_bootstraps=20, random_state=0)
    assert list(plain.to_frame().columns)[-2] == "baseline"
    assert list(report.to_frame().columns)[-3:-1] == ["low", "high"]
    assert repr(report).splitlines()[0].split()[-3:] == ["baseline", "low", "high"]
    assert "<th>high</th>" in report._repr_html_()
    again = task_report(estimator, X, y, n_bootstraps=20, random_state=0)
    assert again.rows == report.rows
    for row, without in zip(report.rows, plain.rows, strict=True):
        assert row["value"] == without["value"]
        assert row["low"] <= row["high"]


def test_labels_of_any_type_and_hardly_any():
    X, y = make_data()
    frame = hold(y, "frame")
    estimator = make_estimator(make_tasks("frame")).fit(X, frame)
    report = task_report(estimator, X, frame, n_bootstraps=20, random_state=0)
    assert rows_of(report, "digit")["accuracy"]["high"] <= 1
    few = y[:4].copy()
    few[1:, 1] = np.nan
    estimator = make_estimator(make_tasks()).fit(X, y)
    with pytest.warns(UserWarning, match="R\\^2 score is not well-defined"):
        report = task_report(estimator, X[:4], few, n_bootstraps=50, random_state=0)
    assert np.isnan(rows_of(report, "shade")["mae"]["low"])
    assert rows_of(report, "digit")["accuracy"]["low"] >= 0


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_bootstraps": -1}, InvalidParameterError, "'n_bootstraps' .* integer"),
        ({"n_bootstraps": 2.5}, ParameterTypeError, "'n_bootstraps' .* integer"),
        ({"confidence": 1}, InvalidParameterError, r"'confidence' .* \(0, 1\)"),
    ],
)
def test_parameters_are_checked(fitted, params, error, message):
    estimator, X, y = fitted
    with pytest.raises(error, match=message):
        task_report(estimator, X, y, **params)
