"""Curves of what is kept, by hand and by a loop."""

import numpy as np
import pytest

from mtlearn.inspection import RejectionCurve
from mtlearn.inspection._rejection_curve import of_confidence


def test_by_hand():
    sure = np.array([0.6, 0.9, 0.8, 0.7])
    right = np.array([True, True, False, True])
    curve = of_confidence((sure, right, np.ones(4)))
    np.testing.assert_allclose(curve.coverage, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(curve.kept, [1, 1 / 2, 2 / 3, 3 / 4])
    np.testing.assert_allclose(curve.risk, [0, 1 / 2, 1 / 3, 1 / 4])
    assert curve.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_rows_that_are_equally_sure_go_together():
    sure = np.array([0.9, 0.5, 0.5, 0.5])
    right = np.array([True, False, True, True])
    curve = of_confidence((sure, right, np.ones(4)))
    np.testing.assert_allclose(curve.coverage, [0.25, 1.0])
    np.testing.assert_allclose(curve.kept, [1.0, 0.75])
    assert curve.aurc == pytest.approx(0.75 * 0.25)


def test_weights_count_like_copies():
    rng = np.random.default_rng(0)
    sure, right = rng.random(50).round(1), rng.random(50) < 0.7
    weight = rng.integers(4, size=50)
    weighted = of_confidence((sure, right, weight.astype(float)))
    copies = np.repeat(np.arange(50), weight)
    plain = of_confidence((sure[copies], right[copies], np.ones(len(copies))))
    for name in ("coverage", "threshold", "kept"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(plain, name))
    assert weighted.aurc == pytest.approx(plain.aurc)


def test_without_a_weight_nothing_counts():
    sure, right = np.array([0.9, 0.8, 0.7]), np.array([False, True, False])
    curve = of_confidence((sure, right, np.array([0.0, 1.0, 3.0])))
    np.testing.assert_allclose(curve.coverage, [0.25, 1.0])
    np.testing.assert_allclose(curve.threshold, [0.8, 0.7])
    np.testing.assert_allclose(curve.kept, [1.0, 0.25])


def test_the_area_is_the_mean_risk_of_the_surest():
    rng = np.random.default_rng(1)
    sure, right = rng.random(60), rng.random(60) < 0.6
    order = np.argsort(sure)[::-1]
    risks = [1 - right[order[: i + 1]].mean() for i in range(60)]
    curve = of_confidence((sure, right, np.ones(60)))
    assert curve.aurc == pytest.approx(np.mean(risks))
    assert of_confidence((sure, right | True, np.ones(60))).aurc == 0


def test_errors_are_their_own_risk():
    curve = RejectionCurve("error", np.array([0.5, 1]), np.zeros(2), np.array([2, 4.0]))
    np.testing.assert_array_equal(curve.risk, [2, 4])
    assert curve.aurc == 3


def test_without_a_label():
    nothing = np.empty(0)
    curve = of_confidence((nothing, nothing.astype(bool), nothing))
    assert len(curve.coverage) == 0
    assert np.isnan(curve.aurc)
