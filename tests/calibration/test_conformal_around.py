"""ConformalPredictor: its conformance, what it wraps, and what wraps it."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from checked_estimators import TASKS
from checked_estimators import table_estimator as checked_estimator
from mtlearn import (
    Classification,
    ConformalPredictor,
    MultiLabel,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    VotingEnsemble,
    load,
    save,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.networks import MLP
from mtlearn.tasks import fit_codec
from mtlearn.training import validation_rows
from shaped_kinds import Echo, Vector
from tiny_problems import assert_same_bits, make_table, table_estimator


def checked(tasks):
    # Its own seed is that of the split. One label held out is enough for a half.
    inner = checked_estimator(tasks).set_params(random_state=0)
    return ConformalPredictor(inner, 0.5, random_state=0)


@parametrize_with_checks([checked(tasks) for tasks in (*TASKS[:3], TASKS[5])])
def test_conformance(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", ["lac", "aps"])
def test_rows_that_are_alike_have_the_same_set_in_any_batch(method):
    # A table of twelve different rows, one of which has the misfit that is the limit.
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 12, size=600)
    table = np.round(3 * rng.normal(size=(12, 6)), 1)[kinds]
    y = rng.integers(0, 3, size=600)
    inside = table_estimator(
        Classification(), backbone=Partial(MLP, hidden=(200,)), max_epochs=2
    )
    predictor = ConformalPredictor(inside, method=method, random_state=0).fit(table, y)
    _, firsts = np.unique(kinds, return_index=True)
    for confidence in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        predictor.set_confidence(confidence)
        whole = predictor.predict_set(table)
        for first in firsts:
            own = predictor.predict_set(table[[first]])
            np.testing.assert_array_equal(own, whole[[first]])


def made(**params):
    params = {"confidence": 0.7, "random_state": 0, **params}
    return ConformalPredictor(table_estimator(), **params)


def assert_same_regions(found, expected, X):
    for ours, theirs in (
        (found.predict_set(X)[0], expected.predict_set(X)[0]),
        (found.predict_interval(X)[1], expected.predict_interval(X)[1]),
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_some_rows_are_held_out():
    X, y = make_table(100)
    weights = np.linspace(0.5, 2, 100)
    found = made(validation_fraction=0.3, random_state=3)
    found.fit(X, y, sample_weight=weights)
    codec = fit_codec(table_estimator().tasks, y)
    rows, held_out = validation_rows(codec.encode(y), codec.tasks, 0.3, 3)
    inner = table_estimator().fit(X[rows], y[rows], weights[rows])
    assert_same_bits(found.estimator_, inner)
    frozen = ConformalPredictor(FrozenEstimator(inner), 0.7)
    frozen.fit(X[held_out], y[held_out])
    assert frozen.quantiles_ == found.quantiles_
    assert found.n_calibration_ == {"kind": 30, "size": 30}
    assert_same_regions(found, frozen, X)
    # Ranks of misfits by hand: 31 * 0.7 = 21.7, the 22nd.
    errors = np.abs(inner.predict(X[held_out])[:, 1] - y[held_out, 1])
    assert found.quantiles_["size"] == pytest.approx(np.sort(errors)[21])


def test_files_pickles_and_clones(tmp_path):
    X, y = make_table(100)
    found = made(method="raps", joint=True, confidence=0.6).fit(X, y)
    save(found, tmp_path / "model.mtl")
    loaded = load(tmp_path / "model.mtl")
    other = clone(found).set_params(confidence=0.5).fit(X, y)
    assert not np.array_equal(other.predict_set(X)[0], found.predict_set(X)[0])
    for again in (loaded, pickle.loads(pickle.dumps(found))):
        assert_same_regions(again, found, X)
        assert again.get_params()["confidence"] == 0.6
        assert_same_regions(again.set_confidence(0.5), other, X)


def test_files_of_an_ensemble_in_units_of_its_spread(tmp_path):
    X, y = make_table(100)
    tasks = Tasks(tags=MultiLabel(2), size=Regression())
    y = np.column_stack([X[:, :2] > 0, y[:, 1]])
    ensemble = SeedEnsemble(table_estimator(tasks, random_state=None), 2)
    found = ConformalPredictor(ensemble, 0.6, normalize=True, random_state=0)
    ensemble.set_params(random_state=0)
    found.fit(X, y)
    low, high = found.predict_interval(X)[1].T
    unit = found.estimator_.spread(X)[1][:, 0] + 0.1 * found.tasks_["size"].scale_
    np.testing.assert_allclose((high - low) / 2, found.quantiles_["size"] * unit)
    save(found, tmp_path / "model.mtl")
    assert_same_regions(load(tmp_path / "model.mtl"), found, X)


def test_inside_a_pipeline_a_search_and_an_ensemble():
    X, y = make_table(80)
    pipe = Pipeline([("scale", StandardScaler()), ("model", made())])
    grid = {"model__estimator__lr": [0.1, 0.01]}
    search = GridSearchCV(pipe, grid, cv=2, scoring="neg_mean_squared_error")
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    found = search.best_estimator_["model"]
    scaled = search.best_estimator_["scale"].transform(X)
    np.testing.assert_array_equal(
        search.best_estimator_[-1].predict_set(scaled)[0], found.predict_set(scaled)[0]
    )
    ensemble = SeedEnsemble(made(), 2, random_state=0).fit(X, y)
    means = np.mean([each.predict_proba(X)[0] for each in ensemble.estimators_], axis=0)
    np.testing.assert_allclose(ensemble.predict_proba(X)[0], means)


def test_around_pipelines_temperatures_and_ensembles():
    X, y = make_table(100)
    pipe = make_pipeline(StandardScaler(), table_estimator()).fit(X, y)
    inner = pipe[-1]
    scaled = X / pipe[0].scale_ - pipe[0].mean_ / pipe[0].scale_
    plain = ConformalPredictor(FrozenEstimator(inner), 0.7).fit(scaled, y)
    found = ConformalPredictor(FrozenEstimator(pipe), 0.7).fit(X, y)
    assert found.quantiles_["size"] == pytest.approx(plain.quantiles_["size"])
    np.testing.assert_array_equal(found.predict(X), pipe.predict(X))
    tempered = TemperatureScaled(FrozenEstimator(pipe)).fit(X, y)
    around = ConformalPredictor(FrozenEstimator(tempered), 0.7).fit(X, y)
    true = tempered.predict_proba(X)[0][np.arange(100), y[:, 0].astype(int)]
    np.testing.assert_allclose(around.misfits_["kind"][:, 0], 1 - true)
    voting = VotingEnsemble([("one", pipe), ("other", table_estimator())])
    ConformalPredictor(voting, 0.7, normalize=True, random_state=0).fit(X, y)


def test_copies_of_a_row_count_once():
    X, y = make_table(100)
    ensemble = SeedEnsemble(made(), 1, bootstrap=True, random_state=0).fit(X, y)
    (member,) = ensemble.estimators_
    errors = member.misfits_["size"]
    assert len(np.unique(errors)) == len(errors)
    rng = np.random.default_rng([ensemble.seeds_[0], 1])
    n_distinct = len(np.unique(rng.integers(100, size=100)))
    assert len(errors) < 0.4 * n_distinct


def test_weights_and_arguments():
    X, y = make_table(60)
    weights = np.linspace(0.1, 1, 60)
    plain = made().fit(X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = table_estimator().set_fit_request(sample_weight=True)
        routed = ConformalPredictor(inner, 0.7, random_state=0)
        routed.fit(X, y, sample_weight=weights)
    assert_same_bits(routed.estimator_, plain.estimator_)
    assert routed.quantiles_ == plain.quantiles_
    frozen = ConformalPredictor(FrozenEstimator(plain.estimator_))
    with pytest.raises(ParameterTypeError, match=r"no use for the arguments \['X_val'"):
        frozen.fit(X, y, X_val=X)
    for a, b in [(X[:10], y), (X, y[:10])]:
        with pytest.raises(ValueError, match="inconsistent"):
            frozen.fit(a, b)


def test_one_task():
    X, y = make_table(60)
    found = made().set_params(estimator__tasks=Classification(3)).fit(X, y[:, 0])
    assert hasattr(ConformalPredictor(table_estimator()), "predict_interval")
    assert not hasattr(found, "predict_interval")
    assert found.predict_set(X).shape == (60, 3)
    found = made().set_params(estimator__tasks=Regression()).fit(X, y[:, 1])
    assert not hasattr(found, "predict_set")
    assert found.predict_interval(X).shape == (60, 2)


def test_kinds_without_regions():
    X, y = make_table(60)
    tasks = Tasks(kind=Classification(3), place=Vector(2), echo=Echo(4))
    y = np.column_stack([y[:, 0], X[:, :2]])
    found = made().set_params(estimator__tasks=tasks).fit(X, y)
    kind, none = found.predict_set(X)
    assert kind.shape == (60, 3)
    assert none is None
    assert list(found.quantiles_) == ["kind"]
    with pytest.raises(InvalidDataError, match="ConformalPredictor finds no task that"):
        made().set_params(estimator__tasks=Tasks(a=Vector(2))).fit(X, y[:, 1:])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": StandardScaler()}, ParameterTypeError, "estimator of mtlearn"),
        ({"confidence": 1.0}, InvalidParameterError, "'confidence' parameter of Conf"),
        ({"confidence": "a"}, ParameterTypeError, "'confidence' parameter of Conf"),
        ({"method": "best"}, InvalidParameterError, "'method' parameter of Conf"),
        ({"penalty": -1}, InvalidParameterError, "'penalty' parameter of Conformal"),
        ({"n_free": -1}, InvalidParameterError, "'n_free' parameter of Conformal"),
        ({"n_free": 1.5}, ParameterTypeError, "'n_free' parameter of Conformal"),
        ({"normalize": 1}, ParameterTypeError, "'normalize' parameter of Conformal"),
        ({"joint": None}, ParameterTypeError, "'joint' parameter of Conformal"),
        ({"validation_fraction": 1.0}, InvalidParameterError, "'validation_fraction'"),
        ({"random_state": "x"}, InvalidParameterError, "'random_state'"),
    ],
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        made().set_params(**params).fit(*make_table())


def test_not_fitted():
    X, y = make_table()
    for call in (
        lambda new: new.predict_set(X),
        lambda new: new.predict_interval(X),
        lambda new: new.set_confidence(0.5),
    ):
        with pytest.raises(NotFittedError):
            call(made())
    with pytest.raises(NotFittedError):
        ConformalPredictor(FrozenEstimator(table_estimator())).fit(X, y)
