"""Reports of several labels: a row for each, baselines, intervals, and how it looks."""

import numpy as np
import pandas as pd
import pytest
from mixed_targets import make_estimator
from sklearn.metrics import average_precision_score

from mtlearn import Classification, MultiLabel, SeedEnsemble, Tasks
from mtlearn.metrics import ensemble_report, task_report

NAMES = ["sun", "sea", "<sky>"]


@pytest.fixture(scope="module")
def fitted():
    """Return an estimator, and X and y in which the last label is never there."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    y = (X[:, :3] + rng.normal(size=(120, 3)) > [0, 0.5, 1]).astype(float)
    y[rng.random((120, 3)) < 0.2] = np.nan
    y = np.column_stack([y, X[:, 3] > 0])
    tasks = Tasks(tags=MultiLabel(NAMES), kind=Classification(2))
    estimator = make_estimator(tasks, max_epochs=20).fit(X[:60], y[:60])
    X, y = X[60:], y[60:]
    y[:, 2] = np.where(np.isnan(y[:, 2]), np.nan, 0)
    return estimator, X, y


def test_a_row_for_each_label(fitted):
    estimator, X, y = fitted
    report = task_report(estimator, X, y)
    assert [row["label"] for row in report.label_rows] == NAMES
    assert {row["task"] for row in report.label_rows} == {"tags"}
    sun, _, sky = report.label_rows
    known = ~np.isnan(y[:, 0])
    true, found = y[known, 0] > 0, estimator.predict(X)[known, 0] > 0
    assert sun["support"] == true.sum()
    assert sun["prevalence"] == pytest.approx(true.mean())
    assert sun["precision"] == pytest.approx(true[found].mean())
    assert sun["recall"] == pytest.approx(found[true].mean())
    assert sun["threshold"] == 0.5
    assert (sky["support"], sky["prevalence"]) == (0, 0)
    assert np.isnan([sky["recall"], sky["f1"], sky["average_precision"]]).all()


def test_a_mean_says_how_many_labels_it_leaves_out(fitted):
    report = task_report(*fitted)
    rows = {row["metric"]: row for row in report.rows if row["task"] == "tags"}
    labels = report.label_rows[:2]
    for mean, each in (("f1_macro", "f1"), ("map", "average_precision")):
        expected = np.mean([row[each] for row in labels])
        assert rows[mean]["value"] == pytest.approx(expected)
        assert (rows[mean]["left_out"], rows[mean]["n_labels"]) == (1, 3)
    assert "left_out" not in rows["f1_micro"]
    assert "f1_macro (2 of 3 labels)" in str(report)
    frame = report.to_frame().set_index("metric")
    assert frame.loc["map", "left_out"] == 1
    assert np.isnan(frame.loc["accuracy", "left_out"])


def test_the_baseline_knows_no_sample(fitted):
    estimator, X, y = fitted
    rows = {row["metric"]: row for row in task_report(estimator, X, y).rows}
    prevalence = np.nanmean(y[:, :2], axis=0)
    assert rows["map"]["baseline"] == pytest.approx(prevalence.mean())
    assert rows["roc_auc_macro"]["baseline"] == 0.5
    known = ~np.isnan(y[:, :3])
    chances = np.tile(estimator.tasks_["tags"].prevalence_, (60, 1))
    expected = average_precision_score(y[:, :3][known], chances[known])
    assert rows["ap_micro"]["baseline"] == pytest.approx(expected)


def test_intervals_draw_rows_of_all_labels(fitted):
    estimator, X, y = fitted
    report = task_report(
        estimator, X, y, n_bootstraps=40, confidence=0.8, random_state=3
    )
    found, random = estimator.predict(X), np.random.RandomState(3)
    drawn = []
    for _ in range(40):
        rows = random.randint(60, size=60)
        true, predicted = y[rows, 0], found[rows, 0]
        known = ~np.isnan(true)
        drawn.append(true[known & (predicted > 0)].mean())
    sun, _, sky = report.label_rows
    ends = sun["precision_low"], sun["precision_high"]
    assert ends == pytest.approx(np.quantile(drawn, [0.1, 0.9]))
    assert sun["average_precision_low"] < sun["average_precision"]
    assert np.isnan([sky["f1_low"], sky["f1_high"]]).all()
    row = next(row for row in report.rows if row["metric"] == "map")
    assert row["low"] < row["value"] < row["high"]


def test_how_it_looks(fitted):
    estimator, X, y = fitted
    report = task_report(estimator, X, y)
    tasks, labels = str(report).split("\n\n")
    assert len(tasks.splitlines()) == 1 + 9 + 5
    head, sun, sea, sky = labels.splitlines()
    assert head.split()[:4] == ["task", "label", "support", "prevalence"]
    assert (sun.split()[:2], sea.split()[0]) == (["tags", "sun"], "sea")
    assert sky.split() == ["<sky>", "0", "0.000", "nan", *["nan"] * 3, "0.500"] or (
        sky.split()[3] == "0.000"  # if it is predicted
    )
    html = report._repr_html_()
    assert html.count("<table>") == 2
    assert "<td>&lt;sky&gt;</td>" in html
    assert report.to_frame(by_label=True)["label"].tolist() == NAMES
    with_ends = task_report(estimator, X, y, n_bootstraps=5, random_state=0)
    assert str(with_ends).splitlines()[-2].count(" to ") == 2
    assert with_ends.label_cells("tags")[0][0] == "label"
    assert with_ends.label_cells("kind") == []


def test_sets_have_the_figures_of_their_columns(fitted):
    _, X, y = fitted
    y = np.nan_to_num(y[:, :2])
    sets = pd.Series([{n for n, there in zip("ab", row, strict=True) if there}
                      for row in y])  # fmt: skip
    reports = [
        task_report(
            make_estimator(MultiLabel()).fit(X, each), X, each,
            n_bootstraps=5, random_state=0,
        )
        for each in (y, sets)
    ]  # fmt: skip
    for one, other in zip(reports[0].rows, reports[1].rows, strict=True):
        assert one == pytest.approx(other)
    assert [row["label"] for row in reports[1].label_rows] == ["a", "b"]


def test_a_label_of_no_training_row_counts_as_missed():
    X = np.zeros((8, 1))
    known = pd.Series([["a"]] * 7 + [["b"]])
    estimator = make_estimator(MultiLabel()).fit(X, known)
    sets = pd.Series([["a"], ["a"], ["b"], ["a", "z"]])
    rows = task_report(estimator, X[:4], sets).rows
    baselines = {row["metric"]: row["baseline"] for row in rows}
    # A constant "a" is right three times of four, and five labels are there.
    assert baselines["f1_micro"] == pytest.approx(2 * 3 / (5 + 4))
    # Of twelve cells, two of the third row and one of the fourth are wrong.
    assert baselines["hamming"] == pytest.approx(3 / 12)
    assert baselines["subset_accuracy"] == pytest.approx(2 / 4)


def test_an_ensemble_has_figures_of_probabilities(fitted):
    _, X, y = fitted
    tasks = Tasks(tags=MultiLabel(NAMES), kind=Classification(2))
    y = y.copy()
    y[:5, 2] = 1
    ensemble = SeedEnsemble(make_estimator(tasks), 2, random_state=0).fit(X, y)
    rows = {row["metric"]: row for row in ensemble_report(ensemble, X, y).rows
            if row["task"] == "tags"}  # fmt: skip
    expected = [
        {row["metric"]: row["value"] for row in task_report(each, X, y).rows}["map"]
        for each in (*ensemble.estimators_, ensemble)
    ]
    assert [*rows["map"]["members"], rows["map"]["ensemble"]] == pytest.approx(expected)
