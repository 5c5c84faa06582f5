"""Scorers of several labels: columns of all tasks, holes, weights, and one pass."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from mixed_targets import make_estimator
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_validate

from mtlearn import Classification, MultiLabel, Regression, Tasks, TemperatureScaled
from mtlearn.exceptions import InvalidDataError
from mtlearn.metrics import task_report, task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold


@pytest.fixture(scope="module")
def data():
    """Return X, and y with a value, three labels with holes, and two classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    labels = (X[:, :3] + rng.normal(size=(90, 3)) > [0, 0.5, 1]).astype(float)
    labels[rng.random((90, 3)) < 0.2] = np.nan
    return X, np.column_stack([X[:, 3], labels, X[:, 0] > 0])


TASKS = Tasks(size=Regression(), tags=MultiLabel(3), kind=Classification(2))


def by_column(figure, y, chances, weight):
    """Compute a mean of scikit-learn's figure over the labels' known cells."""
    known = ~np.isnan(y[:, 1:4])
    columns = zip(y[:, 1:4].T, chances.T, known.T, strict=True)
    return np.mean(
        [
            figure(true[rows], found[rows], sample_weight=weight[rows])
            for true, found, rows in columns
        ]
    )


@pytest.mark.parametrize("weighted", ["no", "rows", "tasks"])
def test_they_are_means_over_known_cells(data, weighted):
    X, y = data
    estimator = make_estimator(TASKS).fit(X, y)
    chances = estimator.predict_proba(X)[1]
    weight = np.random.default_rng(1).uniform(0.5, 2, (90, 3))
    given = {"no": None, "rows": weight[:, 1], "tasks": weight}[weighted]
    weight = np.ones(90) if weighted == "no" else weight[:, 1]
    scorers = task_scorers(estimator.tasks_)
    for name, figure in (
        ("map", average_precision_score),
        ("roc_auc_macro", roc_auc_score),
    ):
        found = scorers[f"tags_{name}"](estimator, X, y, sample_weight=given)
        assert found == pytest.approx(by_column(figure, y, chances, weight))
    report = task_report(estimator, X, y, given)
    rows = {row["metric"]: row["value"] for row in report.rows if row["task"] == "tags"}
    expected = {name: scorers[f"tags_{name}"](estimator, X, y, sample_weight=given)
                for name in rows}  # fmt: skip
    expected["hamming"] *= -1
    assert rows == pytest.approx(expected)


def test_tasks_are_found_whatever_their_order(data):
    X, y = data
    names = ["size", "0", "1", "2", "kind"]
    frame = pd.DataFrame(y, columns=names)[["2", "0", "1", "kind", "size"]]
    tasks = Tasks(size=Regression(), tags=MultiLabel(["0", "1", "2"]),
                  kind=Classification(2))  # fmt: skip
    estimator = make_estimator(tasks).fit(X, frame)
    chances = estimator.predict_proba(X)[0]
    assert chances.shape == (90, 3)
    for known in (tasks, estimator.tasks_):
        found = task_scorers(known)["tags_map"](estimator, X, frame)
        expected = by_column(average_precision_score, y, chances, np.ones(90))
        assert found == pytest.approx(expected)


class Counted:
    """Counts what it is asked for."""

    def __init__(self, estimator):
        self.estimator, self.asked = estimator, []
        self.classes_ = estimator.classes_

    def fit(self, X, y):
        return self

    def predict(self, X):
        self.asked.append("predict")
        return self.estimator.predict(X)

    def predict_proba(self, X):
        self.asked.append("predict_proba")
        return self.estimator.predict_proba(X)

    def __sklearn_tags__(self):
        return self.estimator.__sklearn_tags__()


@pytest.mark.parametrize("k", [1, 2, 3])  # two labels are not two classes
def test_many_scorers_ask_for_probabilities_once(data, k):
    X, y = data
    y = np.nan_to_num(y[:, 1 : 1 + k])
    tasks = Tasks(tags=MultiLabel(k))
    estimator = Counted(make_estimator(MultiLabel(k)).fit(X, y))
    scorers = task_scorers(tasks)
    found = sklearn.metrics.check_scoring(estimator, scoring=scorers)(estimator, X, y)
    assert sorted(estimator.asked) == ["predict", "predict_proba"]
    expected = average_precision_score(y, estimator.predict_proba(X))
    assert found["tags_map"] == pytest.approx(expected)


def test_in_searches_and_around_wrappers(data):
    X, y = data
    folds = MultiTaskStratifiedKFold(2, tasks=TASKS)
    scoring = task_scorers(TASKS)
    scores = cross_validate(make_estimator(TASKS), X, y, scoring=scoring, cv=folds)
    assert (scores["test_tags_map"] > 0.3).all()
    scaled = TemperatureScaled(make_estimator(TASKS), random_state=0)
    search = GridSearchCV(
        scaled, {"estimator__lr": [0.05, 0.1]}, scoring=scoring["tags_map"], cv=folds
    ).fit(X, y)
    assert np.isfinite(search.best_score_)


def test_weights_are_routed(data):
    X, y = data
    estimator = make_estimator(TASKS).fit(X, y)
    weight = np.linspace(0.1, 1, 90)
    plain = task_scorers(TASKS)["tags_map"](estimator, X, y, sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = task_scorers(TASKS)["tags_map"].set_score_request(sample_weight=True)
        other = task_scorers(TASKS)["tags_ap_micro"]
        other.set_score_request(sample_weight=False)
        scorers = {"map": scorer, "other": other}
        both = sklearn.metrics.check_scoring(estimator, scoring=scorers)
        found = both(estimator, X, y, sample_weight=weight)
    assert found["map"] == pytest.approx(plain)
    assert found["other"] == task_scorers(TASKS)["tags_ap_micro"](estimator, X, y)


def test_probabilities_of_other_tasks(data):
    X, y = data
    estimator = make_estimator(TASKS).fit(X, y)
    scorer = task_scorers(Tasks(tags=MultiLabel(3)))["tags_map"]
    with pytest.raises(InvalidDataError, match="probabilities of 3 tasks; expected th"):
        scorer(estimator, X, y[:, 1:4])
