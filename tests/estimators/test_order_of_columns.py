"""Whatever has one part for each task has them in the order of y's columns."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer, roc_auc_score
from skorch.helper import SliceDict

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    VotingEnsemble,
)
from mtlearn.inspection import sharing_report
from mtlearn.metrics import task_report, task_scorers
from tiny_problems import make_table, table_estimator

BACKWARDS = Tasks(size=Regression(), kind=Classification(3))
BY_NUMBER = Tasks(size=Regression(column=1), kind=Classification(3, column=0))


def table(container):
    """Return rows, y with the columns kind and size, and tasks the other way round."""
    X, y = make_table()
    if container == "array":
        return X, y, BY_NUMBER
    columns = {"kind": y[:, 0].astype(int), "size": y[:, 1]}
    return X, (pd.DataFrame if container == "frame" else SliceDict)(**(
        {"data": columns} if container == "frame" else columns
    )), BACKWARDS  # fmt: skip


@pytest.mark.parametrize("container", ["frame", "dict", "array"])
def test_every_list_is_in_the_order_of_y(container):
    X, y, tasks = table(container)
    estimator = table_estimator(tasks).fit(X, y)

    assert estimator.task_names_ == estimator.tasks_.names == ("kind", "size")
    kind, size = estimator.predict_proba(X)
    assert (kind.shape, size.shape) == ((40, 3), (40, 1))
    assert_array_equal(estimator.classes_[0], [0, 1, 2])
    assert estimator.classes_[1] is None
    predicted = np.asarray(estimator.predict(X))
    assert_array_equal(predicted[:, 0], kind.argmax(axis=1))
    assert_array_equal(predicted[:, 1], size[:, 0])
    rows = task_report(estimator, X, y).rows
    assert list(dict.fromkeys(row["task"] for row in rows)) == ["kind", "size"]
    ensemble = SeedEnsemble(table_estimator(tasks), 2, random_state=0).fit(X, y)
    assert [each.shape[1] for each in ensemble.spread(X)] == [3, 1]
    scaled = TemperatureScaled(FrozenEstimator(ensemble)).fit(X, y)
    assert [each.shape[1] for each in scaled.predict_proba(X)] == [3, 1]


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_scorers_of_probabilities_pair_the_right_columns(names):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))
    y = pd.DataFrame({"a": (X[:, 0] > 0) * 1, "b": rng.integers(0, 2, 100)})
    tasks = Tasks(**{name: Classification(2) for name in names})
    estimator = MultiTaskEstimator(tasks, max_epochs=20, lr=0.02, random_state=0)
    estimator.fit(X[:50], y[:50])
    X, y = X[50:], y[50:]

    by_name = [
        roc_auc_score(y[name], estimator.task(name).predict_proba(X)[:, 1])
        for name in y
    ]
    assert by_name[0] > by_name[1] + 0.1
    assert get_scorer("roc_auc")(estimator, X, y) == pytest.approx(np.mean(by_name))


def test_weights_of_losses_are_in_the_order_of_declaration():
    X, y, tasks = table("frame")

    def weights(estimator):
        names, found = estimator.task_names_, estimator.net_.criterion_.task_weights
        return dict(zip(names, found, strict=True))

    expected = {"size": 3.0, "kind": 5.0}
    for given in ([3.0, 5.0], expected):
        estimator = table_estimator(tasks, loss_weights=given).fit(X, y)
        assert weights(estimator) == expected
    own = Tasks(size=Regression(weight=3.0), kind=Classification(3, weight=5.0))
    assert weights(table_estimator(own).fit(X, y)) == expected


def test_sharing_report_knows_whose_loss_weights_are():
    X, y, tasks = table("frame")
    first, second = (
        sharing_report(
            table_estimator(tasks, loss_weights=given), X, y, cv=2, random_state=0
        )
        for given in ([0.0, 1.0], {"kind": 1.0, "size": 0.0})
    )
    assert repr(first) == repr(second)


@pytest.mark.parametrize("container", ["frame", "dict", "array"])
def test_weights_of_samples_without_names(container):
    X, y, tasks = table(container)
    weights = np.ones((40, 2))
    weights[20:, 1] = 0.0

    fitted = table_estimator(tasks).fit(X, y, weights).tasks_

    size = make_table()[1][:, 1]
    assert fitted["size"].mean_ == pytest.approx(size[:20].mean())
    shares = np.bincount(make_table()[1][:, 0].astype(int)) / 40
    assert_array_equal(fitted["kind"].class_prior_, shares)


def test_weights_are_in_the_order_of_the_y_beside_them():
    X, y, tasks = table("frame")
    fitted = table_estimator(tasks).fit(X, y)
    weights = np.column_stack([np.ones(40), np.arange(40) < 20])
    size = fitted.predict(X)["size"][:20] - y["size"][:20]
    r2 = 1 - np.mean(size**2) / y["size"][:20].var(ddof=0)
    right = np.mean(fitted.predict(X)["kind"] == y["kind"])

    assert fitted.score(X, y, weights) == pytest.approx((r2 + right) / 2)
    swapped = fitted.score(X, y[["size", "kind"]], weights[:, ::-1])
    assert swapped == pytest.approx((r2 + right) / 2)
    scorer = task_scorers(tasks)["size_r2"]  # declared the other way round
    assert scorer(fitted, X, y, sample_weight=weights) == pytest.approx(r2)


def test_classes_of_partial_fit():
    X, y = make_table()
    y = np.column_stack([y[:, 0], y[:, 0] + 10])
    tasks = Tasks(second=Classification(column=1), first=Classification(column=0))
    estimator = table_estimator(tasks)

    estimator.partial_fit(X, y, classes=[[0, 1, 2, 3], [10, 11, 12]])

    assert estimator.tasks_["first"].classes_.tolist() == [0, 1, 2, 3]
    assert estimator.tasks_["second"].classes_.tolist() == [10, 11, 12]


def test_more_training_with_tasks_in_another_order():
    X, y, tasks = table("frame")
    estimator = table_estimator(tasks, warm_start=True, max_epochs=1).fit(X, y)
    estimator.set_params(tasks=Tasks(kind=Classification(3), size=Regression()))
    assert estimator.fit(X, y).n_iter_ == 2
    assert estimator.partial_fit(X, y).n_iter_ == 3


def test_tasks_of_an_array_remember_their_columns():
    """A task without a number takes the column at its own place among the tasks."""
    X, y = make_table()
    y = np.column_stack([y[:, 1] + 100, np.zeros(40), y[:, 1], np.zeros(40)])
    tasks = Tasks(x=Regression(column=3), low=Regression(column=0), mid=Regression())
    estimator = table_estimator(tasks).fit(X, y)

    assert estimator.task_names_ == ("low", "mid", "x")
    assert estimator.tasks_["mid"].mean_ == pytest.approx(y[:, 2].mean())
    predicted = estimator.predict(X)
    expected = 1 - np.mean((predicted[:, 1] - y[:, 2]) ** 2) / y[:, 2].var()
    scorer = task_scorers(estimator.tasks_)["mid_r2"]
    assert scorer(estimator, X, y) == pytest.approx(expected)
    assert estimator.task("mid").score(X, y[:, 2]) == pytest.approx(expected)


def test_frames_are_read_by_name_after_the_fit():
    X, y, _ = table("frame")
    tasks = Tasks(a=Regression(column=1), b=Classification(3, column=0))
    estimator = table_estimator(tasks).fit(X, y)
    assert estimator.score(X, y[["size", "kind"]]) == estimator.score(X, y)


def test_members_are_joined_by_name():
    X, y, tasks = table("frame")
    one = table_estimator(tasks).fit(X, y)
    other = table_estimator(tasks, random_state=1).fit(X, y[["size", "kind"]])
    members = [("one", FrozenEstimator(one)), ("other", FrozenEstimator(other))]

    voting = VotingEnsemble(members).fit(X, y)

    kind, size = voting.predict_proba(X)
    (a, b), (c, d) = one.predict_proba(X), other.predict_proba(X)
    np.testing.assert_allclose(kind, (a + d) / 2)
    np.testing.assert_allclose(size, (b + c) / 2)


def test_a_pickle_whose_tasks_had_an_order_of_their_own():
    X, y, _ = table("array")
    tasks = Tasks(kind=Classification(3), size=Regression())
    estimator = table_estimator(tasks).fit(X, y)
    (kind, size), score = estimator.predict_proba(X), estimator.score(X, y)
    # As if y had the columns size and kind, and the tasks stood the other way round.
    columns = {"kind__column": 1, "size__column": 0}
    estimator.set_params(tasks=clone(tasks).set_params(**columns))
    estimator.tasks_.set_params(**columns)
    codec = estimator._codec
    layout = replace(codec.layout, order=(1, 0), keys=(1, 0))
    estimator._codec = replace(codec, layout=layout)

    loaded = pickle.loads(pickle.dumps(estimator))

    assert loaded.task_names_ == loaded.tasks_.names == ("size", "kind")
    found = loaded.predict_proba(X)
    assert_array_equal(found[0], size)
    assert_array_equal(found[1], kind)
    assert loaded.classes_[0] is None
    assert_array_equal(loaded.predict(X), estimator.predict(X)[:, ::-1])
    assert loaded.score(X, y[:, ::-1]) == score
    again = pickle.loads(pickle.dumps(loaded))
    assert_array_equal(again.predict_proba(X)[1], kind)
    n_epochs = loaded.partial_fit(X, y[:, ::-1]).n_iter_
    assert n_epochs == estimator.n_iter_ + 1
