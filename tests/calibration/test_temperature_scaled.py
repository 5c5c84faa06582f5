"""TemperatureScaled: its mathematics, its conformance and what it wraps."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from scipy.special import log_softmax, softmax
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from checked_estimators import TASKS
from checked_estimators import table_estimator as checked_estimator
from mtlearn import (
    Classification,
    Head,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.metrics import ensemble_report, expected_calibration_error
from mtlearn.tasks import fit_codec
from mtlearn.training import validation_rows
from tiny_problems import Counter, assert_same_bits, make_table, table_estimator


def checked(tasks):
    # Its own seed is that of the split.
    inner = checked_estimator(tasks).set_params(random_state=0)
    return TemperatureScaled(inner, random_state=0)


@parametrize_with_checks([checked(tasks) for tasks in TASKS[:3]])
def test_conformance(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def noisy():
    """Return rows with labels that are wrong now and then, and a real value."""
    X, kind = make_classification(
        300, 6, n_informative=4, n_classes=3, flip_y=0.3, random_state=0
    )
    return X, np.column_stack([kind, X[:, 0]])


def overfitted(**params):
    """Return an estimator that is far too sure of what it has seen."""
    return table_estimator(lr=0.05, max_epochs=150, **params)


def test_the_temperature_has_the_lowest_cross_entropy(noisy):
    X, y = noisy
    inner = overfitted().fit(X[:150], y[:150])
    scaled = TemperatureScaled(FrozenEstimator(inner)).fit(X[150:], y[150:])
    temperature = scaled.temperatures_["kind"]
    assert list(scaled.temperatures_) == ["kind"]
    assert temperature > 1.2
    truth = y[150:, 0].astype(int)
    kind, size = inner.predict_proba(X[150:])

    def cross_entropy(temperature):
        scores = log_softmax(np.log(kind) / temperature, axis=1)
        return -scores[np.arange(150), truth].mean()

    # A grid finds no better one.
    temperatures = np.geomspace(0.1, 15, 2001)
    best = temperatures[np.argmin([cross_entropy(t) for t in temperatures])]
    assert temperature == pytest.approx(best, rel=0.005)
    got, same = scaled.predict_proba(X[150:])
    assert log_loss(truth, got) == pytest.approx(cross_entropy(temperature))
    np.testing.assert_array_equal(same, size)
    np.testing.assert_array_equal(scaled.predict(X), inner.predict(X))


def test_it_is_the_division_of_scores(noisy):
    X, y = noisy
    inner = overfitted().fit(X, y)
    scaled = TemperatureScaled(FrozenEstimator(inner)).fit(X, y)
    with torch.no_grad():
        scores, _ = inner.net_.module_(torch.from_numpy(X))
    expected = torch.softmax(scores / scaled.temperatures_["kind"], dim=1)
    np.testing.assert_allclose(scaled.predict_proba(X)[0], expected, rtol=1e-9)


def test_probabilities_come_closer_to_the_truth(noisy):
    X, y = noisy
    inner = overfitted().fit(X[:100], y[:100])
    scaled = TemperatureScaled(FrozenEstimator(inner)).fit(X[100:200], y[100:200])
    before, after = (
        expected_calibration_error(y[200:, 0], each.predict_proba(X[200:])[0])
        for each in (inner, scaled)
    )
    assert after < before


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_chances_that_are_right_have_a_temperature_next_to_1(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    chances = softmax(X @ [[2.0, -1.0, 0.0], [0.0, 1.0, -1.0]], axis=1)
    y = (rng.random((3000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    task = Classification(loss=loss, head=Head(hidden=()))
    estimator = table_estimator(Tasks(kind=task), max_epochs=20, lr=0.01)
    scaled = TemperatureScaled(estimator, random_state=0).fit(X, y)
    # Of the scores of the focal loss as they are, it is next to 0.54.
    assert scaled.temperatures_["kind"] == pytest.approx(1, abs=0.15)


def test_some_rows_are_held_out(noisy):
    X, y = noisy
    weights = np.linspace(0.5, 2, 300)
    scaled = TemperatureScaled(overfitted(), random_state=3, validation_fraction=0.3)
    scaled.fit(X, y, sample_weight=weights)
    codec = fit_codec(overfitted().tasks, y)
    rows, held_out = validation_rows(codec.encode(y), codec.tasks, 0.3, 3)
    inner = overfitted().fit(X[rows], y[rows], weights[rows])
    assert_same_bits(scaled.estimator_, inner)
    frozen = TemperatureScaled(FrozenEstimator(inner))
    frozen.fit(X[held_out], y[held_out], sample_weight=weights[held_out])
    assert frozen.temperatures_ == scaled.temperatures_
    unweighted = frozen.fit(X[held_out], y[held_out]).temperatures_
    assert unweighted != scaled.temperatures_


def test_no_label_may_be_held_out(noisy):
    X, y = noisy
    alone = np.where(np.arange(300) == 7, y[:, 0], np.nan)
    estimator = TemperatureScaled(
        overfitted().set_params(tasks=Classification(3)), random_state=0
    )
    with pytest.raises(InvalidDataError, match="or pass a FrozenEstimator and other"):
        estimator.fit(X, alone)


def test_missing_labels_and_zero_weights_do_not_count(noisy):
    X, y = noisy
    inner = FrozenEstimator(overfitted().fit(X[:150], y[:150]))
    expected = TemperatureScaled(inner).fit(X[150:250], y[150:250]).temperatures_
    missing = y.copy()
    missing[250:, 0] = np.nan
    found = TemperatureScaled(inner).fit(X[150:], missing[150:]).temperatures_
    assert found["kind"] == pytest.approx(expected["kind"], rel=1e-6)
    weights = (np.arange(150, 300) < 250).astype(float)
    weighted = TemperatureScaled(inner).fit(X[150:], y[150:], sample_weight=weights)
    assert weighted.temperatures_["kind"] == pytest.approx(expected["kind"], rel=1e-6)
    missing[:, 0] = np.nan
    with pytest.warns(UserWarning, match="known label of 'kind': the temperature sta"):
        without = TemperatureScaled(inner).fit(X[150:], missing[150:])
    assert without.temperatures_ == {"kind": 1.0}
    assert without.predict_proba(X)[0] == pytest.approx(inner.predict_proba(X)[0])


@pytest.mark.parametrize("tasks", [Classification(3), Regression()])
def test_one_dimensional_targets(tasks):
    X, y = make_table()
    scaled = TemperatureScaled(table_estimator(tasks), random_state=0).fit(X, y[:, 0])
    assert scaled.predict(X).shape == (40,)
    is_classifier = isinstance(tasks, Classification)
    assert hasattr(scaled, "predict_proba") == is_classifier
    if is_classifier:
        assert scaled.predict_proba(X).shape == (40, 3)
        assert scaled.task("task_0").predict_proba(X).shape == (40, 3)
    else:
        assert scaled.temperatures_ == {}


def test_frames():
    X, y = make_table()
    X = pd.DataFrame(X, columns=list("abcd"))
    y = pd.DataFrame({"size": y[:, 1], "kind": np.where(y[:, 0] > 0, "yes", "no")})
    tasks = Tasks(kind=Classification(), size=Regression())
    scaled = TemperatureScaled(table_estimator(tasks), random_state=0).fit(X, y)
    assert scaled.predict(X).columns.tolist() == ["size", "kind"]
    assert scaled.classes_[1].tolist() == ["no", "yes"]
    assert scaled.feature_names_in_.tolist() == list("abcd")


def test_around_an_ensemble(noisy):
    X, y = noisy
    ensemble = SeedEnsemble(overfitted(), 2, random_state=0).fit(X[:150], y[:150])
    scaled = TemperatureScaled(FrozenEstimator(ensemble)).fit(X[150:], y[150:])
    report = ensemble_report(scaled, X[150:], y[150:])
    before = ensemble_report(ensemble, X[150:], y[150:])
    for after, plain in zip(report.rows, before.rows, strict=True):
        assert after["members"] == plain["members"]
        if after["metric"] == "calibration_error":
            assert after["ensemble"] < plain["ensemble"]
        else:
            assert after["ensemble"] == plain["ensemble"]


def test_inside_an_ensemble_a_pipeline_and_a_search():
    X, y = make_table()
    scaled = TemperatureScaled(table_estimator(), random_state=0)
    ensemble = SeedEnsemble(scaled, 2, random_state=0).fit(X, y)
    for seed, member in zip(ensemble.seeds_, ensemble.estimators_, strict=True):
        assert member.estimator_.random_state == seed
    pipe = Pipeline([("scale", StandardScaler()), ("model", scaled)])
    grid = {"model__estimator__lr": [0.1, 0.01]}
    search = GridSearchCV(pipe, grid, cv=2, scoring="neg_mean_squared_error")
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_around_a_pipeline():
    X, y = make_table()
    pipe = Pipeline([("scale", StandardScaler()), ("model", table_estimator())])
    scaled = TemperatureScaled(pipe, random_state=0)
    scaled.fit(X, y, sample_weight=np.linspace(0.1, 1, 40))
    np.testing.assert_array_equal(scaled.predict(X), scaled.estimator_.predict(X))
    kind = scaled.estimator_.predict_proba(X)[0] ** (1 / scaled.temperatures_["kind"])
    expected = kind / kind.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled.predict_proba(X)[0], expected)


def test_weights_are_routed():
    X, y = make_table()
    weights = np.linspace(0.1, 1, 40)
    plain = TemperatureScaled(table_estimator(), random_state=0)
    plain.fit(X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = table_estimator().set_fit_request(sample_weight=True)
        routed = TemperatureScaled(inner, random_state=0)
        routed.fit(X, y, sample_weight=weights)
    assert_same_bits(routed.estimator_, plain.estimator_)
    assert routed.temperatures_ == plain.temperatures_


def test_a_pickle_predicts_the_same():
    X, y = make_table()
    scaled = TemperatureScaled(table_estimator(), random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(scaled))
    np.testing.assert_array_equal(again.predict_proba(X)[0], scaled.predict_proba(X)[0])


def test_around_a_frozen_pipeline():
    X, y = make_table()
    pipe = Pipeline([("scale", StandardScaler()), ("model", table_estimator())])
    frozen = FrozenEstimator(pipe.fit(X, y))
    scaled = TemperatureScaled(frozen).fit(X, y)
    np.testing.assert_array_equal(scaled.predict(X), pipe.predict(X))
    state = pipe["model"].net_.optimizer_.state
    assert len(state)
    SeedEnsemble(TemperatureScaled(frozen), 1, random_state=0).fit(X, y)
    assert len(pipe["model"].net_.optimizer_.state) == len(state)
    with pytest.raises(ParameterTypeError, match=r"no use for the arguments \['X_val'"):
        TemperatureScaled(frozen).fit(X, y, X_val=X)


def test_one_class():
    X, _ = make_table()
    scaled = TemperatureScaled(table_estimator(Classification(1)), random_state=0)
    scaled.fit(X, np.zeros(40))
    assert scaled.temperatures_ == {"task_0": 1.0}


def test_arguments_by_row_are_split_and_checked():
    X, y = make_table()
    search = GridSearchCV(table_estimator(), {"lr": [0.1]}, cv=GroupKFold(2))
    TemperatureScaled(search, random_state=0).fit(X, y, groups=np.arange(40) % 4)
    scaled = TemperatureScaled(table_estimator(), random_state=0)
    for weights in (np.ones(20), np.ones(60)):
        with pytest.raises(ValueError, match="sample_weight has shape"):
            scaled.fit(X, y, sample_weight=weights)
    frozen = TemperatureScaled(FrozenEstimator(table_estimator().fit(X, y)))
    for a, b in [(X[:10], y), (X, y[:10])]:
        with pytest.raises(ValueError, match="inconsistent"):
            frozen.fit(a, b)
    y = y.copy()
    y[7, 0] = 9
    with pytest.raises(ValueError, match="Row 7 of y has the label"):
        scaled.fit(X, y)


def test_the_split_knows_the_declared_kinds():
    # Many whole numbers would be classes otherwise, and warn.
    X, y = make_table(60)
    whole = np.column_stack([y[:, 0], np.arange(60)])
    TemperatureScaled(table_estimator(), random_state=0).fit(X, whole)


def test_callbacks_reach_the_estimator():
    X, y = make_table()
    counter = Counter()
    scaled = TemperatureScaled(table_estimator(max_epochs=2), random_state=0)
    SeedEnsemble(scaled, 2, random_state=0).set_callbacks(counter).fit(X, y)
    assert counter.ended.count("epoch") == 2 * 2


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": StandardScaler()}, ParameterTypeError, "estimator of mtlearn"),
        ({"validation_fraction": 1.0}, InvalidParameterError, "'validation_fraction'"),
        ({"validation_fraction": "a"}, ParameterTypeError, "'validation_fraction'"),
        ({"random_state": "x"}, InvalidParameterError, "'random_state'"),
    ],
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        TemperatureScaled(**{"estimator": table_estimator(), **params}).fit(
            *make_table()
        )


def test_not_fitted():
    X, y = make_table()
    with pytest.raises(NotFittedError):
        TemperatureScaled(table_estimator()).predict(X)
    with pytest.raises(NotFittedError):
        TemperatureScaled(FrozenEstimator(table_estimator())).fit(X, y)
    assert not hasattr(TemperatureScaled(table_estimator()), "n_features_in_")
