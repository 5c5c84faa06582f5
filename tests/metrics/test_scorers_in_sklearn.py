"""task_scorers in scikit-learn's own searches and validation."""

import functools

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from mixed_targets import CONTAINERS, hold, make_estimator, make_tasks
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, MultiTaskEstimator, Tasks
from mtlearn.metrics import task_scorers


@pytest.mark.parametrize("container", CONTAINERS)
def test_cross_validate_any_container(X, y, container):
    tasks, held_y = make_tasks(container), hold(y, container)
    scorers = task_scorers(tasks)
    model = make_pipeline(StandardScaler(), make_estimator(tasks))

    scores = cross_validate(
        model, X, held_y, scoring=scorers, cv=KFold(2), return_estimator=True
    )

    assert all(np.isfinite(scores[f"test_{name}"]).all() for name in scorers)
    assert (scores["test_shade_mae"] < 0).all()
    for fold, (_, test) in enumerate(KFold(2).split(X)):
        part = held_y.iloc[test] if hasattr(held_y, "iloc") else held_y[test]
        expected = scores["estimator"][fold].score(X[test], part)
        assert scores["test_mean_score"][fold] == pytest.approx(expected)


def test_one_predict_serves_all_scorers(tasks, X, y, monkeypatch):
    calls = []
    predict = MultiTaskEstimator.predict

    @functools.wraps(predict)
    def counted(self, X):
        calls.append(len(X))
        return predict(self, X)

    monkeypatch.setattr(MultiTaskEstimator, "predict", counted)
    names = ["digit_accuracy", "shade_r2", "mean_score"]
    scorers = {name: task_scorers(tasks)[name] for name in names}

    cross_validate(make_estimator(tasks), X, y, scoring=scorers, cv=2)

    assert calls == [30, 30]


def test_grid_search_in_two_jobs(tasks, X, y):
    grid = GridSearchCV(
        make_estimator(tasks),
        {"lr": [1e-6, 0.05]},
        scoring=task_scorers(tasks),
        refit="digit_accuracy",
        cv=2,
        n_jobs=2,
    )
    # New processes import torch for seconds; that scorers pickle is tested by itself.
    with parallel_config(backend="threading"):
        grid.fit(X, y)
    there = ~np.isnan(y[:, 0])
    right = accuracy_score(y[there, 0], grid.predict(X)[there, 0])

    assert grid.best_score_ == grid.cv_results_["mean_test_digit_accuracy"].max()
    assert grid.score(X, y) == pytest.approx(right)


def test_learning_curve(tasks, X, y):
    scorer = task_scorers(tasks)["shade_r2"]
    sizes, _, test = learning_curve(
        make_estimator(tasks), X, y, scoring=scorer, cv=2, train_sizes=[0.5, 1.0]
    )
    fitted = make_estimator(tasks).fit(X[30:], y[30:])
    there = ~np.isnan(y[:30, 1])

    assert sizes.tolist() == [15, 30]
    assert test[1, 0] == pytest.approx(
        r2_score(y[:30][there, 1], fitted.predict(X[:30])[there, 1])
    )


def test_permutation_importance_tells_the_tasks_apart(tasks, X, y):
    estimator = make_estimator(tasks, max_epochs=60).fit(X, y)
    importance = permutation_importance(
        estimator, X, y, scoring=task_scorers(tasks), n_repeats=3, random_state=0
    )
    # The digit comes from column 0, shade from 1, item from 2.
    for column, name in enumerate(["digit_accuracy", "shade_r2", "item_accuracy"]):
        assert importance[name].importances_mean.argmax() == column


def test_weights_are_routed(tasks, X, y):
    weights = np.random.default_rng(4).uniform(0.1, 3, size=(60, 3))
    with sklearn.config_context(enable_metadata_routing=True):
        scorers = {
            name: scorer.set_score_request(sample_weight=True)
            for name, scorer in task_scorers(tasks).items()
        }
        scores = cross_validate(
            make_estimator(tasks).set_fit_request(sample_weight=True),
            X,
            y,
            scoring=scorers,
            cv=2,
            params={"sample_weight": weights},
        )
    fitted = make_estimator(tasks).fit(X[30:], y[30:], weights[30:])
    there = ~np.isnan(y[:30, 0])
    predicted = fitted.predict(X[:30])[there, 0]

    assert scores["test_digit_accuracy"][0] == pytest.approx(
        accuracy_score(
            y[:30][there, 0], predicted, sample_weight=weights[:30][there, 0]
        )
    )
    assert scores["test_mean_score"][0] == pytest.approx(
        fitted.score(X[:30], y[:30], weights[:30])
    )


def test_two_binary_tasks_of_a_classifier(X):
    y = (X[:, :2] > 0).astype(int)
    tasks = Tasks(left=Classification(2), right=Classification(2))
    estimator = make_estimator(tasks)
    scores = cross_validate(
        estimator, X, y, scoring=task_scorers(tasks), cv=KFold(2), error_score="raise"
    )
    fitted = make_estimator(tasks).fit(X[30:], y[30:])

    assert sklearn.base.is_classifier(estimator)
    assert scores["test_right_accuracy"][0] == pytest.approx(
        accuracy_score(y[:30, 1], fitted.predict(X[:30])[:, 1])
    )


def test_a_fold_without_a_label_leaves_the_others(tasks, X, y):
    y[:30, 0] = np.nan
    with pytest.warns(UndefinedMetricWarning, match="Task 'digit'"):
        scores = cross_validate(
            make_estimator(tasks),
            X,
            y,
            scoring=task_scorers(tasks),
            cv=[(np.arange(20, 60), np.arange(20)), (np.arange(40), np.arange(40, 60))],
        )
    assert np.isnan(scores["test_digit_accuracy"]).tolist() == [True, False]
    assert np.isfinite(scores["test_shade_r2"]).all()
    assert np.isfinite(scores["test_mean_score"]).all()
