"""What the scores of a focal loss mean, against its minima and the paper's formula."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import softmax

from mtlearn.tasks._class_chances import best_scores, seldom_if_never, true_chances
from mtlearn.tasks._label_chances import log_odds

CHANCES = [[0.5, 0.5], [0.97, 0.03], [0.6, 0.3, 0.1], [0.02, 0.04, 0.3, 0.5, 0.14]]
GAMMAS = [0.3, 1.0, 2.0, 5.0]


def chances_of(scores, gamma):
    return true_chances(torch.from_numpy(np.array(scores)), gamma).numpy()


def lowest(chances, gamma):
    """Search for the scores of the lowest expected loss, with numpy alone."""

    def expected(scores):
        p = softmax(scores)
        return np.sum(chances * -((1 - p) ** gamma) * np.log(p))

    return minimize(expected, np.log(chances), method="BFGS", options={"gtol": 1e-9}).x


@pytest.mark.filterwarnings("ignore:.*precision loss")
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("chances", CHANCES, ids=len)
def test_the_lowest_loss_gives_the_chances_back(chances, gamma):
    chances = np.array(chances)
    found = lowest(chances, gamma)
    assert_allclose(chances_of([found], gamma)[0], chances, atol=1e-6)
    assert_allclose(softmax(best_scores(chances, gamma)), softmax(found), atol=1e-6)
    start = best_scores(chances, gamma)
    assert start.mean() == pytest.approx(0, abs=1e-12)
    assert_allclose(chances_of([start], gamma)[0], chances, rtol=1e-9)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_the_formula(gamma):
    scores = np.random.default_rng(0).normal(0, 3, size=(50, 4))
    p = softmax(scores, axis=1)
    phi = (1 - p) ** gamma - gamma * (1 - p) ** (gamma - 1) * p * np.log(p)
    expected = p / phi / (p / phi).sum(axis=1, keepdims=True)
    assert_allclose(chances_of(scores, gamma), expected, rtol=1e-9)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_two_classes_are_a_label_that_is_there_or_not(gamma):
    # Up to a p of which nothing is left, as a number.
    first = torch.linspace(-60, 60, 401, dtype=torch.float64)[:, None]
    expected = torch.sigmoid(log_odds(first, "binary_focal", {"gamma": gamma}))
    scores = torch.cat([first, torch.zeros_like(first)], dim=1)
    found = true_chances(scores, gamma)
    assert_allclose(found[:, :1], expected, rtol=1e-7, atol=0)
    assert_allclose(found[:, 1:].flip(0), expected, rtol=1e-7, atol=0)


@pytest.mark.parametrize("gamma", [0.01, 0.5, 1.0, 2.0, 20.0])
def test_they_rise_with_the_scores(gamma):
    first = torch.linspace(-800, 800, 4001, dtype=torch.float64)[:, None]
    rest = torch.tensor([[0.0, -1.0, 0.5]], dtype=torch.float64).expand(4001, 3)
    scores = torch.cat([first, rest], dim=1)
    found = true_chances(scores, gamma)
    assert torch.isfinite(found).all()
    assert_allclose(found.sum(dim=1), 1)
    assert (found[:, 0].diff() >= 0).all()
    assert (found[:2001, 0].diff() > 0)[1000:].all()  # before they round to 1
    assert_array_equal(found.argmax(dim=1), scores.argmax(dim=1))


def test_the_surest_and_the_impossible():
    scores = [[0.0, -np.inf, -np.inf], [2.0, 2.0, -np.inf], [1e4, 0.0, -1e4]]
    assert chances_of(scores, 2.0).tolist() == [[1, 0, 0], [0.5, 0.5, 0], [1, 0, 0]]


def test_without_gamma_and_of_one_class_they_are_the_softmax():
    scores = torch.randn(9, 3, dtype=torch.float64)
    assert torch.equal(true_chances(scores, 0.0), torch.softmax(scores, dim=1))
    assert chances_of([[3.0], [-2.0]], 2.0).tolist() == [[1], [1]]
    assert_allclose(softmax(best_scores(np.array([0.2, 0.8]), 0.0)), [0.2, 0.8])
    assert best_scores(np.ones(1), 2.0).tolist() == [0]


@pytest.mark.parametrize("gamma", [0.0, 0.01, 1.0, 50.0])
def test_the_rarest_of_classes_have_scores(gamma):
    chances = np.array([1e-300, 1e-9, 1 - 1e-9])
    found = best_scores(chances, gamma)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    assert np.abs(found).max() < 40
    assert_allclose(chances_of([found], gamma)[0, 1], 1e-9, rtol=1e-3)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.2, 0.8], [0.2, 0.8]),
        ([0.4, 1.6], [0.2, 0.8]),
        ([0.0, 2.0], [0.01 / 1.01, 1 / 1.01]),
        ([0.0, 0.0, 1.0, 3.0], [0.005 / 1.01] * 2 + [0.25 / 1.01, 0.75 / 1.01]),
        # Never more than the rarest class that has been seen.
        ([0.0, 0.001, 0.999], [0.001 / 1.001, 0.001 / 1.001, 0.999 / 1.001]),
        ([0.0, 0.0], [0.5, 0.5]),
        ([1.0], [1.0]),
    ],
)
def test_classes_that_have_not_been_seen(shares, expected):
    assert_allclose(seldom_if_never(np.array(shares)), expected)
