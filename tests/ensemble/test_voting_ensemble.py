"""VotingEnsemble: different estimators, weighed and averaged."""

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    VotingEnsemble,
)
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.networks import MLP
from tiny_problems import assert_same_bits, table_estimator


def members():
    """Return a wide network, a deep one, and one behind a scaler."""
    deep = table_estimator(backbone=Partial(MLP, hidden=(4, 4)), random_state=1)
    scaled = Pipeline([("scale", StandardScaler()), ("model", table_estimator())])
    return [("wide", table_estimator()), ("deep", deep), ("scaled", scaled)]


def test_reconstructions_are_weighted_too(table):
    X, y = table
    tasks = Tasks(kind=Classification(), rows=Reconstruction())
    first, second = (table_estimator(tasks, random_state=seed) for seed in (0, 1))
    voting = VotingEnsemble([("a", first), ("b", second)], weights=[1, 3])
    voting.fit(X, y[:, 0])
    for method in ("reconstruct", "reconstruction_error"):
        one, other = (getattr(each, method)(X) for each in voting.estimators_)
        expected = 0.25 * one + 0.75 * other
        np.testing.assert_allclose(getattr(voting, method)(X), expected)


@pytest.mark.parametrize("weights", [None, np.array([2, 1, 0.5]), [1, 0, 0]])
def test_the_weighted_average(table, weights):
    X, y = table
    ensemble = VotingEnsemble(members(), weights=weights).fit(X, y)
    outputs = [each.fit(X, y).predict_proba(X) for _, each in members()]
    for position, got in enumerate(ensemble.predict_proba(X)):
        each = [output[position] for output in outputs]
        expected = np.average(each, axis=0, weights=weights)
        np.testing.assert_allclose(got, expected, rtol=1e-12)
        squares = (np.array(each) - expected) ** 2
        deviation = np.sqrt(np.average(squares, axis=0, weights=weights))
        np.testing.assert_allclose(
            ensemble.spread(X)[position], deviation, rtol=1e-7, atol=1e-12
        )
    kind, size = ensemble.predict_proba(X)
    np.testing.assert_array_equal(ensemble.predict(X)[:, 0], kind.argmax(axis=1))
    np.testing.assert_array_equal(ensemble.predict(X)[:, 1], size[:, 0])


def test_members_keep_their_seeds(table):
    X, y = table
    ensemble = VotingEnsemble(members()).fit(X, y)
    assert list(ensemble.named_estimators_) == ["wide", "deep", "scaled"]
    assert_same_bits(ensemble.named_estimators_.wide, table_estimator().fit(X, y))
    assert ensemble.named_estimators_.deep.random_state == 1
    assert ensemble.estimators_[0].n_threads == 1


def test_a_dropped_member(table):
    X, y = table
    ensemble = VotingEnsemble(members(), weights=[1, 5, 2]).set_params(deep="drop")
    ensemble.fit(X, y)
    assert list(ensemble.named_estimators_) == ["wide", "scaled"]
    rest = VotingEnsemble([members()[0], members()[2]], weights=[1, 2]).fit(X, y)
    np.testing.assert_array_equal(ensemble.predict(X), rest.predict(X))


def test_what_is_set_after_the_fit_waits_for_the_next_one(table):
    X, y = table
    ensemble = VotingEnsemble(members(), weights=[1, 5, 2]).fit(X, y)
    before = ensemble.predict(X)
    ensemble.set_params(deep="drop", weights=[1, 0, 0])
    np.testing.assert_array_equal(ensemble.predict(X), before)


def test_members_of_other_classes(table):
    X, y = table
    learned = Tasks(kind=Classification(), size=Regression())
    declared = Tasks(kind=Classification(5), size=Regression())
    ensemble = VotingEnsemble(
        [("learned", table_estimator(learned)), ("declared", table_estimator(declared))]
    ).fit(X, y)
    assert ensemble.classes_[0].tolist() == [0, 1, 2, 3, 4]
    kind, _ = ensemble.predict_proba(X)
    np.testing.assert_allclose(kind.sum(axis=1), 1)
    alone = ensemble.estimators_[1].predict_proba(X)[0]
    np.testing.assert_allclose(kind[:, 3:], alone[:, 3:] / 2)


@pytest.mark.parametrize("container", ["words", "categories", "bytes"])
def test_labels_that_only_one_member_knows(table, container):
    X, y = table
    if container == "bytes":
        kind, more, extra = y[:, 0].astype(np.int8), Classification(300), 299
    else:
        kind = np.array(["a", "b", "c"])[y[:, 0].astype(int)]
        more, extra = Classification(["a", "b", "c", "gigantic"]), "gigantic"
    if container == "categories":
        kind = pd.DataFrame({"kind": pd.Categorical(kind)})
    one = table_estimator(Tasks(kind=Classification()))
    other = table_estimator(Tasks(kind=more))
    ensemble = VotingEnsemble([("one", one), ("other", other)], weights=[0, 1])
    ensemble.fit(X, kind)
    with torch.no_grad():  # it is sure of the class that the data do not have
        ensemble.estimators_[1].net_.module_.heads[0][-1].bias[-1] = 100.0
    assert set(np.ravel(ensemble.predict(X))) == {extra}


def test_frozen_members_take_part_as_they_are(table):
    X, y = table
    fitted = table_estimator().fit(X, y)
    frozen = FrozenEstimator(fitted)
    ensemble = VotingEnsemble([("frozen", frozen), ("new", table_estimator())])
    ensemble.fit(X[:20], y[:20])
    assert len(fitted.net_.optimizer_.state)
    expected = (fitted.predict(X) + ensemble.estimators_[1].predict(X))[:, 1] / 2
    np.testing.assert_allclose(ensemble.predict(X)[:, 1], expected)


def test_what_fit_refuses_has_tags_and_is_shown():
    for estimators in (None, [table_estimator()]):
        ensemble = VotingEnsemble(estimators)
        assert ensemble.__sklearn_tags__().estimator_type is None
        assert "VotingEnsemble" in ensemble._repr_html_()


def test_members_must_learn_the_same_tasks(table):
    X, y = table
    other = table_estimator(Tasks(kind=Regression(), size=Regression()))
    ensemble = VotingEnsemble([("one", table_estimator()), ("other", other)])
    expected = r"Member 0 .*kind \(classification of 0\).*1 kind \(regression of 0\)"
    with pytest.raises(InvalidDataError, match=expected):
        ensemble.fit(X, y)


def test_over_seed_ensembles_and_under_a_search(table):
    X, y = table
    seeds = SeedEnsemble(table_estimator(), 2, random_state=0)
    ensemble = VotingEnsemble([("seeds", seeds), ("one", table_estimator())])
    grid = {"seeds__estimator__lr": [0.1, 0.01], "weights": [None, [2, 1]]}
    search = GridSearchCV(ensemble, grid, cv=2).fit(X, y)
    best = search.best_estimator_
    lr = search.best_params_["seeds__estimator__lr"]
    assert best.named_estimators_.seeds.estimators_[0].lr == lr
    assert clone(best).get_params()["seeds__estimator__lr"] == lr


def test_weights_without_routing(table):
    X, y = table
    weights = np.linspace(0, 1, 40)
    ensemble = VotingEnsemble(members()).fit(X, y, sample_weight=weights)
    for (_, each), member in zip(members(), ensemble.estimators_, strict=True):
        if isinstance(each, Pipeline):
            alone = each.fit(X, y, model__sample_weight=weights)["model"]
            assert_same_bits(member["model"], alone)
        else:
            assert_same_bits(member, each.fit(X, y, weights))


def test_weights_are_routed_to_those_who_want_them(table):
    X, y = table
    weights = np.linspace(0, 1, 40)
    with sklearn.config_context(enable_metadata_routing=True):
        wants = table_estimator().set_fit_request(sample_weight=True)
        declines = table_estimator().set_fit_request(sample_weight=False)
        ensemble = VotingEnsemble([("wants", wants), ("declines", declines)])
        ensemble.fit(X, y, sample_weight=weights)
    assert_same_bits(ensemble.estimators_[0], table_estimator().fit(X, y, weights))
    assert_same_bits(ensemble.estimators_[1], table_estimator().fit(X, y))


def test_it_shows_its_members():
    shown = VotingEnsemble(members())._repr_html_()
    for name in ("wide", "deep", "scaled", "StandardScaler"):
        assert name in shown


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimators": []}, ParameterTypeError, "'estimators'.*list of pairs"),
        ({"estimators": table_estimator()}, ParameterTypeError, "list of pairs"),
        ({"estimators": [table_estimator()]}, ParameterTypeError, "list of pairs"),
        (
            {"estimators": [("a", "drop")]},
            InvalidParameterError,
            "nothing but 'drop'",
        ),
        (
            {"estimators": [("a", StandardScaler())]},
            ParameterTypeError,
            "'estimators: a'.*estimator of mtlearn",
        ),
        ({"estimators": [(1, table_estimator())]}, ParameterTypeError, "be strings"),
        ({"weights": 2}, ParameterTypeError, "'weights'.*sequence.*Got 2"),
        ({"weights": {"a": 1}}, ParameterTypeError, "'weights'.*sequence"),
        ({"weights": [1]}, InvalidParameterError, "has 1 entries for 3 estimators"),
        ({"weights": [1, 1, -1]}, InvalidParameterError, "'weights'.*Got -1"),
        ({"weights": [0, 0, 0]}, InvalidParameterError, "must have a positive one"),
    ],
)
def test_bad_parameters(table, params, error, message):
    with pytest.raises(error, match=message):
        VotingEnsemble(**{"estimators": members(), **params}).fit(*table)


def test_names_must_differ(table):
    one, _, _ = members()
    with pytest.raises(ValueError, match="not unique"):
        VotingEnsemble([one, one]).fit(*table)
