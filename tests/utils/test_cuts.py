"""Cuts against every cut there is, tried one by one."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mtlearn._utils._cuts import best_cut


def all_cuts(scores):
    values = np.unique(scores)
    return [values[0] - 1, *(values[1:] + values[:-1]) / 2]


def expected_f1(taken, chances, weight):
    both = 2 * (weight * chances)[taken].sum()
    return both / (weight[taken].sum() + (weight * chances).sum())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [1, 6])  # with ties, and without
def test_no_other_cut_has_a_higher_f1(seed, digits):
    rng = np.random.default_rng(seed)
    scores = rng.random(40).round(digits)
    truth = (rng.random(40) < scores).astype(float)
    weight = rng.integers(0, 3, 40).astype(float)
    cut = best_cut(scores, truth, weight)
    found = f1_score(truth, scores > cut, sample_weight=weight)
    others = [
        f1_score(truth, scores > c, sample_weight=weight) for c in all_cuts(scores)
    ]
    assert found == pytest.approx(max(others))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [1, 6])
def test_no_other_cut_has_a_higher_expected_f1(seed, digits):
    rng = np.random.default_rng(seed)
    chances = (rng.random(40) ** 3).round(digits)
    weight = rng.random(40)
    cut = best_cut(chances, chances, weight)
    found = expected_f1(chances > cut, chances, weight)
    others = [expected_f1(chances > c, chances, weight) for c in all_cuts(chances)]
    assert found == pytest.approx(max(others))


def test_cuts_that_are_easy_to_see():
    assert best_cut(np.array([0.2, 0.8]), np.array([0.0, 1.0])) == pytest.approx(0.5)
    neighbours = np.array([0.5, np.nextafter(0.5, 1)])
    above = neighbours > best_cut(neighbours, np.array([0.0, 1.0]))
    assert above.tolist() == [False, True]
    scores = np.array([0.3, 0.3, 0.3])
    assert (scores > best_cut(scores, np.ones(3))).all()
    assert np.isnan(best_cut(scores, np.zeros(3)))
    assert np.isnan(best_cut(scores, np.ones(3), np.zeros(3)))


def test_a_cut_between_two_neighbours_keeps_them_apart():
    low = 0.5
    for _ in range(4):  # their middle is rounded up to one of two of them
        high = np.nextafter(low, 1)
        cut = best_cut(np.array([low, high]), np.array([0.0, 1.0]))
        assert low <= cut < high
        low = high
