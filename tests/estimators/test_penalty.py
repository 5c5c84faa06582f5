"""penalty= through an estimator: searched, kept, gone on with."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from mtlearn import (
    MultiTaskEstimator,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    load,
    save,
)
from mtlearn.exceptions import DivergenceError, InvalidParameterError
from mtlearn.losses import (
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Ridge,
    TaskCovariance,
    TraceNorm,
)
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
)

PENALTIES = [
    CommonMean(0.1),
    GraphLaplacian([("one", "other", 2.0)], 0.1),
    GroupLasso(0.1),
    Ridge(0.1),
    TaskCovariance(0.1),
    TraceNorm(0.1),
    [TaskCovariance(0.1), Ridge(0.1, ["one"])],
]


def estimator_of(penalty, **params):
    tasks = Tasks(one=Regression(), other=Regression())
    return table_estimator(tasks, penalty=penalty, **params)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_files_and_pickles_keep_it(penalty, tmp_path):
    X, y = make_table()
    estimator = estimator_of(penalty).fit(X, y)
    assert not same_bits(estimator, estimator_of(None).fit(X, y))
    save(estimator, tmp_path / "model.mtl")
    for again in (
        load(tmp_path / "model.mtl"),
        pickle.loads(pickle.dumps(estimator)),
    ):
        assert repr(again) == repr(estimator)
        assert again.history_ == estimator.history_
        np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
        np.testing.assert_array_equal(
            again.task_covariance_, estimator.task_covariance_
        )
        assert again.task_covariance_columns_ == estimator.task_covariance_columns_


@pytest.mark.parametrize("penalty", [[], TraceNorm(0.0), [Ridge(0), TaskCovariance(0)]])
def test_nothing_is_nothing(penalty):
    X, y = make_table()
    estimator = table_estimator(penalty=penalty).fit(X, y)
    plain = table_estimator().fit(X, y)
    assert_same_bits(estimator, plain)
    assert [row.keys() for row in estimator.history_] == [
        row.keys() for row in plain.history_
    ]
    assert estimator.task_covariance_ is estimator.task_covariance_columns_ is None


def test_strengths_are_searched():
    X, y = make_table()
    params = {"penalty__strength": [0.001, 1e4]}
    search = GridSearchCV(estimator_of(TraceNorm(1.0), lr=0.1), params, cv=2).fit(X, y)
    assert search.best_params_ == {"penalty__strength": 0.001}
    params = {"penalty": [None, TraceNorm(1e4), [TraceNorm(1e4), Ridge(1.0)]]}
    search = GridSearchCV(estimator_of(None, lr=0.1), params, cv=2).fit(X, y)
    assert search.best_params_ == {"penalty": None}
    with pytest.raises(InvalidParameterError, match="Pass one penalty first, such as"):
        estimator_of(None).set_params(penalty__strength=0.1)


def test_images_under_autocast_and_members_of_an_ensemble():
    X, y = make_images()
    params = {"penalty": TaskCovariance(0.1), "precision": "bfloat16"}
    estimator = image_estimator(**params).fit(X, y)
    assert estimator.task_covariance_columns_ == [("kind", 0), ("kind", 1), ("size", 0)]
    assert estimator.task_covariance_.dtype == np.float32
    assert np.trace(estimator.task_covariance_) == pytest.approx(1, abs=1e-5)
    penalties = [row["train_penalty"] for row in estimator.history_]
    assert np.isfinite(penalties).all()
    ensemble = SeedEnsemble(image_estimator(**params), n_members=2, random_state=0)
    members = ensemble.fit(X, y).estimators_
    assert all("train_penalty" in member.history_[0] for member in members)


def test_more_training_has_the_penalty_of_today():
    X, y = make_table()
    estimator = estimator_of(TaskCovariance(0.1), warm_start=True).fit(X, y)
    first = estimator.task_covariance_
    estimator.partial_fit(X, y)
    assert "train_penalty" in estimator.history_[-1]
    assert not np.array_equal(estimator.task_covariance_, first)
    estimator.set_params(penalty=None).fit(X, y)
    assert "train_penalty" not in estimator.history_[-1]
    assert estimator.task_covariance_ is None


def test_a_fit_that_fails_changes_nothing():
    X, y = make_table()
    estimator = estimator_of(TaskCovariance(0.1), warm_start=True).fit(X, y)
    before = pickle.dumps(estimator.net_), estimator.task_covariance_
    estimator.set_params(penalty=TaskCovariance(0.1, ["nobody"]))
    with pytest.raises(InvalidParameterError, match=r"no tasks \['nobody'\]"):
        estimator.fit(X, y)
    assert pickle.dumps(estimator.net_) == before[0]
    assert estimator.task_covariance_ is before[1]


def test_the_covariance_is_that_of_the_weights_that_are_kept():
    X, y = make_table()
    for params in ({"averaging": "ema"}, {"averaging": "swa"}, {}):
        estimator = estimator_of(
            TaskCovariance(0.01), early_stopping=True, max_epochs=8, lr=0.3, **params
        ).fit(X, y)
        heads = estimator.net_.module_.heads
        W = np.vstack([head[-1].weight.detach().numpy() for head in heads]).T
        values, vectors = np.linalg.eigh(W.T @ W)
        root = vectors * np.sqrt(values) @ vectors.T
        np.testing.assert_allclose(
            estimator.task_covariance_, root / np.trace(root), atol=1e-10
        )


def test_tasks_without_a_column_of_y_are_left_out():
    X, y = make_table()
    tasks = Tasks(one=Regression(), other=Regression(), row=Reconstruction())
    estimator = MultiTaskEstimator(
        tasks, penalty=TaskCovariance(0.1), max_epochs=1, random_state=0
    ).fit(X, y)
    assert estimator.task_covariance_columns_ == [("one", 0), ("other", 0)]
    estimator.set_params(penalty=TaskCovariance(0.1, ["row", "one"])).fit(X, y)
    assert len(estimator.task_covariance_) == 1 + X.shape[1]


def test_a_strong_penalty_that_diverges_is_noticed():
    X, y = make_table()
    estimator = estimator_of(TraceNorm(1e200), optimizer="sgd", lr=1e200, max_epochs=2)
    with pytest.raises(DivergenceError, match=r"heads\.0\.0\.weight' are not finite"):
        estimator.fit(X, y)
