"""Metadata routing, and scikit-learn's own callbacks."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.callback import ScoringMonitor
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from mtlearn import Classification
from mtlearn.preprocessing import GlobalMaxScaler
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_requests():
    estimator = table_estimator()
    estimator.set_fit_request(sample_weight=True, X_val=True, y_val=True)
    estimator.set_partial_fit_request(sample_weight=True, classes=True)
    estimator.set_score_request(sample_weight=True)
    requests = estimator.get_metadata_routing()
    assert set(requests.fit.requests) == {"sample_weight", "X_val", "y_val"}
    assert set(requests.partial_fit.requests) == {"sample_weight", "classes"}
    assert set(requests.score.requests) == {"sample_weight"}


@pytest.mark.usefixtures("routing")
def test_weights_are_routed():
    X, y = make_table()
    weights = np.linspace(0, 1, 40)
    estimator = table_estimator().set_fit_request(sample_weight=True)
    estimator.set_score_request(sample_weight=True)
    found = cross_validate(
        estimator, X, y, cv=2, params={"sample_weight": weights}, return_estimator=True
    )
    first = found["estimator"][0]
    assert_same_bits(first, table_estimator().fit(X[20:], y[20:], weights[20:]))
    assert found["test_score"][0] == first.score(X[:20], y[:20], weights[:20])


@pytest.mark.usefixtures("routing")
def test_weights_for_each_task_are_routed():
    X, y = make_table()
    weights = np.random.default_rng(0).random((40, 2))
    estimator = table_estimator().set_fit_request(sample_weight=True)
    estimator.set_score_request(sample_weight=True)
    pipe = Pipeline([("scale", MinMaxScaler()), ("model", estimator)])
    search = GridSearchCV(pipe, {"model__lr": [0.1, 0.01]}, cv=2)
    search.fit(X, y, sample_weight=weights)
    scaled = MinMaxScaler().fit_transform(X)
    expected = table_estimator(lr=search.best_params_["model__lr"])
    expected.fit(scaled, y, weights)
    assert_same_bits(search.best_estimator_["model"], expected)


@pytest.mark.usefixtures("routing")
def test_validation_data_go_through_the_pipeline():
    X, y = make_images()
    model = image_estimator(restore_best=False)
    model.set_fit_request(X_val=True, y_val=True)
    pipe = Pipeline(
        [("scale", GlobalMaxScaler()), ("model", model)], transform_input=["X_val"]
    )
    pipe.fit(X[:16], y[:16], X_val=X[16:], y_val=y[16:])
    scaler = GlobalMaxScaler().fit(X[:16])
    expected = image_estimator(restore_best=False).fit(
        scaler.transform(X[:16]),
        y[:16],
        X_val=scaler.transform(X[16:]),
        y_val=y[16:],
    )
    got = [row["valid_loss"] for row in pipe["model"].history_]
    assert got == [row["valid_loss"] for row in expected.history_]


@pytest.mark.usefixtures("routing")
def test_training_under_routing_is_training():
    X, y = make_table()
    with sklearn.config_context(enable_metadata_routing=False):
        expected = table_estimator(early_stopping=True).fit(X, y)
    assert_same_bits(expected, table_estimator(early_stopping=True).fit(X, y))
    assert table_estimator().partial_fit(X, y).n_iter_ == 1


def score_of(estimator, X, y, **kwargs):
    return estimator.score(X, y, **kwargs)


@pytest.mark.parametrize("frame", [False, True])
def test_a_scoring_monitor_logs_every_epoch(frame):
    X, y = make_table()
    if frame:  # the monitor must get the names of the columns too
        X = pd.DataFrame(X, columns=list("abcd"))
    monitor = ScoringMonitor(scoring={"score": score_of})
    estimator = table_estimator().set_callbacks(monitor)
    estimator.fit(X, y)
    logged = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in logged] == [0, 1, 2, 3]
    assert logged[-1]["score"] == estimator.score(X, y)
    short = table_estimator(max_epochs=2).fit(X, y)
    assert logged[1]["score"] == short.score(X, y)


def test_a_monitor_does_not_change_training():
    X, y = make_images()
    monitored = image_estimator().set_callbacks(
        ScoringMonitor(scoring={"score": score_of})
    )
    assert_same_bits(monitored.fit(X, y), image_estimator().fit(X, y))


def weighted_kind_accuracy(y, predicted, sample_weight=None):
    return np.average(y[:, 0] == predicted[:, 0], weights=sample_weight)


def test_a_monitor_gets_the_weights():
    X, y = make_table()
    weights = np.linspace(0, 1, 40)
    monitor = ScoringMonitor(scoring=make_scorer(weighted_kind_accuracy))
    estimator = table_estimator().set_callbacks(monitor).fit(X, y, weights)
    expected = weighted_kind_accuracy(y, estimator.predict(X), weights)
    assert monitor.get_logs().data[-1]["score"] == expected


def test_a_monitor_with_a_scorer_of_one_task():
    X, y = make_table()
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = table_estimator(Classification(3)).set_callbacks(monitor)
    estimator.fit(X, y[:, 0])
    expected = get_scorer("accuracy")(estimator, X, y[:, 0])
    assert monitor.get_logs().data[-1]["accuracy"] == expected


class Watcher:
    """A callback of scikit-learn's protocol that stops after some epochs."""

    def __init__(self, stop_after=99):
        self.stop_after = stop_after
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.calls.append(f"end {context.task_name}")
        if context.task_name == "epoch":
            assert fitted_estimator.n_iter_ == context.task_id + 1
            return context.task_id + 1 >= self.stop_after
        return None


def test_a_callback_sees_the_fit():
    watcher = Watcher()
    table_estimator(max_epochs=2).set_callbacks(watcher).fit(*make_table())
    epoch = ["begin epoch", "end epoch"]
    assert watcher.calls == [
        "setup",
        "begin fit",
        *epoch,
        *epoch,
        "end fit",
        "teardown",
    ]


def test_a_callback_may_stop_training():
    X, y = make_table()
    watcher = Watcher(stop_after=3)
    estimator = table_estimator(max_epochs=50).set_callbacks(watcher).fit(X, y)
    assert estimator.n_iter_ == 3
    assert watcher.calls[-2:] == ["end fit", "teardown"]
    assert_same_bits(estimator, table_estimator(max_epochs=3).fit(X, y))


def test_a_callback_sees_the_epoch_that_early_stopping_ends():
    watcher = Watcher()
    estimator = table_estimator(
        max_epochs=50, early_stopping=True, n_iter_no_change=2, loss_weights=[0, 0]
    )
    estimator.set_callbacks(watcher).fit(*make_table())
    assert estimator.n_iter_ == 3
    assert watcher.calls.count("end epoch") == 3


def test_a_callback_sees_a_partial_fit():
    X, y = make_table()
    watcher = Watcher()
    estimator = table_estimator().set_callbacks(watcher)
    estimator.partial_fit(X, y)
    assert watcher.calls.count("end epoch") == 1


def test_a_callback_is_torn_down_when_fit_raises():
    watcher = Watcher()
    X, y = make_table()
    with pytest.raises(ValueError, match="inconsistent"):
        table_estimator().set_callbacks(watcher).fit(X, y[:30])
    assert watcher.calls == ["setup", "teardown"]


class Counter(Watcher):
    """Is handed on to inner estimators."""

    max_propagation_depth = None


def test_callbacks_of_a_search_reach_the_epochs():
    X, y = make_table()
    counter = Counter()
    search = GridSearchCV(table_estimator(max_epochs=2), {"lr": [0.1, 0.01]}, cv=2)
    search.set_callbacks(counter).fit(X, y)
    # Two candidates in two folds, and the refit.
    assert counter.calls.count("end epoch") == 2 * (2 * 2 + 1)
    assert not same_bits(search.best_estimator_, table_estimator().fit(X, y))


def test_a_monitor_inside_a_search():
    X, y = make_table()
    monitor = ScoringMonitor(scoring={"score": make_scorer(weighted_kind_accuracy)})
    estimator = table_estimator(max_epochs=2).set_callbacks(monitor)
    GridSearchCV(estimator, {"lr": [0.1, 0.01]}, cv=2, refit=False).fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 2 * 2 * 2
