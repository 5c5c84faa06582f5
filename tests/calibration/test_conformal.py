"""ConformalPredictor: sets and intervals by hand, and how often they hold the truth."""

import numpy as np
import pandas as pd
import pytest
from given_outputs import (
    conformal,
    draw,
    ensemble_of,
    estimator_of,
    given,
)
from scipy import stats
from scipy.special import softmax

from mtlearn import Classification, Count, MultiLabel, Ordinal, Regression, Tasks
from mtlearn.exceptions import InvalidDataError, InvalidParameterError


def held(sets, intervals, y):
    """Tell whether the class, each of two labels, and the value are held."""
    rows, kind = np.arange(len(y)), y[:, 0].astype(int)
    labels = [sets[1][rows, place, y[:, 1 + place].astype(int)] for place in (0, 1)]
    low, high = intervals[2].T
    inside = (low <= y[:, 3]) & (y[:, 3] <= high)
    return np.column_stack([sets[0][rows, kind], *labels, inside])


def total_of(n_runs, n_new, n, confidence):
    """Give mean and deviation of how many new rows are held, over all runs.

    That of one run is a beta-binomial number, whatever the distribution of the scores.
    """
    rank = int(np.ceil((n + 1) * confidence))
    one = stats.betabinom(n_new, rank, n + 1 - rank)
    return n_runs * one.mean(), np.sqrt(n_runs) * one.std()


@pytest.mark.parametrize(("n", "confidence"), [(19, 0.9), (60, 0.75)])
def test_each_task_is_held_as_often_as_promised(n, confidence):
    n_runs, n_new, estimator = 250, 100, given()
    rng, count = np.random.default_rng(n), np.zeros(4)
    for _ in range(n_runs):
        X, y = draw(rng, n + n_new)
        found = conformal(estimator, confidence).fit(X[:n], y[:n])
        new = X[n:]
        count += held(found.predict_set(new), found.predict_interval(new), y[n:]).sum(0)
    mean, deviation = total_of(n_runs, n_new, n, confidence)
    # Scores have no ties, so that it is neither less nor more.
    assert (np.abs(count - mean) < 4 * deviation).all()


@pytest.mark.parametrize("method", ["aps", "raps"])
def test_sums_hold_as_much_and_are_never_empty(method):
    n, n_runs, n_new, estimator = 39, 150, 100, given()
    rng, count = np.random.default_rng(1), 0
    for _ in range(n_runs):
        X, y = draw(rng, n + n_new)
        found = conformal(estimator, 0.8, method=method, n_free=1, penalty=0.1)
        found.fit(X[:n], y[:n])
        sets = found.predict_set(X[n:])[0]
        assert sets.any(axis=1).all()
        count += sets[np.arange(n_new), y[n:, 0].astype(int)].sum()
    mean, deviation = total_of(n_runs, n_new, n, 0.8)
    assert np.abs(count - mean) < 4 * deviation


def test_all_tasks_are_held_together():
    n, n_runs, n_new, estimator = 99, 120, 100, given()
    rng, joint, apart = np.random.default_rng(2), 0, 0
    for _ in range(n_runs):
        X, y = draw(rng, n + n_new)
        for together in (True, False):
            found = conformal(estimator, 0.8, joint=together).fit(X[:n], y[:n])
            new = X[n:]
            inside = held(found.predict_set(new), found.predict_interval(new), y[n:])
            rows = inside.all(axis=1).sum()
            joint, apart = joint + together * rows, apart + (not together) * rows
    mean, deviation = total_of(n_runs, n_new, n, 0.8)
    assert mean - 4 * deviation < joint < mean + 0.04 * n_runs * n_new
    assert apart < mean - 0.2 * n_runs * n_new


def test_intervals_in_units_of_a_spread():
    n, n_runs, n_new, ensemble = 49, 150, 100, ensemble_of()
    rng, count, widths = np.random.default_rng(3), 0, []
    for _ in range(n_runs):
        wide = rng.uniform(0.05, 3, size=(n + n_new, 1))
        X = wide * rng.normal(size=(n + n_new, 3))
        y = wide[:, 0] * rng.normal(size=n + n_new)
        found = conformal(ensemble, 0.8, normalize=True).fit(X[:n], y[:n])
        low, high = found.predict_interval(X[n:]).T
        count += ((low <= y[n:]) & (y[n:] <= high)).sum()
        unit = X[n:].std(axis=1) + 0.1
        np.testing.assert_allclose((high - low) / 2, found.quantiles_["task_0"] * unit)
        np.testing.assert_allclose((high + low) / 2, X[n:].mean(axis=1), atol=1e-12)
        widths.append(high - low)
    mean, deviation = total_of(n_runs, n_new, n, 0.8)
    assert np.abs(count - mean) < 4 * deviation
    assert np.quantile(widths, 0.9) > 3 * np.quantile(widths, 0.1)


def test_the_spread_of_a_row_is_its_own():
    rng, ensemble = np.random.default_rng(10), ensemble_of()
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    y[::3] = np.nan
    found = conformal(ensemble, 0.5, normalize=True).fit(X, y)
    expected = np.abs(y - X.mean(axis=1)) / (X.std(axis=1) + 0.1)
    np.testing.assert_allclose(found.misfits_["task_0"][:, 0], expected)


# Probabilities of the classes a, b and c, and the true ones.
TEN = np.array(
    [
        *([[0.7, 0.2, 0.1]] * 3),
        *([[0.1, 0.8, 0.1]] * 3),
        *([[0.3, 0.1, 0.6]] * 3),
        [0.4, 0.35, 0.25],
    ]
)
TRUE = np.array(list("aab" + "bbc" + "cca" + "c"))
NEW = np.array([[0.65, 0.33, 0.02], [0.25, 0.3, 0.45], [0.02, 0.04, 0.94]])


@pytest.mark.parametrize(
    ("method", "confidence", "quantile", "sets"),
    [
        # Misfits 0.3 0.3 0.8, 0.2 0.2 0.9, 0.4 0.4 0.7, 0.75; sorted: 0.2 0.2 0.3 0.3
        # 0.4 0.4 0.7 0.75 0.8 0.9. Of ten, 11 * 0.7 = 7.7: the eighth.
        ("lac", 0.7, 0.75, ["ab", "abc", "c"]),
        # 11 * 0.2 = 2.2: the third, 0.3; no class of the second row has 0.7.
        ("lac", 0.2, 0.3, ["", "", "c"]),
        # Sums of likelier ones: 0 0 0.7, 0 0 0.9, 0 0 0.6, 0.75; of equal ones within a
        # row, of 0.1 and 0.1, a is before c. The eighth is 0.7.
        ("aps", 0.7, 0.7, ["ab", "bc", "c"]),
        # The likeliest is there, even where all that it takes is 0: the fourth.
        ("aps", 0.3, 0.0, ["a", "c", "c"]),
        # With 0.2 for each class beyond the first: 0.9, 1.3, 0.8, 1.15; the eighth is
        # 0.9.
        ("raps", 0.7, 0.9, ["ab", "bc", "c"]),
        # The tenth is 1.3, where the third class of the first row has 1.38.
        ("raps", 0.9, 1.3, ["ab", "abc", "bc"]),
        ("aps", 0.9, 0.9, ["ab", "abc", "c"]),
    ],
)
def test_sets_by_hand(method, confidence, quantile, sets):
    y = np.array(list("abc") * 5)
    estimator = estimator_of(lambda X: [X[:, :3]], y, Classification())
    X, new = (np.pad(each, [(0, 0), (0, 4)]) for each in (TEN, NEW))
    found = conformal(estimator, confidence, method=method, penalty=0.2, n_free=1)
    found.fit(X, TRUE)
    assert found.quantiles_ == {"task_0": pytest.approx(quantile)}
    assert found.n_calibration_ == {"task_0": 10}
    inside = found.predict_set(new)
    assert inside.dtype == bool
    named = ["".join(np.array(list("abc"))[row]) for row in inside]
    assert named == sets
    np.testing.assert_array_equal(found.predict(new), estimator.predict(new))
    np.testing.assert_array_equal(found.predict_proba(new), NEW)
    assert not hasattr(found, "predict_interval")


def test_labels_by_hand():
    # Misfits of the first label: 0.2 0.4 0.1 0.3; of the second, of which one is
    # missing: 0.9 0.5 0.6.
    chances = np.array([[0.8, 0.1], [0.4, 0.5], [0.9, 0.4], [0.3, 0.7]])
    y = np.array([[1, 1], [0, 1], [1, 1], [0, np.nan]])
    given_y = np.array([[1, 0], [0, 1]] * 8)
    estimator = estimator_of(lambda X: [X[:, :2]], given_y, MultiLabel())
    X = np.pad(chances, [(0, 0), (0, 5)])
    found = conformal(estimator, 0.6).fit(X, y)  # 5 * 0.6 = 3; 4 * 0.6 = 2.4: the 3rd
    np.testing.assert_allclose(found.quantiles_["task_0"], [0.3, 0.9])
    np.testing.assert_array_equal(found.n_calibration_["task_0"], [4, 3])
    new = np.pad([[0.71, 0.95], [0.5, 0.05], [0.2, 0.5]], [(0, 0), (0, 5)])
    expected = [
        [[False, True], [False, True]],
        [[False, False], [True, False]],
        [[True, False], [True, True]],
    ]
    np.testing.assert_array_equal(found.predict_set(new), expected)


@pytest.mark.parametrize(
    ("task", "low", "high"),
    [
        (Regression(), -np.inf, np.inf),
        (Regression(bounds=(0, 5)), 0, 5),
        (Count(), 0, np.inf),
    ],
)
def test_intervals_by_hand(task, low, high):
    values = np.array([1.0, 2.0, 3.0, 4.0])
    y = np.array([1, 4, 2, 4])  # errors 0 2 1 0; 5 * 0.75 = 3.75: the fourth
    estimator = estimator_of(lambda X: [X[:, :1]], np.arange(16) % 6 % 5, task)
    found = conformal(estimator, 0.75)
    found.fit(np.pad(values[:, None], [(0, 0), (0, 6)]), y)
    assert found.quantiles_ == {"task_0": 2.0}
    new = np.pad([[1.5], [4.5]], [(0, 0), (0, 6)])
    intervals = found.predict_interval(new)
    np.testing.assert_allclose(
        intervals, np.clip([[-0.5, 3.5], [2.5, 6.5]], low, high), rtol=1e-13
    )
    assert intervals.dtype == np.float64
    assert not hasattr(found, "predict_set")
    with pytest.warns(UserWarning, match="takes 9 known labels .* of 'task_0' .4.:"):
        found.set_confidence(0.9)
    np.testing.assert_array_equal(found.predict_interval(new), [[low, high]] * 2)


def test_another_confidence_needs_no_fit():
    X, y = draw(np.random.default_rng(4), 150)
    found = conformal(given(), 0.9).fit(X, y)
    before = found.misfits_
    assert found.set_confidence(0.6) is found
    again = conformal(given(), 0.6).fit(X, y)
    assert found.confidence == 0.6
    assert found.misfits_ is before
    assert found.quantiles_["size"] == again.quantiles_["size"]
    for ours, theirs in zip(found.predict_set(X), again.predict_set(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for wrong in (0, 1, 1.5):
        with pytest.raises(InvalidParameterError, match="'confidence' parameter of C"):
            found.set_confidence(wrong)
    assert found.confidence == 0.6


def test_parameters_of_a_next_fit_change_nothing_before_it():
    X, y = draw(np.random.default_rng(4), 150)
    found = conformal(given()).fit(X, y)
    before = found.predict_set(X), found.predict_interval(X)
    found.set_params(method="aps", normalize=True, joint=True)
    after = found.predict_set(X), found.predict_interval(X)
    for old, new in zip(before, after, strict=True):
        for own, other in zip(old, new, strict=True):
            np.testing.assert_array_equal(other, own)


def test_missing_labels_and_zero_weights_do_not_count():
    X, y = draw(np.random.default_rng(5), 120)
    found = conformal(given()).fit(X[:70], y[:70])
    missing = y.copy()
    missing[70:, 0] = np.nan
    missing[70:, 1] = np.nan
    other = conformal(given()).fit(X, missing)
    assert other.n_calibration_["kind"] == 70
    np.testing.assert_array_equal(other.n_calibration_["tags"], [70, 120])
    assert other.n_calibration_["size"] == 120
    assert other.quantiles_["kind"] == found.quantiles_["kind"]
    assert other.quantiles_["tags"][0] == found.quantiles_["tags"][0]
    assert other.quantiles_["size"] != found.quantiles_["size"]
    weights = (np.arange(120) < 70) * 2.0
    weighted = conformal(given()).fit(X, y, sample_weight=weights)
    for name, quantile in found.quantiles_.items():
        np.testing.assert_array_equal(weighted.quantiles_[name], quantile)
    with pytest.raises(InvalidDataError, match=r"one each: sample_weight .* 1 to 3"):
        conformal(given()).fit(X, y, sample_weight=1 + weights)
    # Together, a row counts that has all of them.
    together = conformal(given(), joint=True).fit(X, missing)
    assert together.n_calibration_["size"] == 70
    assert together.n_calibration_["tags"].tolist() == [70, 70]
    whole = conformal(given(), joint=True).fit(X[:70], y[:70])
    assert together.quantiles_["size"] == whole.quantiles_["size"]


@pytest.mark.parametrize("method", ["lac", "aps"])
def test_rows_that_nothing_is_known_of(method):
    X, y = draw(np.random.default_rng(6), 90)
    broken = X.copy()
    broken[::9] = np.nan
    rest = np.arange(90) % 9 > 0
    found = conformal(given(), method=method).fit(broken, y)
    expected = conformal(given(), method=method).fit(X[rest], y[rest])
    assert found.n_calibration_["kind"] == 80
    assert found.n_calibration_["tags"].tolist() == [80, 80]
    assert found.quantiles_["kind"] == expected.quantiles_["kind"]
    kind, tags, none = found.predict_set(broken)
    assert none is None
    assert kind[~rest].all()
    assert tags[~rest].all()
    assert not kind[rest].all()
    intervals = found.predict_interval(broken)[2]
    assert np.isnan(intervals[~rest]).all()
    assert np.isfinite(intervals[rest]).all()


def test_too_few_labels():
    X, y = draw(np.random.default_rng(7), 30)
    y[8:, 2] = np.nan
    y[5:, 0] = np.nan
    message = (
        "^A confidence of 0.9 takes 9 known labels of samples held out, and there are "
        r"fewer of 'kind' \(5\), 1 of 'tags' \(8\): sets hold every class then"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        found = conformal(given(), 0.9).fit(X, y)
    (warning,) = caught
    assert warning.filename == __file__
    kind, tags, _ = found.predict_set(X)
    assert kind.all()
    assert tags[:, 1].all()
    assert not tags[:, 0].all()
    with pytest.warns(UserWarning, match="^5 of the samples held out have a known l"):
        conformal(given(), 0.5, joint=True).fit(X[:5], y[:5]).set_confidence(0.8)


def test_labels_that_a_task_does_not_know():
    y = np.array(list("abc") * 5)
    estimator = estimator_of(lambda X: [X[:, :3]], y, Classification())
    X = np.pad(TEN, [(0, 0), (0, 4)])
    strange = np.append(TRUE, "d")
    found = conformal(estimator, 0.7).fit(X[[*range(10), 0]], strange)
    assert found.n_calibration_ == {"task_0": 10}
    bounded = estimator_of(
        lambda X: [X[:, :1]], np.arange(16) / 16, Regression(bounds=(0, 1))
    )
    found = conformal(bounded, 0.5).fit(X[:4], np.array([0.5, 0.7, 0.4, 2.0]))
    assert found.n_calibration_ == {"task_0": 3}


def test_frames_grades_and_the_order_of_y():
    rng = np.random.default_rng(8)
    X, y = draw(rng, 80)
    grades = np.array(["poor", "fair", "good", "best"])
    frame = pd.DataFrame({"size": y[:, 3], "kind": grades[y[:, 0].astype(int)]})
    tasks = Tasks(kind=Ordinal(grades.tolist()), size=Regression())
    estimator = estimator_of(
        lambda X: [X[:, 6:7], softmax(X[:, :4], axis=1)], frame, tasks
    )
    found = conformal(estimator).fit(X, frame)
    none, kind = found.predict_set(X)
    size, nothing = found.predict_interval(X)
    assert none is nothing is None
    assert kind.shape == (80, 4)
    assert size.shape == (80, 2)
    places = np.searchsorted(np.sort(grades), frame["kind"])
    chances = softmax(X[:, :4], axis=1)
    np.testing.assert_allclose(
        found.misfits_["kind"][:, 0], 1 - chances[np.arange(80), places]
    )


def test_what_has_neither_sets_nor_a_spread():
    X, y = draw(np.random.default_rng(9), 60)
    with pytest.raises(InvalidParameterError, match=r"'normalize' param.* VotingE"):
        conformal(given(), normalize=True).fit(X, y)
    labels = estimator_of(lambda X: [X[:, :2]], [[0, 1], [1, 0]] * 8, MultiLabel())
    X = np.abs(X) % 1
    found = conformal(labels, 0.5, normalize=True).fit(X, y[:, 1:3])
    assert found.predict_set(X).shape == (60, 2, 2)
