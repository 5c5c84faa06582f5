"""scikit-learn's tools around the estimators."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EarlyStopping
from skorch.helper import SliceDict

from mtlearn import Classification, Partial, Regression, Tasks
from mtlearn.networks import ResNet
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)


def kind_accuracy(y, predicted):
    return accuracy_score(np.asarray(y)[:, 0], np.asarray(predicted)[:, 0])


def image_pipeline():
    backbone = Partial(ResNet, widths=(4,), n_blocks=1, n_features=6, dropout=0.1)
    return Pipeline(
        [
            ("reshape", ImageReshaper()),
            ("scale", GlobalMaxScaler()),
            ("model", image_estimator(backbone=backbone, max_epochs=1)),
        ]
    )


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, SliceDict])
def test_cross_validate(container):
    X, y = make_table()
    if container is not np.asarray:
        columns = {"kind": y[:, 0], "size": y[:, 1]}
        y = pd.DataFrame(columns) if container is pd.DataFrame else SliceDict(**columns)
    found = cross_validate(
        table_estimator(), X, y, cv=3, return_train_score=True, return_estimator=True
    )
    for side in ("test_score", "train_score"):
        assert found[side].shape == (3,)
        assert np.isfinite(found[side]).all()
    train = KFold(3).split(X)
    rows = next(iter(train))[1]
    first = found["estimator"][0]
    labels = y[rows] if not isinstance(y, pd.DataFrame) else y.iloc[rows]
    assert found["test_score"][0] == first.score(X[rows], labels)


def test_a_class_that_a_fold_lacks():
    X, y = make_table(30)
    y[:, 0] = np.repeat([0, 1, 2], 10)  # each unshuffled fold lacks one
    found = cross_validate(table_estimator(), X, y, cv=3, return_estimator=True)
    assert np.isfinite(found["test_score"]).all()
    folds = [train for train, _ in KFold(3).split(X)]
    for estimator, train in zip(found["estimator"], folds, strict=True):
        assert len(np.unique(y[train, 0])) < 3
        assert estimator.predict_proba(X)[0].shape == (30, 3)


def test_a_task_without_a_label_in_one_fold():
    X, y = make_table()
    y[10:, 0] = np.nan  # the first unshuffled fold trains without this task
    with pytest.warns(FitFailedWarning, match="Task 'kind' has no label"):
        found = cross_validate(table_estimator(), X, y, cv=4, return_estimator=True)
    np.testing.assert_array_equal(np.isnan(found["test_score"]), [1, 0, 0, 0])
    # The others have no label of it to score.
    second = found["estimator"][1]
    rows = slice(10, 20)
    expected = second.task("size").score(X[rows], y[rows, 1])
    assert found["test_score"][1] == pytest.approx(expected)


def test_missing_labels_in_a_search():
    X, y = make_table()
    y[np.random.default_rng(0).random(y.shape) < 0.3] = np.nan
    search = GridSearchCV(table_estimator(), {"lr": [0.1, 0.001]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("scoring", [None, make_scorer(kind_accuracy)], ids=str)
def test_a_search_of_nested_names_in_a_pipeline(scoring):
    X, y = make_images()
    grid = {
        "model__tasks__kind__weight": [0.5, 2.0],
        "model__backbone__dropout": [0.0, 0.3],
    }
    search = GridSearchCV(image_pipeline(), grid, cv=2, scoring=scoring)
    search.fit(X.reshape(24, 36), y)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    model = search.best_estimator_["model"]
    best = search.best_params_
    assert model.tasks_["kind"].weight == best["model__tasks__kind__weight"]
    assert model.backbone.kwargs["dropout"] == best["model__backbone__dropout"]
    assert search.predict(X.reshape(24, 36)).shape == (24, 2)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    # The pipeline that was passed in keeps its parameters.
    assert search.estimator["model"].backbone.kwargs["dropout"] == 0.1


def test_a_parallel_search_has_the_results_of_a_sequential_one():
    # Processes of their own import torch, which takes seconds.
    X, y = make_images()
    grid = {"model__tasks__kind__weight": [0.5, 2.0], "model__n_threads": [1]}
    found = [
        GridSearchCV(image_pipeline(), grid, cv=2, n_jobs=n_jobs).fit(
            X.reshape(24, 36), y
        )
        for n_jobs in (1, 2)
    ]
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(*(search.cv_results_[name] for search in found))
    assert_same_bits(*(search.best_estimator_["model"] for search in found))


def test_a_search_over_parts():
    X, y = make_table()
    grid = {"optimizer": ["adam", "sgd"], "tasks": [None, Classification(3)]}
    search = RandomizedSearchCV(
        table_estimator(), grid, n_iter=3, cv=2, random_state=0, error_score="raise"
    )
    search.fit(X, y[:, 0].astype(int))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_bad_value_in_a_search_raises_its_own_error():
    X, y = make_table()
    search = GridSearchCV(table_estimator(), {"lr": [-1.0]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="The 'lr' parameter of MultiTaskEstimator"):
        search.fit(X, y)


def test_a_misspelt_name_in_a_search():
    X, y = make_images()
    search = GridSearchCV(image_pipeline(), {"model__tasks__kid__weight": [1]}, cv=2)
    with pytest.raises(ValueError, match="The tasks are: kind, size"):
        search.fit(X.reshape(24, 36), y)


def test_learning_curve():
    X, y = make_table()
    sizes, train, test = learning_curve(
        table_estimator(), X, y, cv=2, train_sizes=[10, 20]
    )
    np.testing.assert_array_equal(sizes, [10, 20])
    assert np.isfinite(train).all()
    assert np.isfinite(test).all()


def test_an_incremental_learning_curve():
    X, y = make_table()
    found = learning_curve(
        table_estimator(Classification(3)),
        X,
        y[:, 0],
        cv=2,
        train_sizes=[10, 20],
        exploit_incremental_learning=True,
    )
    assert np.isfinite(found[2]).all()


def test_validation_curve():
    X, y = make_table()
    _, test = validation_curve(
        table_estimator(),
        X,
        y,
        param_name="tasks__size__weight",
        param_range=[0.0, 1.0],
        cv=2,
    )
    assert test.shape == (2, 2)
    assert not np.array_equal(test[0], test[1])


def test_permutation_importance_of_a_table():
    X, y = make_table(100)
    estimator = table_estimator(max_epochs=60).fit(X, y)
    found = permutation_importance(estimator, X, y, n_repeats=3, random_state=0)
    # Columns 0 to 2 make the labels, column 3 does not.
    assert found.importances_mean[:3].min() > 0.05
    assert abs(found.importances_mean[3]) < 0.05
    of_size = permutation_importance(
        estimator.task("size"), X, y[:, 1], n_repeats=3, random_state=0
    )
    assert np.argmax(of_size.importances_mean) == 2


def test_a_table_in_a_pipeline():
    X, y = make_table()
    model = make_pipeline(StandardScaler(), table_estimator())
    scores = cross_val_score(model, 1000 * X, y, cv=2)
    assert np.isfinite(scores).all()
    assert np.isfinite(model.fit(1000 * X, y).score(1000 * X, y))


def test_clone_keeps_everything():
    tasks = Tasks(kind=Classification([3, 1], weight=2.5), size=Regression(loss="mae"))
    estimator = table_estimator(
        tasks,
        loss_weights={"kind": 3.0},
        lr_schedule="cosine",
        callbacks=[EarlyStopping(monitor="train_loss", patience=7)],
        early_stopping=True,
        verbose=0,
    )
    copied = clone(estimator)
    ours, theirs = estimator.get_params(), copied.get_params()
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if repr(ours[name]) != repr(theirs[name])} <= {
        "callbacks"
    }
    assert copied.callbacks[0].patience == 7
    assert copied.tasks is not estimator.tasks
    copied.set_params(tasks__kind__weight=1.0, backbone__hidden=(2,))
    assert estimator.tasks["kind"].weight == 2.5
    assert estimator.backbone.kwargs["hidden"] == (8,)


def test_a_clone_of_a_fitted_estimator_is_not_fitted():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    copied = clone(estimator)
    assert not [name for name in vars(copied) if name.endswith("_")]
    assert_same_bits(estimator, copied.fit(X, y))
