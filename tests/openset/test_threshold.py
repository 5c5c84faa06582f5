"""Thresholds by hand on small lists, and what they promise by simulation."""

import numpy as np
import pytest
from scipy.stats import beta

from mtlearn.openset._threshold import (
    conformal_threshold,
    fewest_rows,
    spread_of,
    standard_error,
)


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [
        (0.5, 50),  # ceil(10 * 0.5) = 5
        (0.51, 60),
        (0.05, 10),
        (0.9, 90),  # 10 * 0.9 is 9.000000000000002 in some orders
        (0.91, np.inf),
    ],
)
def test_the_rank_by_hand(quantile, expected):
    scores = np.array([30.0, 10, 90, 50, 20, 80, 40, 70, 60])
    assert conformal_threshold(scores, quantile) == expected


@pytest.mark.parametrize("n", [50, 100, 1000])
@pytest.mark.parametrize("percent", range(1, 100))
def test_the_rank_is_that_of_whole_numbers(n, percent):
    rank = -(-(n + 1) * percent // 100)
    expected = rank if rank <= n else np.inf
    assert conformal_threshold(np.arange(1.0, n + 1), percent / 100) == expected


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_so_many_rows_have_a_threshold(quantile):
    n = fewest_rows(quantile)
    assert np.isfinite(conformal_threshold(np.arange(float(n)), quantile))
    assert np.isinf(conformal_threshold(np.arange(float(n - 1)), quantile))


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
