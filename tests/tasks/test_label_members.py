"""Labels that members of an ensemble have learned of different rows."""

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal

from mtlearn import MultiLabel, SeedEnsemble, VotingEnsemble
from mtlearn.tasks import fit_codec, join_codecs
from tiny_problems import table_estimator


def codec(*sets, **params):
    return fit_codec(MultiLabel(**params), pd.Series(list(sets)))


def test_labels_of_all_and_the_means_of_those_that_know_them():
    one = codec({"a", "c"}, {"c"}, {"a"}, set(), pos_weight="sqrt")
    other = codec({"b"}, {"c", "b"}, set(), set(), pos_weight="sqrt")
    joined = join_codecs([one, other]).tasks["task_0"]
    first, second = one.tasks["task_0"], other.tasks["task_0"]
    assert joined.classes_.tolist() == ["a", "b", "c"]
    own, their = first.thresholds_, second.thresholds_
    expected = [own[0], their[0], (own[1] + their[1]) / 2]
    assert_allclose(joined.thresholds_, expected)
    chances = np.array([[0.1, 0.2], [0.3, 0.4]])
    assert_array_equal(joined.align(chances, first), [[0.1, 0, 0.2], [0.3, 0, 0.4]])
    assert_array_equal(joined.align(chances, second), [[0, 0.1, 0.2], [0, 0.3, 0.4]])
    assert first.classes_.tolist() == ["a", "c"]  # is as it was


def test_the_same_labels_stay_and_their_thresholds_are_means():
    y = np.array([[1, 0], [0, 1], [1, 0], [0, 0], [0, 1]])
    task = MultiLabel(pos_weight="sqrt")
    first, second = (fit_codec(task, each) for each in (y, y[1:]))
    joined = join_codecs([first, second]).tasks["task_0"]
    cuts = [each.tasks["task_0"].thresholds_ for each in (first, second)]
    assert_allclose(joined.thresholds_, np.mean(cuts, axis=0))
    alone = join_codecs([first, first]).tasks["task_0"]
    assert alone is first.tasks["task_0"]


def test_members_decide_at_the_mean_of_their_thresholds_by_their_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    y = (X[:, :2] > 0).astype(float)
    members = [
        (name, table_estimator(MultiLabel(2, thresholds=cuts)))
        for name, cuts in {"a": [0.2, 0.4], "none": [0.9, 0.9], "b": [0.6, 0.8]}.items()
    ]
    ensemble = VotingEnsemble(members, weights=[3.0, 0.0, 1.0]).fit(X, y)
    cuts = ensemble.tasks_["task_0"].decisions.own_thresholds()
    assert_allclose(cuts, [0.3, 0.5])
    decided = ensemble.predict_proba(X) > [0.3, 0.5]
    assert_array_equal(ensemble.predict(X), decided)


def test_an_ensemble_of_other_rows_predicts_all_labels():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    sets = [{"a"} if row[0] > 0 else set() for row in X]
    sets[7] = {"a", "rare"}  # which some of the members do not draw
    y = pd.Series(sets)
    ensemble = SeedEnsemble(
        table_estimator(MultiLabel()), 4, bootstrap=True, random_state=0
    ).fit(X, y)
    known = [each.classes_.tolist() for each in ensemble.estimators_]
    assert ["a"] in known
    assert ["a", "rare"] in known
    assert ensemble.classes_.tolist() == ["a", "rare"]
    expected = np.zeros((40, 2))
    for each in ensemble.estimators_:
        expected[:, : len(each.classes_)] += each.predict_proba(X) / 4
    assert_allclose(ensemble.predict_proba(X), expected)
    assert len(ensemble.predict(X)) == 40
