"""Rounding that last digits do not matter to."""

import numpy as np

from mtlearn._utils._settled import settled

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=1000) * 10.0 ** RNG.integers(-200, 200, size=1000)


def test_last_digits_are_gone_and_others_are_not():
    found = settled(VALUES)
    np.testing.assert_allclose(found, VALUES, rtol=1e-10)
    noisy = VALUES * (1 + RNG.choice([-4e-16, 4e-16], size=1000))
    assert (settled(noisy) == found).all()
    assert (settled(VALUES * (1 + 1e-9)) != found).all()
    assert (settled(found) == found).all()


def test_what_has_no_digits_stays():
    given = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 3.0, -0.375])
    np.testing.assert_array_equal(settled(given), given)
