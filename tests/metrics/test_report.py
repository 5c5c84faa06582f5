"""task_report: figures and baselines against scikit-learn's own."""

import sys

import numpy as np
import pytest
from mixed_targets import CONTAINERS, hold, make_estimator, make_tasks
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, mean_absolute_error, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn.exceptions import MissingDependencyError
from mtlearn.metrics import TaskReport, html_table, task_report, task_scorers


def find(report, task, metric):
    (row,) = (
        row for row in report.rows if (row["task"], row["metric"]) == (task, metric)
    )
    return row


def test_figures_and_baselines(tasks, X, y):
    train, test = slice(0, 40), slice(40, 60)
    estimator = make_estimator(tasks).fit(X[train], y[train])
    report = task_report(estimator, X[test], y[test])
    predicted = estimator.predict(X[test])
    shade, known = ~np.isnan(y[:, 1]), ~np.isnan(y[:, 0])
    mean = DummyRegressor().fit(X[train][shade[train]], y[train][shade[train], 1])
    most = DummyClassifier().fit(X[train][known[train]], y[train][known[train], 0])
    true, rows = y[test][shade[test], 1], shade[test]

    r2 = find(report, "shade", "r2")
    mae = find(report, "shade", "mae")
    f1 = find(report, "digit", "f1_macro")

    assert r2["value"] == pytest.approx(r2_score(true, predicted[rows, 1]))
    assert r2["baseline"] == pytest.approx(r2_score(true, mean.predict(true)))
    assert mae["value"] == pytest.approx(mean_absolute_error(true, predicted[rows, 1]))
    assert mae["baseline"] == pytest.approx(
        mean_absolute_error(true, mean.predict(true))
    )
    assert (r2["n_labelled"], r2["kind"]) == (19, "regression")
    assert f1["baseline"] == pytest.approx(
        f1_score(y[test][:, 0], most.predict(X[test]), average="macro")
    )


@pytest.mark.parametrize("container", CONTAINERS)
def test_it_agrees_with_the_scorers_in_any_container(X, y, container):
    tasks, held_y = make_tasks(container), hold(y, container)
    weights = np.random.default_rng(5).uniform(0, 2, size=(60, 3))
    estimator = make_estimator(tasks).fit(X, held_y)
    scorers = task_scorers(tasks)

    report = task_report(estimator, X, held_y, weights)

    assert len(report.rows) == len(scorers) - 1
    for row in report.rows:
        name = f"{row['task']}_{row['metric']}"
        scored = scorers[name](estimator, X, held_y, sample_weight=weights)
        assert row["value"] == pytest.approx(
            -scored if row["metric"] in ("mae", "rmse") else scored
        )


def test_behind_a_pipeline_and_a_search(tasks, X, y):
    model = make_pipeline(StandardScaler(), make_estimator(tasks)).fit(X, y)
    search = GridSearchCV(model, {"multitaskestimator__lr": [0.05]}, cv=2).fit(X, y)

    assert task_report(search, X, y).rows == task_report(model, X, y).rows


@pytest.mark.parametrize("build", [lambda e: e, lambda e: make_pipeline(e)])
def test_not_fitted(tasks, X, y, build):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        task_report(build(make_estimator(tasks)), X, y)


def test_an_estimator_of_another_package(X):
    y = X[:, 0] > 0
    model = LogisticRegression().fit(X, y)
    with pytest.raises(TypeError, match="must be a fitted estimator of mtlearn"):
        task_report(model, X, y)


def test_a_task_without_a_label_is_nan(tasks, X, y):
    estimator = make_estimator(tasks).fit(X, y)
    y[:, 1] = np.nan
    row = find(task_report(estimator, X, y), "shade", "r2")
    assert row["n_labelled"] == 0
    assert np.isnan([row["value"], row["baseline"]]).all()


def report_of(*figures):
    rows = [
        {
            "task": task,
            "kind": "regression" if metric in ("r2", "mae") else "classification",
            "greater_is_better": metric != "mae",
            "n_labelled": 7,
            "metric": metric,
            "value": value,
            "baseline": baseline,
        }
        for task, metric, value, baseline in figures
    ]
    return TaskReport(rows)


def test_it_prints_as_a_table():
    report = report_of(
        ("<b>", "accuracy", 0.98765, 0.1),
        ("shade", "r2", 0.5, -0.0001),
        ("shade", "mae", 0.00123, 12.3456),
    )
    assert str(report).splitlines() == [
        "task   kind            n_labelled  metric      value  baseline",
        "<b>    classification           7  accuracy    0.988     0.100",
        "shade  regression               7  r2          0.500     0.000",
        "                                   mae       0.00123    12.346",
    ]


def test_html_escapes_names():
    html = report_of(("<b>", "accuracy", 0.5, 0.1))._repr_html_()
    assert "<td>&lt;b&gt;</td>" in html
    assert html.count("<tr>") == 2


def test_html_escapes_names_of_columns():
    # Those of an ensemble's report are names of members.
    html = html_table(["<i>member</i>"], [["1"]])
    assert "<th>&lt;i&gt;member&lt;/i&gt;</th>" in html


def test_to_frame():
    report = report_of(("digit", "accuracy", 0.9, 0.1), ("shade", "r2", 0.5, 0.0))
    frame = report.to_frame()
    assert frame.to_dict("records") == report.rows


def test_to_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r"mtlearn\[pandas\]"):
        report_of(("digit", "accuracy", 0.9, 0.1)).to_frame()
