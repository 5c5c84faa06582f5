"""What an ensemble gains: the numbers of scikit-learn, and where they are drawn."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import SeedEnsemble
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection import EnsembleGainDisplay
from mtlearn.metrics import (
    EnsembleReport,
    ensemble_report,
    expected_calibration_error,
    task_report,
)
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def problem():
    X, y = make_table(80)
    y[::7, 0] = np.nan
    ensemble = SeedEnsemble(table_estimator(max_epochs=8), 3, random_state=0)
    return X, y, ensemble.fit(X, y)


def figures(estimator, X, y):
    """Compute what is drawn of an estimator, by task and metric."""
    known = ~np.isnan(y[:, 0])
    true, found = y[known, 0], estimator.predict(X)
    prob = estimator.predict_proba(X)[0][known]
    return {
        ("kind", "accuracy"): accuracy_score(true, found[known, 0]),
        ("kind", "calibration_error"): expected_calibration_error(true, prob),
        ("size", "r2"): r2_score(y[:, 1], found[:, 1]),
    }


def test_members_their_mean_and_the_ensemble_are_drawn(problem):
    X, y, ensemble = problem
    display = EnsembleGainDisplay.from_estimator(ensemble, X, y).plot()
    whole = figures(ensemble, X, y)
    members = [figures(member, X, y) for member in ensemble.estimators_]
    assert list(display.axes_) == list(whole)
    for (task, metric), ax in display.axes_.items():
        values = [each[task, metric] for each in members]
        points, mean, line = ax.get_lines()
        np.testing.assert_allclose(points.get_xdata(), values)
        np.testing.assert_array_equal(points.get_ydata(), [0, 1, 2])
        np.testing.assert_allclose(mean.get_xdata(), np.mean(values))
        np.testing.assert_allclose(line.get_xdata(), whole[task, metric])
        assert ax.get_xlabel() == metric
    first, *others = display.axes_.values()
    shown = [text.get_text() for text in first.get_legend().get_texts()]
    assert shown == ["members", "their mean", "ensemble"]
    assert all(ax.get_legend() is None for ax in others)


def test_titles_have_the_gain_and_the_disagreement(problem):
    X, y, ensemble = problem
    display = EnsembleGainDisplay.from_estimator(ensemble, X, y).plot()
    sizes = [member.predict(X)[:, 1] for member in ensemble.estimators_]
    apart = np.std(sizes, axis=0).mean()
    r2 = [r2_score(y[:, 1], size) for size in sizes]
    gain = r2_score(y[:, 1], np.mean(sizes, axis=0)) - np.mean(r2)
    title = display.axes_["size", "r2"].get_title()
    assert title == f"size: gain {gain:.3g}, disagreement {apart:.3g}"


def test_the_frame_is_that_of_the_report(problem):
    X, y, ensemble = problem
    weight = np.linspace(0, 1, len(X))
    display = EnsembleGainDisplay.from_estimator(ensemble, X, y, sample_weight=weight)
    frame = display.frame()
    expected = {
        (row["task"], row["metric"]): row["value"]
        for row in task_report(ensemble, X, y, weight).rows
    }
    found = frame.set_index(["task", "metric"])["ensemble"]
    assert {key: found[key] for key in expected} == expected
    report = ensemble_report(ensemble, X, y, weight)
    other = EnsembleGainDisplay.from_report(report).frame()
    assert other.equals(frame)


def test_other_metrics(problem):
    X, y, ensemble = problem
    display = EnsembleGainDisplay.from_estimator(ensemble, X, y)
    assert list(display.plot(metrics=["mae", "f1_macro"]).axes_) == [
        ("kind", "f1_macro"),
        ("size", "mae"),
    ]
    assert list(display.plot(metrics=["rmse"]).axes_) == [("size", "rmse")]
    for metrics in (["mae", "auc"], [], "mae"):
        with pytest.raises(InvalidParameterError, match=r"'metrics'.*'accuracy', 'bal"):
            display.plot(metrics=metrics)


def test_many_members_and_many_tasks():
    rng = np.random.default_rng(0)
    rows = [
        {"task": f"task {i}", "kind": "classification", "metric": metric}
        | {"members": rng.random(20).tolist(), "mean": 0.5, "ensemble": 0.6}
        | {"gain": 0.1, "disagreement": 0.2}
        for i in range(10)
        for metric in ("accuracy", "calibration_error")
    ]
    display = EnsembleGainDisplay.from_report(EnsembleReport(rows)).plot()
    assert len(display.axes_) == 20
    display.figure_.canvas.draw()
    boxes = [ax.get_tightbbox() for ax in display.axes_.values()]
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[:i])
    for ax in display.axes_.values():
        assert ax.get_yticks().tolist() == [0, 19]


def test_a_task_without_a_label(problem):
    X, y, ensemble = problem
    y = y.copy()
    y[:, 0] = np.nan
    display = EnsembleGainDisplay.from_estimator(ensemble, X, y).plot()
    display.figure_.canvas.draw()
    assert len(display.axes_) == 3
    assert "disagreement nan" in display.axes_["kind", "accuracy"].get_title()


def test_a_pipeline_around(problem):
    X, y, _ = problem
    ensemble = SeedEnsemble(table_estimator(), 2, random_state=0)
    pipe = Pipeline([("scale", StandardScaler()), ("many", ensemble)]).fit(X, y)
    display = EnsembleGainDisplay.from_estimator(pipe, X, y).plot()
    line = display.axes_["size", "r2"].get_lines()[-1]
    expected = r2_score(y[:, 1], pipe.predict(X)[:, 1])
    np.testing.assert_allclose(line.get_xdata(), expected)


def test_what_cannot_be_shown(problem):
    X, y, ensemble = problem
    with pytest.raises(ParameterTypeError, match=r"'ensemble'.*must be a fitted Seed"):
        EnsembleGainDisplay.from_estimator(ensemble.estimators_[0], X, y)
    with pytest.raises(NotFittedError):
        EnsembleGainDisplay.from_estimator(SeedEnsemble(table_estimator()), X, y)
    with pytest.raises(ParameterTypeError, match="'report' parameter of EnsembleGain"):
        EnsembleGainDisplay.from_report(task_report(ensemble, X, y))
