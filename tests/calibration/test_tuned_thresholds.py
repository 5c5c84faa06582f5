"""Thresholds against every cut there is, and what they leave alone."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    MultiLabel,
    MultiTaskEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TunedThresholds,
    load,
    save,
)
from mtlearn.calibration._platt import straightened
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.metrics import task_report
from mtlearn.networks import MLP

TASKS = Tasks(tags=MultiLabel(3), sign=Classification(["n", "p"]), size=Regression())


def problem(n=160, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    tags = (X[:, :3] + rng.normal(size=(n, 3)) > [0.0, 1.0, 1.5]).astype(object)
    sign = np.where(X[:, 3] + rng.normal(size=n) > 1, "p", "n").astype(object)
    return X, np.column_stack([tags * 1, sign, X.sum(axis=1).astype(object)])


def make(tasks=TASKS):
    return MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=(8,)),
        max_epochs=5,
        lr=0.01,
        n_threads=1,
        random_state=0,
    )


@pytest.fixture(scope="module")
def fitted():
    return make().fit(*problem())


def best_f1(truth, chances):
    """Try a cut below each value."""
    cuts = [*np.unique(chances) - 1e-9, 2]
    return max(f1_score(truth, chances > cut, zero_division=0) for cut in cuts)


def test_no_other_threshold_is_better_on_the_labels_held_out(fitted):
    X, y = problem(seed=1)
    y[:20, 1] = None
    tuned = TunedThresholds(FrozenEstimator(fitted), method="best").fit(X, y)
    tags, sign, _ = fitted.predict_proba(X)
    assert set(tuned.thresholds_) == {"tags", "sign"}
    predicted = tuned.predict(X)
    for place in range(3):
        kept = slice(20, None) if place == 1 else slice(None)
        truth = y[kept, place].astype(int)
        found = f1_score(truth, predicted[kept, place].astype(int))
        assert found == pytest.approx(best_f1(truth, tags[kept, place]))
    found = f1_score(y[:, 3] == "p", predicted[:, 3] == "p")
    assert found == pytest.approx(best_f1(y[:, 3] == "p", sign[:, 1]))


def test_one_threshold_for_all_labels_together(fitted):
    X, y = problem(seed=1)
    tuned = TunedThresholds(FrozenEstimator(fitted), method="best", average="micro")
    tuned.fit(X, y)
    assert len(np.unique(tuned.thresholds_["tags"])) == 1
    tags, truth = fitted.predict_proba(X)[0], y[:, :3].astype(int)
    found = f1_score(truth.ravel(), tuned.predict(X)[:, :3].astype(int).ravel())
    assert found == pytest.approx(best_f1(truth.ravel(), tags.ravel()))


def test_expected_f1_needs_no_labels(fitted):
    X, _ = problem(seed=2)
    tuned = TunedThresholds(FrozenEstimator(fitted)).fit(X)
    for chances, cut in zip(
        fitted.predict_proba(X)[0].T, tuned.thresholds_["tags"], strict=True
    ):

        def expected(threshold, chances=chances):
            taken = chances > threshold
            return 2 * chances[taken].sum() / (taken.sum() + chances.sum())

        others = [expected(other) for other in np.unique(chances) - 1e-9]
        assert expected(cut) == pytest.approx(max(others))


def test_probabilities_and_other_tasks_stay(fitted):
    X, y = problem(seed=1)
    tuned = TunedThresholds(FrozenEstimator(fitted)).fit(X, y)
    for one, other in zip(tuned.predict_proba(X), fitted.predict_proba(X), strict=True):
        assert_array_equal(one, other)
    assert_array_equal(tuned.predict(X)[:, 4], fitted.predict(X)[:, 4])


def test_a_fit_holds_samples_out():
    X, y = problem()
    tuned = TunedThresholds(make(), validation_fraction=0.25, random_state=0).fit(X, y)
    assert tuned.estimator_.n_features_in_ == 4
    again = clone(tuned).fit(X, y)
    for name, cuts in tuned.thresholds_.items():
        assert_array_equal(cuts, again.thresholds_[name])
    loaded = pickle.loads(pickle.dumps(tuned))
    assert_array_equal(loaded.predict(X), tuned.predict(X))


def test_it_takes_ensembles_and_pipelines():
    X, y = problem()
    ensemble = SeedEnsemble(make(), n_members=2, random_state=0)
    tuned = TunedThresholds(make_pipeline(StandardScaler(), ensemble)).fit(X, y)
    assert tuned.predict(X).shape == y.shape


def test_a_label_that_is_not_there_keeps_its_own_threshold(fitted):
    X, y = problem(seed=1)
    y[:, 2] = 0
    tuned = TunedThresholds(FrozenEstimator(fitted), method="best")
    with pytest.warns(UserWarning, match="Fewer than 10 of the samples held out"):
        tuned.fit(X, y)
    assert tuned.thresholds_["tags"][2] == 0.5


def test_labels_that_are_never_there_keep_their_own_threshold(fitted):
    X, y = problem(seed=1)
    y[:, :3], y[:, 3] = 0, "n"
    tuned = TunedThresholds(FrozenEstimator(fitted), method="best", average="micro")
    with pytest.warns(UserWarning, match="the labels 0 of 'tags', 1 of 'tags', 2 of"):
        tuned.fit(X, y)
    assert tuned.thresholds_["tags"].tolist() == [0.5] * 3
    assert tuned.thresholds_["sign"].tolist() == [0.5]


def test_probabilities_are_straightened_as_by_a_logistic_regression():
    rng = np.random.default_rng(0)
    true = rng.random(3000)
    chances = expit(3 * logit(true) + 1)  # far too sure
    truth = (rng.random(3000) < true).astype(float)
    found = straightened(chances[:, None], truth[:, None], np.ones((3000, 1)), 10)
    model = LogisticRegression(C=np.inf).fit(logit(chances)[:, None], truth)
    expected = model.predict_proba(logit(chances)[:, None])[:, 1]
    assert_allclose(found[:, 0], expected, atol=2e-3)
    weight = np.where(true > 0.5, 3.0, 0.2) * (rng.random(3000) + 0.5)
    found = straightened(chances[:, None], truth[:, None], weight[:, None], 10)
    model.fit(logit(chances)[:, None], truth, sample_weight=weight)
    expected = model.predict_proba(logit(chances)[:, None])[:, 1]
    assert_allclose(found[:, 0], expected, atol=2e-3)
    few = straightened(chances[:, None], truth[:, None] * 0, np.ones((3000, 1)), 10)
    assert_array_equal(few[:, 0], chances)
    turned = straightened(chances[:, None], 1 - truth[:, None], np.ones((3000, 1)), 10)
    assert_array_equal(turned[:, 0], chances)  # which would turn the order round


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("count", [9, 10])
def test_ten_samples_of_either_kind_straighten_probabilities(count, turned):
    chances = np.linspace(0.1, 0.9, 40)[:, None]
    truth = (np.arange(40) >= 40 - count)[:, None].astype(float)
    if turned:
        chances, truth = 1 - chances, 1 - truth
    found = straightened(chances, truth, np.ones((40, 1)), 10)
    assert (found == chances).all() == (count < 10)
    if count == 10:  # of Platt's truths, a little off 0 and 1, it has the mean
        there = truth.sum()
        wanted = there * (there + 1) / (there + 2) + (40 - there) / (42 - there)
        assert found.sum() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"average": "samples"}, "'average'"),
        ({"method": "f1"}, "'method'"),
        ({"calibrate": "yes"}, "'calibrate'"),
        ({"calibrate": 0}, "'calibrate' .* must be 'auto', True or False. Got 0"),
        ({"beta": 0}, "'beta'"),
    ],
)
def test_parameters_are_checked(params, message):
    with pytest.raises(InvalidParameterError, match=message):
        TunedThresholds(make(), **params).fit(*problem())


def test_what_cannot_be_decided(fitted):
    X, y = problem()
    with pytest.raises(InvalidDataError, match="needs y for method='best'"):
        TunedThresholds(FrozenEstimator(fitted), method="best").fit(X)
    weight = np.ones(len(X))
    for params in ({"method": "best"}, {"calibrate": True}):
        tuned = TunedThresholds(FrozenEstimator(fitted), **params)
        with pytest.raises(InvalidDataError, match="needs y for method='best'"):
            tuned.fit(X, sample_weight=weight)
    with pytest.raises(InvalidDataError, match="finds no task to decide"):
        TunedThresholds(make(Tasks(size=Regression(column=4)))).fit(
            X, np.column_stack([y[:, 4].astype(float)] * 5)
        )


def test_few_samples_of_a_label_are_said_where_they_decide(fitted):
    X, y = problem(seed=1)
    y[:, 1], y[:, 2] = 0, 0
    y[:13, 1], y[:10, 2] = 1, 1
    y[9:11, 1] = np.nan  # of which nobody knows
    weight = np.where((np.arange(160) == 11) | (np.arange(160) == 12), 0.0, 1.0)
    frozen = FrozenEstimator(fitted)
    message = r"held out have the labels 1 of 'tags', so"
    micro = {"calibrate": True, "average": "micro"}
    for params in ({"method": "best"}, {"calibrate": True}, micro):
        with pytest.warns(UserWarning, match=message) as caught:
            TunedThresholds(frozen, **params).fit(X, y, sample_weight=weight)
        assert len(caught) == 1
    # Neither here, where warnings are errors: no such label decides.
    TunedThresholds(frozen).fit(X, y, sample_weight=weight)
    TunedThresholds(frozen, calibrate=False).fit(X, y, sample_weight=weight)
    TunedThresholds(frozen, method="best", average="micro").fit(
        X, y, sample_weight=weight
    )


def f_beta(truth, taken, beta):
    both = (truth * taken).sum()
    return (1 + beta**2) * both / (taken.sum() + beta**2 * truth.sum())


@pytest.mark.parametrize("beta", [0.5, 2.0])
@pytest.mark.parametrize("method", ["best", "expected"])
def test_recall_may_count_more_than_precision(fitted, beta, method):
    X, y = problem(400, seed=1)
    tuned = TunedThresholds(
        FrozenEstimator(fitted), method=method, calibrate=False, beta=beta
    ).fit(X, y)
    chances = fitted.predict_proba(X)[0]
    for place, cut in enumerate(tuned.thresholds_["tags"]):
        own = chances[:, place]
        truth = own if method == "expected" else y[:, place].astype(float)
        best = max(f_beta(truth, own > other, beta) for other in own - 1e-9)
        assert f_beta(truth, own > cut, beta) == pytest.approx(best)


def test_weights_count_in_what_is_expected(fitted):
    X, y = problem(seed=1)
    weight = (np.arange(160) < 80).astype(float)
    frozen = FrozenEstimator(fitted)
    y[:, :3] = np.nan  # their labels are not needed
    found = TunedThresholds(frozen).fit(X, y, sample_weight=weight).thresholds_
    expected = TunedThresholds(frozen).fit(X[:80]).thresholds_
    assert_allclose(found["tags"], expected["tags"])


@pytest.mark.parametrize("labels", [True, False])
def test_weights_of_tasks_count_in_what_is_expected(fitted, labels):
    X, y = problem(seed=1)
    y[:, :4] = np.nan
    first, last = np.arange(160) < 80, np.arange(160) >= 80
    weights = np.column_stack([first, last, last]).astype(float)
    frozen, given = FrozenEstimator(fitted), (X, y) if labels else (X,)
    first, last = (TunedThresholds(frozen).fit(X[rows]) for rows in (first, last))

    frame = pd.DataFrame(weights, columns=["tags", "sign", "size"])
    for each in (weights, frame):
        found = TunedThresholds(frozen).fit(*given, sample_weight=each).thresholds_
        assert_allclose(found["tags"], first.thresholds_["tags"])
        assert_allclose(found["sign"], last.thresholds_["sign"])
    of_rows = TunedThresholds(frozen).fit(*given, sample_weight=weights[:, 0])
    for name, cuts in first.thresholds_.items():
        assert_allclose(of_rows.thresholds_[name], cuts)


def test_truth_values_of_numpy_say_whether_to_straighten(fitted):
    X, y = problem(seed=1)
    for value in (True, False):
        own, numpys = (
            TunedThresholds(FrozenEstimator(fitted), calibrate=each).fit(X, y)
            for each in (value, np.bool_(value))
        )
        for name, cuts in own.thresholds_.items():
            assert_array_equal(cuts, numpys.thresholds_[name])


def test_all_who_ask_the_tasks_decide_by_these_thresholds(fitted, tmp_path):
    X, y = problem(seed=1)
    tuned = TunedThresholds(FrozenEstimator(fitted)).fit(X, y)
    for each in (tuned, load_again(tuned, tmp_path)):
        predicted = each.predict(X)
        assert (predicted != fitted.predict(X)).any()
        outputs = each._outputs(X)
        tasks = list(each.tasks_)
        tags, sign = (tasks[i].decode(outputs[i]) for i in (0, 1))
        assert_array_equal(tags, predicted[:, :3].astype(int))
        assert_array_equal(sign, predicted[:, 3])
        report = task_report(each, X, y)
        found = [row["threshold"] for row in report.label_rows]
        assert_array_equal(found[:3], tuned.thresholds_["tags"])
        rows = {(row["task"], row["metric"]): row["value"] for row in report.rows}
        expected = f1_score(y[:, :3].astype(int), tags, average="macro")
        assert rows["tags", "f1_macro"] == pytest.approx(expected)
        assert rows["sign", "accuracy"] == pytest.approx((sign == y[:, 3]).mean())
        view = each.task("tags").predict(X)
        assert_array_equal(view, tags)
    # What is inside decides as before.
    assert_array_equal(fitted.tasks_["tags"].thresholds_, 0.5)


def load_again(estimator, folder):
    save(estimator, folder / "tuned.mtlearn")
    return load(folder / "tuned.mtlearn")
