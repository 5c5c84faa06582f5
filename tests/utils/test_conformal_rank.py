"""Thresholds by hand on small lists."""

import numpy as np
import pytest

from mtlearn._utils._conformal_rank import (
    conformal_rank,
    conformal_threshold,
    fewest_rows,
)


def test_rounding_of_products_is_no_further_rank():
    # 100 * 0.55 is 55.00000000000001, and 1000 * 0.999 less than 999 in some orders.
    assert 100 * 0.55 > 55
    assert conformal_rank(99, 0.55) == 55
    assert conformal_rank(999, 0.999) == 999
    assert conformal_rank(9, 0.9) == 9


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


def test_there_is_no_rank_below_the_first():
    assert conformal_rank(99, 1e-12) == 1
    assert conformal_threshold(np.arange(5.0), 1e-12) == 0


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.999999])
def test_so_many_rows_have_a_threshold(quantile):
    n = fewest_rows(quantile)
    assert np.isfinite(conformal_threshold(np.arange(float(n)), quantile))
    assert np.isinf(conformal_threshold(np.arange(float(n - 1)), quantile))


@pytest.mark.parametrize("digits", range(1, 8))
def test_so_many_rows_by_hand(digits):
    # 0.99: of 99 rows the rank is 100 * 0.99 = 99.
    assert fewest_rows(float("0." + digits * "9")) == 10**digits - 1
