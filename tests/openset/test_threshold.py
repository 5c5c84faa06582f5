"""What a threshold promises by simulation, and a spread by hand."""

import numpy as np
import pytest
from scipy.stats import beta

from mtlearn._utils._conformal_rank import conformal_threshold
from mtlearn.openset._threshold import (
    largest,
    spread_of,
    spreads_of_others,
    standard_error,
)


def test_the_share_that_is_kept_over_many_draws():
    rng, n, quantile = np.random.default_rng(0), 199, 0.9
    kept = []
    for scores in rng.exponential(size=(4000, n)):
        # The share of all further ones, not of some of them.
        kept.append(-np.expm1(-conformal_threshold(scores, quantile)))
    # Order statistic 180 of 199: in theory a beta(180, 20).
    law = beta(180, 20)
    assert np.mean(kept) == pytest.approx(law.mean(), abs=4 * law.std() / 4000**0.5)
    assert np.mean(kept) >= quantile - 4 * law.std() / 4000**0.5
    assert np.std(kept) == pytest.approx(standard_error(n, quantile), rel=0.05)


def test_a_spread_by_hand():
    assert spread_of(np.arange(101.0)) == (50.0, 45.0)
    assert spread_of(np.full(9, 3.0)) == (3.0, 1.0)
    # Nineteen in twenty are alike: how far the largest is above them.
    assert spread_of(np.append(np.zeros(99), 4.0)) == (0.0, 4.0)


@pytest.mark.parametrize("n", [2, 3, 19, 20, 101])
@pytest.mark.parametrize("rounded", [False, True])
def test_spreads_of_others_are_those_of_what_is_left(n, rounded):
    scores = np.random.default_rng(n).exponential(size=n)
    scores = np.floor(scores) if rounded else scores
    expected = [spread_of(np.delete(scores, row)) for row in range(n)]
    np.testing.assert_allclose(spreads_of_others(scores), expected, rtol=1e-12)


def test_others_that_are_nearly_all_alike_by_hand():
    scores = np.append(np.zeros(99), [4.0, 6.0])
    expected = [[0.0, 6.0]] * 100 + [[0.0, 4.0]]
    np.testing.assert_array_equal(spreads_of_others(scores), expected)
    np.testing.assert_array_equal(
        spreads_of_others(np.append(np.zeros(99), 4.0)), [[0, 4]] * 99 + [[0, 1]]
    )


def test_a_row_alone_has_its_own_spread():
    np.testing.assert_array_equal(spreads_of_others(np.array([3.0])), [[3.0, 1.0]])


def test_the_largest_on_a_common_scale_by_hand():
    scores = np.array([[1.0, 10.0], [3.0, 0.0]])
    spreads = np.array([[1.0, 2.0], [0.0, 5.0]])
    np.testing.assert_array_equal(largest(scores, spreads), [2.0, 1.0])
    each = np.stack([spreads, np.array([[3.0, 2.0], [0.0, 5.0]])])
    np.testing.assert_array_equal(largest(scores, each), [2.0, 0.0])
    np.testing.assert_array_equal(largest(scores[:, :1], spreads[:1]), [1.0, 3.0])


@pytest.mark.parametrize(("n", "quantile"), [(9, 0.9), (19, 0.95), (39, 0.9)])
def test_the_largest_of_several_keeps_as_many_as_one(n, quantile):
    rng, kept, n_runs = np.random.default_rng(0), [], 1500
    for scores in rng.exponential(size=(n_runs, n + 50, 3)) ** 2:
        known = scores[:n]
        others = np.stack([spreads_of_others(each) for each in known.T], axis=1)
        threshold = conformal_threshold(largest(known, others), quantile)
        spreads = np.array([spread_of(each) for each in known.T])
        kept.append(np.mean(largest(scores[n:], spreads) <= threshold))
    error = np.std(kept) / n_runs**0.5
    assert quantile - 3 * error < np.mean(kept) < quantile + 0.04
