"""SeedEnsemble in scikit-learn's tools, and these in it."""

import pickle

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    Regression,
    SeedEnsemble,
    Tasks,
    VotingEnsemble,
)
from mtlearn.exceptions import (
    InvalidParameterError,
)
from mtlearn.preprocessing import GlobalMaxScaler
from tiny_problems import (
    Counter,
    assert_same_bits,
    image_estimator,
    make_images,
    same_bits,
    table_estimator,
)


def test_a_pipeline_inside(table):
    X, y = table
    weights = np.linspace(0, 1, 40)
    pipe = Pipeline([("scale", StandardScaler()), ("model", table_estimator())])
    ensemble = SeedEnsemble(pipe, seeds=[0, 1]).fit(X, y, sample_weight=weights)
    scaled = StandardScaler().fit_transform(X)
    alone = table_estimator(random_state=1).fit(scaled, y, weights)
    assert_same_bits(ensemble.estimators_[1]["model"], alone)
    expected = np.mean([m.predict_proba(X)[1] for m in ensemble.estimators_], axis=0)
    np.testing.assert_allclose(ensemble.predict_proba(X)[1], expected, rtol=1e-12)
    assert not hasattr(ensemble, "partial_fit")


def test_a_search_inside(table):
    search = GridSearchCV(table_estimator(), {"lr": [0.1, 0.01]}, cv=2)
    ensemble = SeedEnsemble(search, 2, random_state=0).fit(*table)
    for seed, member in zip(ensemble.seeds_, ensemble.estimators_, strict=True):
        lr = member.best_params_["lr"]
        alone = table_estimator(lr=lr, random_state=seed).fit(*table)
        assert_same_bits(member.best_estimator_, alone)
    assert ensemble.predict(table[0]).shape == (40, 2)


def test_inside_a_pipeline_and_a_search():
    X, y = make_images()
    ensemble = SeedEnsemble(image_estimator(), 2, random_state=0)
    pipe = Pipeline([("scale", GlobalMaxScaler()), ("model", ensemble)])
    grid = {
        "model__estimator__tasks__kind__weight": [0.5, 2.0],
        "model__n_members": [1, 2],
    }
    search = GridSearchCV(pipe, grid, cv=2).fit(X, y)
    best = search.best_estimator_["model"]
    weight = search.best_params_["model__estimator__tasks__kind__weight"]
    assert best.estimators_[0].tasks["kind"].weight == weight
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    found = cross_validate(pipe, X, y, cv=2, return_estimator=True)
    assert not same_bits(*(each["model"].estimators_[0] for each in found["estimator"]))


def test_an_ensemble_of_ensembles(table):
    X, _ = table
    inner = SeedEnsemble(table_estimator(max_epochs=2), 2)
    outer = SeedEnsemble(inner, 2, random_state=0).fit(*table)
    members = [member for each in outer.estimators_ for member in each.estimators_]
    expected = np.mean([member.predict_proba(X)[0] for member in members], axis=0)
    np.testing.assert_allclose(outer.predict_proba(X)[0], expected, rtol=1e-12)
    outer.partial_fit(*table)
    members = [member for each in outer.estimators_ for member in each.estimators_]
    assert [member.n_iter_ for member in members] == [3, 3, 3, 3]


def test_partial_fit_is_that_of_each_member(table):
    X, y = table
    ensemble = SeedEnsemble(table_estimator(), seeds=[0, 1])
    for _ in range(2):
        ensemble.partial_fit(X, y)
    for seed, member in enumerate(ensemble.estimators_):
        alone = table_estimator(random_state=seed).partial_fit(X, y).partial_fit(X, y)
        assert_same_bits(member, alone)
    assert ensemble.seeds_ == [0, 1]


def test_partial_fit_with_classes(table):
    X, y = table
    tasks = Tasks(kind=Classification(), size=Regression())
    ensemble = SeedEnsemble(table_estimator(tasks), 2, random_state=0)
    with pytest.raises(InvalidParameterError, match="must know the classes"):
        ensemble.partial_fit(X, y)
    ensemble.partial_fit(X, y, classes=[[0, 1, 2, 3], None])
    assert ensemble.classes_[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_are_routed(table, method):
    X, y = table
    weights = np.linspace(0, 1, 40)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = table_estimator()
        getattr(estimator, f"set_{method}_request")(sample_weight=True)
        ensemble = SeedEnsemble(estimator, seeds=[0, 1])
        getattr(ensemble, method)(X, y, sample_weight=weights)
    alone = getattr(table_estimator(random_state=1), method)(X, y, weights)
    assert_same_bits(ensemble.estimators_[1], alone)


def test_weights_are_routed_through_a_search(table):
    X, y = table
    weights = np.linspace(0, 1, 40)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = table_estimator().set_fit_request(sample_weight=True)
        ensemble = SeedEnsemble(estimator, seeds=[0]).set_score_request(
            sample_weight=True
        )
        search = GridSearchCV(ensemble, {"estimator__lr": [0.1]}, cv=2)
        search.fit(X, y, sample_weight=weights)
    alone = table_estimator(lr=0.1).fit(X, y, weights)
    assert_same_bits(search.best_estimator_.estimators_[0], alone)


def test_partial_fit_takes_the_parameters_of_today(table):
    X, y = table
    ensemble = SeedEnsemble(table_estimator(), seeds=[0]).partial_fit(X, y)
    ensemble.set_params(estimator__lr=0.3).partial_fit(X, y)
    alone = table_estimator().partial_fit(X, y)
    assert_same_bits(
        ensemble.estimators_[0], alone.set_params(lr=0.3).partial_fit(X, y)
    )


def test_partial_fit_does_not_resample(table):
    ensemble = SeedEnsemble(table_estimator(), 2, bootstrap=True)
    with pytest.raises(InvalidParameterError, match=r"'bootstrap'.*False for partial"):
        ensemble.partial_fit(*table)


def test_callbacks_see_partial_fit(table):
    counter = Counter()
    ensemble = SeedEnsemble(table_estimator(), 2, random_state=0)
    ensemble.set_callbacks(counter).partial_fit(*table)
    assert counter.ended.count("epoch") == 2


def test_groups_are_resampled_with_the_rows(table):
    X, y = table
    groups = np.arange(40) // 10
    search = GridSearchCV(table_estimator(), {"lr": [0.1]}, cv=GroupKFold(2))
    ensemble = SeedEnsemble(search, seeds=[0], bootstrap=True)
    ensemble.fit(X, y, groups=groups)
    rows = np.random.default_rng([0, 1]).integers(40, size=40)
    expected = clone(search).fit(X[rows], y[rows], groups=groups[rows])
    scores = ensemble.estimators_[0].cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores, expected.cv_results_["mean_test_score"])


def test_members_inside_a_member_differ(table):
    inner = VotingEnsemble([("a", table_estimator()), ("b", table_estimator())])
    ensemble = SeedEnsemble(inner, seeds=[3]).fit(*table)
    first, second = ensemble.estimators_[0].estimators_
    assert second.random_state == 3
    assert not same_bits(first, second)


def test_validation_data_reach_the_members(table):
    X, y = table
    ensemble = SeedEnsemble(table_estimator(), seeds=[0])
    ensemble.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert "valid_loss" in ensemble.estimators_[0].history_[0]


def test_callbacks_reach_the_epochs_of_each_member(table):
    counter = Counter()
    ensemble = SeedEnsemble(table_estimator(max_epochs=2), 3, random_state=0)
    ensemble.set_callbacks(counter).fit(*table)
    # What a member of the ensemble is, is a fit of the estimator.
    assert counter.ended == [*["epoch", "epoch", "fit"] * 3, "fit"]
    assert_same_bits(
        ensemble.estimators_[0],
        SeedEnsemble(table_estimator(max_epochs=2), 1, random_state=0)
        .fit(*table)
        .estimators_[0],
    )


def test_a_monitor_on_the_estimator(table):
    monitor = ScoringMonitor(scoring={"score": make_scorer(lambda y, p: 1.0)})
    estimator = table_estimator(max_epochs=2).set_callbacks(monitor)
    SeedEnsemble(estimator, 3, random_state=0).fit(*table)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 3 * 2


def test_a_torch_tensor(table):
    X, y = make_images()
    ensemble = SeedEnsemble(image_estimator(), seeds=[0], bootstrap=True)
    ensemble.fit(torch.from_numpy(X), y)
    expected = clone(ensemble).fit(X, y)
    assert_same_bits(ensemble.estimators_[0], expected.estimators_[0])


def test_a_pickle_predicts_the_same(table, fitted):
    X, _ = table
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.seeds_ == fitted.seeds_


def test_it_shows_its_estimator(fitted):
    shown = fitted._repr_html_()
    assert "SeedEnsemble" in shown
    assert "MultiTaskEstimator" in shown


def test_tags_are_those_of_the_estimator():
    def tags_of(tasks):
        return SeedEnsemble(table_estimator(tasks)).__sklearn_tags__()

    assert tags_of(Classification()).estimator_type == "classifier"
    assert tags_of(Regression()).estimator_type == "regressor"
    assert tags_of(None).estimator_type is None
    images = SeedEnsemble(image_estimator()).__sklearn_tags__()
    assert images.input_tags.three_d_array
