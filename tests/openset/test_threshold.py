"""What a threshold promises by simulation, and a spread by hand."""

import numpy as np
import pytest
from scipy.stats import beta

from mtlearn._utils._conformal_rank import conformal_threshold
from mtlearn.openset._threshold import spread_of, standard_error


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
