"""Scorers and reports take a kind that they have never heard of."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest
from sklearn.model_selection import cross_validate

from mtlearn import MultiTaskEstimator, Partial, SeedEnsemble, Tasks
from mtlearn.inspection import sharing_report
from mtlearn.metrics import ensemble_report, task_report, task_scorers
from mtlearn.networks import MLP
from mtlearn.tasks import Classification, Figure, Regression, ScoredLabels


def worst_error(labels: ScoredLabels) -> float:
    return float(np.abs(labels.true - labels.predicted).max())


class Level(Regression):
    """A kind of its own, judged by its worst error."""

    kind: ClassVar[str] = "level"
    metric: ClassVar[str] = "worst"

    def figures(self) -> Mapping[str, Figure]:
        return {"worst": Figure(worst_error, greater_is_better=False)}


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(60, 3))
    y = np.column_stack([X[:, 0] > 0, X.sum(axis=1)])
    y[::7, 1] = np.nan
    return X, y


def make(seed=0):
    tasks = Tasks(sign=Classification(2), level=Level())
    return MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=(8,)),
        max_epochs=2,
        n_threads=1,
        random_state=seed,
    )


def largest(y, predicted):
    known = ~np.isnan(y[:, 1])
    return np.abs(y[known, 1] - predicted[known, 1]).max()


def test_it_is_scored_and_reported(data):
    X, y = data
    estimator = make().fit(X, y)
    expected = largest(y, estimator.predict(X))
    row = next(
        row for row in task_report(estimator, X, y).rows if row["task"] == "level"
    )
    assert (row["kind"], row["metric"], row["greater_is_better"]) == (
        "level",
        "worst",
        False,
    )
    assert row["value"] == pytest.approx(expected)
    scorer = task_scorers(estimator.tasks_)["level_worst"]
    assert scorer(estimator, X, y) == pytest.approx(-expected)  # errors are negated
    scores = cross_validate(make(), X, y, scoring=task_scorers(make().tasks), cv=2)
    assert (scores["test_level_worst"] < 0).all()


def test_an_ensemble_gains_where_its_error_is_smaller(data):
    X, y = data
    ensemble = SeedEnsemble(make(), n_members=2, random_state=0).fit(X, y)
    row = next(
        row for row in ensemble_report(ensemble, X, y).rows if row["task"] == "level"
    )
    members = [largest(y, member.predict(X)) for member in ensemble.estimators_]
    whole = largest(y, ensemble.predict(X))
    assert row["best"] == pytest.approx(min(members))
    assert row["gain"] == pytest.approx(np.mean(members) - whole)
    assert not row["greater_is_better"]


def test_it_is_part_of_a_sharing_report(data):
    X, y = data
    report = sharing_report(make(), X, y, cv=2, random_state=0)
    assert [(row["task"], row["metric"]) for row in report.rows] == [
        ("sign", "accuracy"),
        ("level", "worst"),
    ]
    other, row = report.rows
    # What an error loses is a gain.
    gains = [
        100 * other["difference"] / other["single"],
        -100 * row["difference"] / row["single"],
    ]
    assert report.relative_gain == pytest.approx(np.mean(gains))
