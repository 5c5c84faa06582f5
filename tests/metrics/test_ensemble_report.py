"""What an ensemble gains, against scikit-learn's own figures."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, Regression, SeedEnsemble, Tasks, VotingEnsemble
from mtlearn.exceptions import ParameterTypeError
from mtlearn.metrics import (
    ensemble_report,
    expected_calibration_error,
    task_report,
)
from tiny_problems import make_table, table_estimator


@pytest.fixture(scope="module")
def table():
    return make_table(60)


@pytest.fixture(scope="module")
def ensemble(table):
    X, y = table
    return SeedEnsemble(table_estimator(), 3, random_state=0).fit(X[:40], y[:40])


def figures(report):
    return {(row["task"], row["metric"]): row for row in report.rows}


def test_figures_of_members_and_ensemble(table, ensemble):
    X, y = table[0][40:], table[1][40:]
    found = figures(ensemble_report(ensemble, X, y))
    computed = {
        ("kind", "accuracy"): lambda e: accuracy_score(y[:, 0], e.predict(X)[:, 0]),
        ("kind", "f1_macro"): lambda e: f1_score(
            y[:, 0], e.predict(X)[:, 0], average="macro"
        ),
        ("kind", "calibration_error"): lambda e: expected_calibration_error(
            y[:, 0], e.predict_proba(X)[0], labels=[0, 1, 2]
        ),
        ("size", "r2"): lambda e: r2_score(y[:, 1], e.predict(X)[:, 1]),
        ("size", "mae"): lambda e: mean_absolute_error(y[:, 1], e.predict(X)[:, 1]),
    }
    for key, figure in computed.items():
        row = found[key]
        members = [figure(member) for member in ensemble.estimators_]
        assert row["members"] == pytest.approx(members)
        assert row["ensemble"] == pytest.approx(figure(ensemble))
        assert row["mean"] == pytest.approx(np.mean(members))
        is_error = key[1] in ("mae", "calibration_error")
        assert row["best"] == pytest.approx((min if is_error else max)(members))
        sign = -1 if is_error else 1
        gain = sign * (figure(ensemble) - np.mean(members))
        assert row["gain"] == pytest.approx(gain)
        gain = sign * (figure(ensemble) - row["best"])
        assert row["gain_over_best"] == pytest.approx(gain)
        assert row["n_labelled"] == 20


def test_the_ensemble_has_the_figures_of_the_task_report(table, ensemble):
    X, y = table
    found = figures(ensemble_report(ensemble, X, y))
    for row in task_report(ensemble, X, y).rows:
        assert found[row["task"], row["metric"]]["ensemble"] == row["value"]


def test_disagreement(table, ensemble):
    X, y = table
    weights = np.linspace(0, 1, 60)
    found = figures(ensemble_report(ensemble, X, y, weights))
    kinds, sizes = zip(*(m.predict(X).T for m in ensemble.estimators_), strict=True)
    pairs = [(0, 1), (0, 2), (1, 2)]
    shares = [np.average(kinds[i] != kinds[j], weights=weights) for i, j in pairs]
    row = found["kind", "accuracy"]
    assert row["disagreement"] == pytest.approx(np.mean(shares))
    deviation = np.average(np.std(sizes, axis=0), weights=weights)
    assert found["size", "r2"]["disagreement"] == pytest.approx(deviation)


def test_one_member_gains_nothing(table):
    X, y = table
    alone = SeedEnsemble(table_estimator(), 1, random_state=0).fit(X, y)
    for row in ensemble_report(alone, X, y).rows:
        assert row["gain"] == row["gain_over_best"] == row["disagreement"] == 0


def test_missing_and_unknown_labels(table, ensemble):
    X, y = table
    some = y.copy()
    some[30:, 0] = np.nan
    some[0, 0] = 9  # never seen
    some[:, 1] = np.nan
    found = figures(ensemble_report(ensemble, X, some))
    assert found["kind", "accuracy"]["n_labelled"] == 30
    right = ensemble.predict(X)[:30, 0] == some[:30, 0]
    assert found["kind", "accuracy"]["ensemble"] == pytest.approx(right.mean())
    assert 0 < found["kind", "calibration_error"]["ensemble"] < 1
    assert np.isnan(found["size", "r2"]["ensemble"])
    assert np.isnan(found["size", "r2"]["disagreement"])


def test_members_of_other_classes(table):
    X, y = table
    tasks = Tasks(kind=Classification(5), size=Regression())
    voting = VotingEnsemble(
        [("three", table_estimator()), ("five", table_estimator(tasks))]
    ).fit(X, y)
    row = figures(ensemble_report(voting, X, y))["kind", "accuracy"]
    expected = [
        accuracy_score(y[:, 0], member.predict(X)[:, 0])
        for member in voting.estimators_
    ]
    assert row["members"] == pytest.approx(expected)


def test_behind_pipelines_and_searches(table):
    X, y = table
    inner = Pipeline([("scale", StandardScaler()), ("model", table_estimator())])
    ensemble = SeedEnsemble(inner, 2, random_state=0)
    outer = Pipeline([("scale", StandardScaler()), ("ensemble", ensemble)])
    search = GridSearchCV(outer, {"ensemble__n_members": [2]}, cv=2).fit(X, y)
    rows = figures(ensemble_report(search, X, y))
    scaled = StandardScaler().fit_transform(X)
    members = search.best_estimator_["ensemble"].estimators_
    expected = [accuracy_score(y[:, 0], m.predict(scaled)[:, 0]) for m in members]
    assert rows["kind", "accuracy"]["members"] == pytest.approx(expected)
    assert rows["size", "r2"]["ensemble"] == pytest.approx(
        r2_score(y[:, 1], search.predict(X)[:, 1])
    )


def test_frames(table):
    X, y = table
    frame = pd.DataFrame({"size": y[:, 1], "kind": np.where(y[:, 0] > 0, "yes", "no")})
    tasks = Tasks(kind=Classification(), size=Regression())
    ensemble = SeedEnsemble(table_estimator(tasks), 2, random_state=0).fit(X, frame)
    report = ensemble_report(ensemble, X, frame)
    table = report.to_frame()
    columns = "task kind n_labelled metric member_0 member_1 mean best ensemble gain"
    assert table.columns.tolist()[:10] == columns.split()
    assert len(table) == len(report.rows) == 9
    first = report.rows[0]
    assert table.loc[0, ["member_0", "member_1"]].tolist() == first["members"]


def test_it_prints_as_a_table(table, ensemble):
    report = ensemble_report(ensemble, *table)
    lines = repr(report).splitlines()
    head = "task metric 0 1 2 mean best ensemble gain gain_over_best disagreement"
    assert lines[0].split() == head.split()
    assert len(lines) == 1 + 9
    accuracy = report.rows[0]
    assert lines[1].split() == [
        "kind",
        "accuracy",
        *(f"{value:.3f}" for value in accuracy["members"]),
        *(f"{accuracy[name]:.3f}" for name in ("mean", "best", "ensemble", "gain")),
        f"{accuracy['gain_over_best']:z.3f}",
        f"{accuracy['disagreement']:.3f}",
    ]
    assert lines[2].split()[0] == "balanced_accuracy"  # the task is not repeated
    shown = report._repr_html_()
    assert shown.count("<tr>") == 10
    assert "<th>gain_over_best</th>" in shown


def test_many_members_are_not_printed_one_by_one(table):
    X, y = table
    many = SeedEnsemble(table_estimator(max_epochs=1), 6, random_state=0).fit(X, y)
    report = ensemble_report(many, X, y)
    assert repr(report).split()[:3] == ["task", "metric", "mean"]
    assert len(report.rows[0]["members"]) == 6


@pytest.mark.parametrize("other", [table_estimator(), StandardScaler(), None], ids=str)
def test_no_ensemble(table, other):
    with pytest.raises(ParameterTypeError, match="fitted SeedEnsemble or Voting"):
        ensemble_report(other, *table)


def test_not_fitted(table):
    with pytest.raises(NotFittedError):
        ensemble_report(SeedEnsemble(table_estimator()), *table)
