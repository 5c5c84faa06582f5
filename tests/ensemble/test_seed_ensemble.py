"""SeedEnsemble: its members and their average."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from skorch.helper import SliceDict

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.metrics import task_report
from tiny_problems import (
    assert_same_bits,
    make_images,
    make_table,
    table_estimator,
)


def test_members_are_the_estimator_with_other_seeds(table, fitted):
    assert fitted.seeds_ == [42, 43, 44]
    for seed, member in zip(fitted.seeds_, fitted.estimators_, strict=True):
        assert member.random_state == seed
        assert_same_bits(member, table_estimator(random_state=seed).fit(*table))


def test_the_average(table, fitted):
    X, _ = table
    kinds, sizes = zip(*(m.predict_proba(X) for m in fitted.estimators_), strict=True)
    kind, size = fitted.predict_proba(X)
    np.testing.assert_allclose(kind, np.mean(kinds, axis=0), rtol=1e-12)
    np.testing.assert_allclose(size, np.mean(sizes, axis=0), rtol=1e-12)
    predicted = fitted.predict(X)
    np.testing.assert_array_equal(predicted[:, 0], kind.argmax(axis=1))
    np.testing.assert_array_equal(predicted[:, 1], size[:, 0])


def test_the_spread(table, fitted):
    X, _ = table
    kinds, sizes = zip(*(m.predict_proba(X) for m in fitted.estimators_), strict=True)
    kind, size = fitted.spread(X)
    np.testing.assert_allclose(kind, np.std(kinds, axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(size, np.std(sizes, axis=0), rtol=1e-9)
    alone = SeedEnsemble(table_estimator(), 1, random_state=0).fit(*table)
    assert not any(np.any(deviation) for deviation in alone.spread(X))


def test_one_member_predicts_as_it_does_alone(table):
    X, _ = table
    ensemble = SeedEnsemble(table_estimator(), seeds=[0]).fit(*table)
    alone = table_estimator().fit(*table)
    np.testing.assert_array_equal(ensemble.predict(X), alone.predict(X))
    assert ensemble.score(*table) == alone.score(*table)


def test_seeds_are_drawn_once_and_in_order(table):
    seeds = [
        SeedEnsemble(table_estimator(max_epochs=1), n, random_state=0)
        .fit(*table)
        .seeds_
        for n in (2, 3)
    ]
    assert seeds[1][:2] == seeds[0]
    assert len(set(seeds[1])) == 3
    other = SeedEnsemble(table_estimator(max_epochs=1), 2, random_state=1).fit(*table)
    assert not set(other.seeds_) & set(seeds[1])


def test_no_seed_differs_from_fit_to_fit(table):
    ensemble = SeedEnsemble(table_estimator(max_epochs=1), 2)
    assert ensemble.fit(*table).seeds_ != ensemble.fit(*table).seeds_


def test_members_compute_with_one_thread_unless_told_otherwise(table, fitted):
    torch.set_num_threads(2)
    assert [member.n_threads for member in fitted.estimators_] == [1, 1, 1]
    told = SeedEnsemble(table_estimator(n_threads=2), 1, random_state=0).fit(*table)
    assert told.estimators_[0].n_threads == 2
    assert torch.get_num_threads() == 2
    assert fitted.estimator.n_threads is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [(make_table, MultiTaskEstimator), (make_images, MultiTaskImageEstimator)],
)
def test_the_default_estimator_fits_the_shape_of_X(monkeypatch, data, expected):
    fitted = []
    monkeypatch.setattr(
        expected, "fit", lambda self, X, y, **params: fitted.append(type(self)) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        SeedEnsemble().fit(*data())
    assert fitted == [expected]


@pytest.mark.parametrize("tasks", [Classification(3), Regression()])
def test_one_dimensional_targets(table, tasks):
    X, y = table
    column = y[:, 0]
    ensemble = SeedEnsemble(table_estimator(tasks), 2, random_state=0).fit(X, column)
    assert ensemble.predict(X).shape == (40,)
    is_classifier = isinstance(tasks, Classification)
    assert ensemble.spread(X).shape == (40, 3 if is_classifier else 1)
    assert hasattr(ensemble, "predict_proba") == is_classifier
    assert hasattr(ensemble, "classes_") == is_classifier
    if is_classifier:
        assert ensemble.predict_proba(X).shape == (40, 3)
        assert ensemble.classes_.tolist() == [0, 1, 2]


def framed(X, y):
    """Return the table as DataFrames, its classes as words."""
    words = np.array(["low", "middle", "high"], dtype=object)[y[:, 0].astype(int)]
    labels = pd.DataFrame({"size": y[:, 1], "kind": words})
    return pd.DataFrame(X, columns=list("abcd"), index=np.arange(len(X))[::-1]), labels


def test_frames_keep_their_layout(table):
    X, y = framed(*table)
    y.loc[3, "kind"] = None
    y.loc[4, "size"] = np.nan
    tasks = Tasks(kind=Classification(), size=Regression())
    ensemble = SeedEnsemble(table_estimator(tasks), 2, random_state=0).fit(X, y)
    predicted = ensemble.predict(X)
    assert predicted.columns.tolist() == ["size", "kind"]
    assert predicted.index.equals(X.index)
    assert set(predicted["kind"]) <= {"low", "middle", "high"}
    assert ensemble.feature_names_in_.tolist() == list("abcd")
    assert ensemble.n_features_in_ == 4
    assert ensemble.score(X, y) == pytest.approx(
        np.mean([row.value for row in main_figures(ensemble, X, y)])
    )


def main_figures(ensemble, X, y):
    frame = task_report(ensemble, X, y).to_frame()
    return list(frame[frame.metric.isin(["accuracy", "r2"])].itertuples())


def test_views_of_single_tasks(table, fitted):
    X, y = table
    view = fitted.task("kind")
    np.testing.assert_array_equal(view.predict_proba(X), fitted.predict_proba(X)[0])
    np.testing.assert_array_equal(
        fitted.task("size").predict(X), fitted.predict(X)[:, 1]
    )
    calibrated = CalibratedClassifierCV(FrozenEstimator(view)).fit(X, y[:, 0])
    assert calibrated.predict_proba(X).shape == (40, 3)


def test_bootstrap_trains_each_member_on_a_resample(table):
    X, y = table
    weights = np.linspace(0.5, 2, 40)
    ensemble = SeedEnsemble(table_estimator(), 2, bootstrap=True, random_state=0)
    ensemble.fit(X, y, weights)
    for seed, member in zip(ensemble.seeds_, ensemble.estimators_, strict=True):
        rows = np.random.default_rng([seed, 1]).integers(40, size=40)
        alone = table_estimator(random_state=seed).fit(X[rows], y[rows], weights[rows])
        assert_same_bits(member, alone)


@pytest.mark.parametrize(
    ("X", "y", "weights", "message"),
    [
        (slice(30), slice(None), None, "inconsistent"),
        (slice(None), slice(30), None, "inconsistent"),
        (slice(None), slice(None), np.ones(60), "sample_weight has shape"),
    ],
)
def test_bootstrap_checks_lengths(table, X, y, weights, message):
    ensemble = SeedEnsemble(table_estimator(), 1, bootstrap=True)
    with pytest.raises(ValueError, match=message):
        ensemble.fit(table[0][X], table[1][y], weights)


def test_bootstrap_names_the_row_of_y(table):
    X, y = table
    y = y.copy()
    y[5, 0] = 9
    ensemble = SeedEnsemble(table_estimator(), 1, bootstrap=True, random_state=0)
    with pytest.raises(InvalidDataError, match="Row 5 of y has the label"):
        ensemble.fit(X, y)
    with pytest.raises(InvalidDataError, match="requires y to be passed"):
        ensemble.fit(X, None)


@pytest.mark.parametrize("container", ["frame", "dict"])
def test_bootstrap_of_other_containers(table, container):
    X, y = table
    frame = pd.DataFrame(y, columns=["kind", "size"])
    labels = frame if container == "frame" else SliceDict(kind=y[:, 0], size=y[:, 1])
    params = {"seeds": [0, 1], "bootstrap": True}
    ensemble = SeedEnsemble(table_estimator(), **params).fit(X, labels)
    expected = SeedEnsemble(table_estimator(), **params).fit(X, y)
    for one, other in zip(ensemble.estimators_, expected.estimators_, strict=True):
        assert_same_bits(one, other)


def test_classes_that_a_member_did_not_see(table):
    X, y = table
    y = y.copy()
    y[0, 0] = 7  # one row: many resamples lack it
    tasks = Tasks(kind=Classification(), size=Regression())
    ensemble = SeedEnsemble(
        table_estimator(tasks), 6, bootstrap=True, random_state=0
    ).fit(X, y)
    known = [7 in member.classes_[0] for member in ensemble.estimators_]
    assert 0 < sum(known) < 6
    assert ensemble.classes_[0].tolist() == [0, 1, 2, 7]
    assert ensemble.tasks_["kind"].class_prior_.sum() == pytest.approx(1)
    kind, _ = ensemble.predict_proba(X)
    np.testing.assert_allclose(kind.sum(axis=1), 1)
    parts = [
        member.predict_proba(X)[0][:, 3] if knows else np.zeros(40)
        for member, knows in zip(ensemble.estimators_, known, strict=True)
    ]
    np.testing.assert_allclose(kind[:, 3], np.mean(parts, axis=0))
    assert 0 < ensemble.score(X, y) <= 1


@pytest.mark.filterwarnings("ignore:Floating-point numbers that are all whole")
def test_members_that_know_other_classes_must_learn_the_same_tasks(table):
    X, y = table
    y = np.where(np.arange(40)[:, None] == 0, [[0, 0.5]], np.round(y))
    ensemble = SeedEnsemble(
        table_estimator(Regression()).set_params(tasks=None),
        6,
        bootstrap=True,
        random_state=0,
    )
    with pytest.raises(InvalidDataError, match="must learn the same tasks"):
        ensemble.fit(X, y)


def test_weights_equal_repeated_rows(table):
    X, y = table
    counts = np.arange(40) % 3
    weighted = SeedEnsemble(table_estimator(), 2, random_state=0)
    weighted.fit(X, y, sample_weight=counts)
    repeated = clone(weighted).fit(np.repeat(X, counts, 0), np.repeat(y, counts, 0))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)


def test_a_failed_fit_leaves_the_last_one(table):
    X, y = table
    ensemble = SeedEnsemble(table_estimator(), 2, random_state=0).fit(X, y)
    before = ensemble.predict(X)
    with pytest.raises(ValueError, match="infinity"):
        ensemble.fit(np.full_like(X, np.inf), y)
    np.testing.assert_array_equal(ensemble.predict(X), before)


def test_not_fitted(table):
    ensemble = SeedEnsemble(table_estimator())
    for method in ("predict", "predict_proba", "spread"):
        with pytest.raises(NotFittedError):
            getattr(ensemble, method)(table[0])
    assert not hasattr(ensemble, "n_features_in_")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_members": 0}, InvalidParameterError, "'n_members'.*not below 1. Got 0"),
        ({"n_members": 2.0}, ParameterTypeError, "'n_members'.*Got 2.0"),
        ({"bootstrap": 1}, ParameterTypeError, "'bootstrap'.*True or False. Got 1"),
        ({"seeds": []}, InvalidParameterError, r"'seeds'.*distinct.*Got \[\]"),
        ({"seeds": [1, 1]}, InvalidParameterError, r"'seeds'.*Got \[1, 1\]"),
        ({"seeds": [2**32]}, InvalidParameterError, r"'seeds'.*Got \[4294967296\]"),
        ({"seeds": [-1]}, InvalidParameterError, "'seeds'.*not below 0. Got -1"),
        ({"seeds": ["a"]}, ParameterTypeError, "'seeds'.*integer. Got 'a'"),
        ({"seeds": 42}, ParameterTypeError, "'seeds'.*sequence.*Got 42"),
        (
            {"estimator": StandardScaler()},
            ParameterTypeError,
            "'estimator'.*estimator of mtlearn.*StandardScaler",
        ),
        ({"estimator": MultiTaskEstimator}, ParameterTypeError, "'estimator'.*class"),
        ({"random_state": "x"}, InvalidParameterError, "'random_state'"),
        (
            {"estimator": FrozenEstimator(table_estimator())},
            InvalidParameterError,
            "FrozenEstimator is not.*VotingEnsemble",
        ),
        (
            {"estimator": SeedEnsemble(table_estimator(), seeds=[1])},
            InvalidParameterError,
            "'seeds' parameter inside SeedEnsemble must be None",
        ),
        (
            {"estimator": GridSearchCV(table_estimator(), {}, refit=False)},
            InvalidParameterError,
            "refit=False",
        ),
        (
            {"estimator": BaggingClassifier(table_estimator())},
            ParameterTypeError,
            "estimator of mtlearn",
        ),
    ],
)
def test_bad_parameters(table, params, error, message):
    with pytest.raises(error, match=message):
        SeedEnsemble(**{"estimator": table_estimator(), **params}).fit(*table)
