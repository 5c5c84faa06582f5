"""Scorers of known against unknown samples in scikit-learn's searches."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, OpenSetClassifier, Regression, Tasks
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
    UnknownTaskError,
)
from mtlearn.metrics import open_set_report, open_set_scorers
from mtlearn.training import MultiTaskNet
from open_problems import known_points, point_estimator, two_columns, unknown_points

X, Y = known_points(180)
Y[5::9] = (Y[5::9] + 1) % 3  # which no prediction gets right
FAR = unknown_points(30)
NEAR = np.random.default_rng(3).normal(1.3, 1.5, size=(40, 3))
FOLDS = KFold(2, shuffle=True, random_state=0)
ERRORS = {"unknown_accepted_at_95", "known_rejected_at_95"}
SETTINGS = {"quantile": 0.8, "calibration": 0.2, "random_state": 0}


def made(tasks=None, **params):
    estimator = point_estimator(tasks, max_epochs=3)
    return OpenSetClassifier(estimator, **{**SETTINGS, **params})


def values(report, **where):
    return {
        row["metric"]: row["value"] * (1 if row["greater_is_better"] else -1)
        for row in report.rows
        if all(row[key] == value for key, value in where.items())
    }


@pytest.fixture(scope="module")
def fitted():
    return made().fit(X[::2], Y[::2])


def test_they_are_the_figures_of_the_report(fitted):
    scorers = open_set_scorers(NEAR)
    expected = values(open_set_report(fitted, X, Y, NEAR))
    assert list(scorers) == list(expected)
    for name, scorer in scorers.items():
        assert scorer(fitted, X, Y) == expected[name]
        assert (scorer(fitted, X, Y) < 0) == (name in ERRORS)
        assert f"make_scorer({name}" in repr(scorer)


def test_cross_validation(fitted):
    scores = cross_validate(
        made(),
        X,
        Y,
        scoring=open_set_scorers(NEAR),
        cv=FOLDS,
        return_estimator=True,
        error_score="raise",
    )
    for fold, (_, test) in enumerate(FOLDS.split(X)):
        report = open_set_report(scores["estimator"][fold], X[test], Y[test], NEAR)
        for name, value in values(report).items():
            assert scores[f"test_{name}"][fold] == pytest.approx(value), name


@pytest.mark.parametrize("refit", ["balanced_accuracy", "known_rejected_at_95"])
def test_a_search_in_two_jobs(refit):
    model = make_pipeline(StandardScaler(), made())
    search = GridSearchCV(
        model,
        {
            "opensetclassifier__quantile": [0.4, 0.8],
            "opensetclassifier__score": ["knn", "energy"],
        },
        scoring=open_set_scorers(NEAR),
        refit=refit,
        cv=FOLDS,
        n_jobs=2,
        error_score="raise",
    )
    # New processes import torch for seconds; that scorers pickle is tested by itself.
    with parallel_config(backend="threading"):
        search.fit(X, Y)
    results = search.cv_results_
    assert search.best_score_ == results[f"mean_test_{refit}"].max()
    assert len(set(results[f"mean_test_{refit}"])) > 1
    # Where the threshold is shows, and what does not depend on it stays.
    by_quantile = results["mean_test_kept"].reshape(2, 2)
    assert (by_quantile[0] < by_quantile[1]).all()
    areas = results["mean_test_roc_auc"].reshape(2, 2)
    assert (areas[0] == areas[1]).all()
    report = open_set_report(search, X, Y, NEAR)
    assert search.score(X, Y) == pytest.approx(values(report)[refit])


def test_a_frozen_estimator_is_searched_without_training(fitted):
    inside = FrozenEstimator(fitted.estimator_)
    search = GridSearchCV(
        OpenSetClassifier(inside, quantile=0.8, random_state=0),
        {"quantile": [0.3, 0.8]},
        scoring=open_set_scorers(FAR)["balanced_accuracy"],
        cv=2,
    ).fit(X[1::2], Y[1::2])
    assert search.best_params_ == {"quantile": 0.8}  # all the far ones are rejected
    assert search.best_estimator_.estimator_.estimator is fitted.estimator_


def counted(monkeypatch):
    """Note the lengths of what networks see."""
    seen, iterate = [], MultiTaskNet.get_iterator
    monkeypatch.setattr(
        MultiTaskNet,
        "get_iterator",
        lambda net, dataset, **kwargs: (
            seen.append(len(dataset)) or iterate(net, dataset, **kwargs)
        ),
    )
    return seen


def test_one_pass_serves_all_scorers(fitted, monkeypatch):
    frozen = OpenSetClassifier(FrozenEstimator(fitted.estimator_), **SETTINGS)
    near, far = (open_set_scorers(each) for each in (NEAR, {"a": FAR, "b": NEAR[:9]}))
    scorers = near | {f"far_{name}": scorer for name, scorer in far.items()}
    seen = counted(monkeypatch)
    scores = cross_validate(frozen, X, Y, scoring=scorers, cv=FOLDS)
    # What is learned of the training rows, and then what is validated.
    assert seen == [90, 90, 40, 90, 30, 9] * 2
    monkeypatch.undo()
    again = cross_validate(frozen, X, Y, scoring=far, cv=FOLDS)
    for name in far:
        assert (scores[f"test_far_{name}"] == again[f"test_{name}"]).all()
    assert (scores["test_roc_auc"] != scores["test_far_roc_auc"]).any()


def test_several_sets_are_averaged(fitted):
    scorers = open_set_scorers({"near": NEAR, "far": FAR})
    report = open_set_report(fitted, X, Y, {"near": NEAR, "far": FAR})
    near, far = (values(report, unknown=name) for name in ("near", "far"))
    for name, scorer in scorers.items():
        found = scorer(fitted, X, Y)
        assert found == pytest.approx((near[name] + far[name]) / 2)
    assert near["roc_auc"] != far["roc_auc"]


def test_several_tasks():
    y, tasks = two_columns(Y)
    tasks = Tasks(**dict(tasks.items()), size=Regression())
    y = np.column_stack([y, X[:, 0]])
    open_set = made(tasks).fit(X, y)
    scorers = open_set_scorers(NEAR, tasks=tasks)
    report = open_set_report(open_set, X, y, NEAR)
    kind, first = (values(report, task=name) for name in ("kind", "first"))
    assert set(scorers) == {
        *kind,
        *(f"kind_{name}" for name in kind),
        *(f"first_{name}" for name in first),
    }
    for name, scorer in open_set_scorers(NEAR).items():
        assert scorer(open_set, X, y) == pytest.approx((kind[name] + first[name]) / 2)
        for task, own in {"kind": kind, "first": first}.items():
            assert scorers[f"{task}_{name}"](open_set, X, y) == own[name]
    some = y.copy()
    some[:, 1] = np.nan
    message = "Task 'first' has no label among these rows, so its figure is NaN"
    for name in ("roc_auc", "first_roc_auc"):
        with pytest.warns(UndefinedMetricWarning, match=message):
            found = scorers[name](open_set, X, some)
        assert np.isnan(found) == (name == "first_roc_auc")
    assert scorers["rejected"](open_set, X, some) == pytest.approx(
        (kind["rejected"] + first["rejected"]) / 2
    )
    only = made(tasks, task="kind").fit(X, y)
    with pytest.raises(UnknownTaskError, match="'first_kept' is of a task that may be"):
        scorers["first_kept"](only, X, y)


def test_unknown_rows_that_only_validation_has(fitted):
    both, labels = np.concatenate([X, NEAR]), np.append(Y, np.full(40, -1))
    folds = [
        (train, np.append(test, np.arange(180, 220))) for train, test in FOLDS.split(X)
    ]
    alone = cross_validate(
        made(), both, labels, scoring=open_set_scorers(), cv=folds, error_score="raise"
    )
    given = cross_validate(made(), X, Y, scoring=open_set_scorers(NEAR), cv=FOLDS)
    for name in open_set_scorers():
        assert alone[f"test_{name}"] == pytest.approx(given[f"test_{name}"]), name
    scorers = open_set_scorers()
    with pytest.warns(UndefinedMetricWarning, match="has no unknown sample to be judg"):
        assert np.isnan(scorers["oscr"](fitted, X, Y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scorers["kept"](fitted, X, Y) > 0


def test_weights_are_routed():
    weight = np.random.default_rng(4).uniform(0.1, 3, 180)
    weight[:20] = 0
    names = ["accuracy", "roc_auc", "known_rejected_at_95"]
    with sklearn.config_context(enable_metadata_routing=True):
        model = made()
        model.estimator.set_fit_request(sample_weight=False)
        scorers = {
            name: open_set_scorers(NEAR)[name].set_score_request(sample_weight=True)
            for name in names
        }
        scores = cross_validate(
            model,
            X,
            Y,
            scoring=scorers,
            cv=FOLDS,
            params={"sample_weight": weight},
            return_estimator=True,
            error_score="raise",
        )
    for fold, (_, test) in enumerate(FOLDS.split(X)):
        own = X[test], Y[test], NEAR
        estimator = scores["estimator"][fold]
        report = open_set_report(estimator, *own, sample_weight=weight[test])
        expected = values(report)
        plain = values(open_set_report(estimator, *own))
        for name in names:
            assert scores[f"test_{name}"][fold] == pytest.approx(expected[name])
        assert expected["roc_auc"] != plain["roc_auc"]


def test_they_are_pickled_copied_and_cloned(fitted):
    scorers = open_set_scorers({"near": NEAR})
    search = clone(GridSearchCV(made(), {}, scoring=scorers, refit="oscr"))
    for other in (
        pickle.loads(pickle.dumps(scorers)),
        copy.deepcopy(scorers),
        search.scoring,
    ):
        for name, scorer in scorers.items():
            assert other[name](fitted, X, Y) == scorer(fitted, X, Y)


def test_one_scorer_by_itself(fitted):
    scorer = open_set_scorers(FAR)["rejected"]
    found = cross_val_score(made(), X, Y, scoring=scorer, cv=FOLDS)
    assert found.tolist() == [1, 1]
    weight = np.arange(180.0)
    accuracy = open_set_scorers(FAR)["accuracy"](fitted, X, Y, sample_weight=weight)
    right = fitted.predict_known(X) == Y
    assert accuracy == pytest.approx(np.average(right, weights=weight))


def test_what_is_wrong_is_told(fitted):
    with pytest.raises(UnknownTaskError, match="There is no scorer 'auroc'"):
        open_set_scorers(FAR)["auroc"]
    with pytest.raises(ParameterTypeError, match="scorers takes a fitted OpenSetClass"):
        open_set_scorers(FAR)["oscr"](fitted.estimator_, X, Y)
    with pytest.raises(ParameterTypeError, match="'tasks' parameter of open_set_sco"):
        open_set_scorers(FAR, tasks=["kind"])
    with pytest.raises(InvalidDataError, match="'X_unknown' parameter of open_se"):
        open_set_scorers(FAR[:0])
    tasks = Tasks(balanced=Classification(), kind=Classification())
    with pytest.raises(InvalidParameterError, match="be named 'balanced_accuracy'"):
        open_set_scorers(FAR, tasks=tasks)
