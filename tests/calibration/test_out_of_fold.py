"""TunedThresholds with cv: by hand, out of fold, and where folds differ."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    MultiLabel,
    Regression,
    SeedEnsemble,
    Tasks,
    TunedThresholds,
)
from mtlearn._utils._cuts import best_cut
from mtlearn._utils._row_plan import RowPlan, planned_rows
from mtlearn.calibration._folds import make_folds
from mtlearn.calibration._platt import straightened
from mtlearn.exceptions import InvalidParameterError
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.tasks import fit_codec
from mtlearn.training import draw_seed
from tiny_problems import Counter, assert_same_bits, table_estimator

TASKS = Tasks(size=Regression(), tags=MultiLabel(3), sign=Classification(2))


def problem(n=240):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    tags = X[:, :3] + rng.normal(size=(n, 3)) > [0.0, 0.5, 1.0]
    sign = X[:, 3] + rng.normal(size=n) > 0.5
    return X, np.column_stack([X.sum(axis=1), tags, sign]).astype(float)


def make(tasks=TASKS, **params):
    return table_estimator(tasks, max_epochs=4, lr=0.02, **params)


def by_hand(splits, X, y, weights=None):
    """Predict each test fold by an estimator of its own."""
    chances, truth, used = [], [], []
    for train, test in splits:
        given = None if weights is None else weights[train]
        fitted = make().fit(X[train], y[train], sample_weight=given)
        _, tags, sign = fitted.predict_proba(X[test])
        chances.append(np.column_stack([tags, sign[:, 1]]))
        truth.append(y[test, 1:])
        used.append(np.ones(len(test)) if weights is None else weights[test])
    return tuple(map(np.concatenate, (chances, truth, used)))


def check_best(tuned, chances, truth, weight):
    """Check that no cut of the labels out of fold has a higher F1."""
    found = np.concatenate([tuned.thresholds_["tags"], tuned.thresholds_["sign"]])
    columns = zip(found, chances.T, truth.T, strict=True)
    for cut, scores, true in columns:
        known = ~np.isnan(true)
        scores, true, own = scores[known], true[known], weight[known]
        best = max(
            f1_score(true, scores > each, sample_weight=own)
            for each in np.unique(scores) - 1e-9
        )
        got = f1_score(true, scores > cut, sample_weight=own)
        assert got == pytest.approx(best)


@pytest.mark.parametrize(
    "cv", [3, KFold(3), ShuffleSplit(2, test_size=0.5, random_state=0)]
)
def test_thresholds_are_the_best_of_all_folds_and_the_rest_is_a_fit_of_all(cv):
    X, y = problem()
    y[::9, 2] = np.nan
    tuned = TunedThresholds(make(), method="best", cv=cv, random_state=5).fit(X, y)
    if cv == 3:
        cv = MultiTaskStratifiedKFold(3, tasks=TASKS, random_state=draw_seed(5))
    check_best(tuned, *by_hand(cv.split(X, y), X, y))
    assert_same_bits(tuned.estimator_, make().fit(X, y))


def test_weights_and_lists_of_folds():
    X, y = problem()
    weights = np.repeat([0.1, 3.0], 120)  # so that they decide
    splits = list(KFold(2, shuffle=True, random_state=0).split(X))
    tuned = TunedThresholds(make(), method="best", cv=splits)
    tuned.fit(X, y, sample_weight=weights)
    check_best(tuned, *by_hand(splits, X, y, weights))
    assert_same_bits(tuned.estimator_, make().fit(X, y, sample_weight=weights))
    with sklearn.config_context(enable_metadata_routing=True):
        inner = make().set_fit_request(sample_weight=True)
        routed = TunedThresholds(inner, method="best", cv=splits)
        routed.fit(X, y, sample_weight=weights)
    assert_array_equal(routed.thresholds_["tags"], tuned.thresholds_["tags"])


def test_copies_of_a_row_are_in_one_fold():
    X, y = problem(40)
    origins = np.random.default_rng(0).integers(30, size=40)
    tasks = fit_codec(TASKS, y[origins]).tasks
    with planned_rows(RowPlan(40, origins)):
        for cv in (3, KFold(3)):
            folds = make_folds(cv, X[origins], y[origins], 40, tasks, 0)
            tested = np.sort(np.concatenate([test for _, test in folds]))
            assert_array_equal(tested, np.arange(40))
            for train, test in folds:
                assert not set(origins[train]) & set(origins[test])
                assert len(train) + len(test) == 40


def test_a_fold_that_lacks_a_label_says_nothing_of_it():
    X, _ = problem(90)
    names = np.array(["a", "b"])
    labels = [set(names[row > 0]) for row in X[:, :2]]
    sets = pd.Series([each | {"new"} if i >= 40 and i % 2 else each
                      for i, each in enumerate(labels)])  # fmt: skip
    rows = np.arange(90)
    folds = [(rows[:40], rows[40:65]), (rows[40:], rows[:40]), (rows[:65], rows[65:])]
    inner = make(MultiLabel())
    tuned = TunedThresholds(inner, method="best", cv=folds).fit(X, sets)
    assert tuned.classes_.tolist() == ["a", "b", "new"]
    chances, truth = [], []
    for train, test in folds[1:]:  # the first one has not seen it
        fitted = make(MultiLabel()).fit(X[train], sets[train])
        chances.append(fitted.predict_proba(X[test])[:, 2])
        truth.append(["new" in each for each in sets[test]])
    chances, truth = np.concatenate(chances), np.concatenate(truth)
    best = max(f1_score(truth, chances > cut) for cut in chances - 1e-9)
    cut = tuned.thresholds_["task_0"][2]
    assert f1_score(truth, chances > cut) == pytest.approx(best)
    for calibrate in (False, True):
        tuned = TunedThresholds(inner, calibrate=calibrate, cv=folds).fit(X, sets)
        believed = chances[:, np.newaxis]
        if calibrate:
            args = truth[:, np.newaxis], np.ones_like(believed), 1
            believed = straightened(believed, *args)
        expected = best_cut(chances, believed[:, 0])
        assert tuned.thresholds_["task_0"][2] == pytest.approx(expected)


def test_a_fold_that_lacks_a_class_says_nothing_of_the_other_one():
    X, y = problem(90)
    sign = np.where(y[:, 4] > 0, "p", "n")
    sign[:40] = "p"
    rows = np.arange(90)
    folds = [(rows[:40], rows[40:65]), (rows[40:], rows[:40]), (rows[:65], rows[65:])]
    inner = make(Classification())
    tuned = TunedThresholds(inner, calibrate=False, cv=folds).fit(X, sign)
    chances = np.concatenate(
        [
            make(Classification()).fit(X[train], sign[train]).predict_proba(X[test])
            for train, test in folds[1:]
        ]
    )[:, 1]
    cut = tuned.thresholds_["task_0"][0]
    assert cut == pytest.approx(best_cut(chances, chances))


def test_kinds_are_those_of_all_rows():
    X, y = problem(60)
    mixed = np.column_stack([y[:, 4], np.where(np.arange(60) < 30, 0.5, np.arange(60))])
    folds = [(np.arange(30, 60), np.arange(30)), (np.arange(30), np.arange(30, 60))]
    inner = make().set_params(tasks=None)
    tuned = TunedThresholds(inner, method="best", cv=folds).fit(X, mixed)
    assert list(tuned.thresholds_) == ["task_0"]
    assert tuned.tasks_["task_1"].kind == "regression"


def test_around_pipelines_and_ensembles_and_inside_of_them():
    X, y = problem(80)
    inner = make_pipeline(StandardScaler(), SeedEnsemble(make(), 2, random_state=0))
    tuned = TunedThresholds(inner, cv=2, random_state=0).fit(X, y)
    assert tuned.predict(X).shape == y.shape
    assert_array_equal(clone(tuned).fit(X, y).predict(X), tuned.predict(X))
    plain = TunedThresholds(make(), cv=2, random_state=0)
    ensemble = SeedEnsemble(plain, 2, bootstrap=True, random_state=0).fit(X, y)
    cuts = [each.thresholds_["tags"] for each in ensemble.estimators_]
    assert_array_equal(ensemble.tasks_["tags"].thresholds_, np.mean(cuts, axis=0))
    cuts = [each.thresholds_["sign"] for each in ensemble.estimators_]
    sign = ensemble.predict_proba(X)[2][:, 1] > np.mean(cuts)
    assert_array_equal(ensemble.predict(X)[:, 4], sign)


def test_callbacks_are_told_of_every_fit():
    X, y = problem(60)
    counter = Counter()
    tuned = TunedThresholds(make().set_params(max_epochs=2), cv=2, random_state=0)
    tuned.set_callbacks(counter).fit(X, y)
    assert counter.ended.count("epoch") == 2 * 3


@pytest.mark.parametrize("cv", [1, 0, True])
def test_a_number_of_folds_that_cannot_be(cv):
    with pytest.raises(
        (InvalidParameterError, TypeError), match="'cv' parameter of Tu"
    ):
        TunedThresholds(make(), cv=cv).fit(*problem())


def test_what_is_frozen_is_not_trained():
    X, y = problem()
    frozen = FrozenEstimator(make().fit(X, y))
    with pytest.raises(InvalidParameterError, match="None for a FrozenEstimator"):
        TunedThresholds(frozen, cv=3).fit(X, y)
