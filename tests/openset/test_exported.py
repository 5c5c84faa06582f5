"""Scores of tensors, for torch's exporter, against those of arrays."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from mtlearn._utils._settled import settled as settled_array
from mtlearn.openset import _knn, _mahalanobis
from mtlearn.openset._exported import settled
from mtlearn.openset._scores import SCORES

RNG = np.random.default_rng(0)
KNOWN = RNG.normal(size=(60, 5)) * [1, 1, 1, 1, 0] + [0, 0, 3, 0, 7]
CLASSES = np.arange(60) % 3
# Known rows, other ones, one of zeros and one far away.
NEW = np.vstack([KNOWN[:20], RNG.normal(size=(20, 5)), np.zeros(5), np.full(5, 1e6)])


def of_both(name, *given, dtype=np.float64, fit=None):
    """Compute a score of arrays and of tensors."""
    score = SCORES[name]
    given = [each.astype(dtype) for each in given]
    state = None
    if score.fit is not None:
        state = score.fit(fit.astype(dtype), CLASSES[: len(fit)], 0)
        expected = score.score(state, *given)
    else:
        expected = score.score(*given)
    found = score.exported_of(state)(*map(torch.from_numpy, given))
    assert found.dtype == torch.float64
    return found.numpy(), expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_known", [7, 60])
@pytest.mark.parametrize("name", ["knn", "mahalanobis"])
def test_distances(name, n_known, dtype):
    found, expected = of_both(name, NEW, dtype=dtype, fit=KNOWN[:n_known])
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert np.ptp(found) > 0.5


def test_distances_of_what_is_all_alike_are_none():
    alike, nearly = np.full((20, 3), 0.1) * [1, 2, 3], np.array([0, 1e-8, 0])
    for name in ("knn", "mahalanobis"):
        found, expected = of_both(name, alike[:4] + nearly, fit=alike)
        assert_array_equal(found, np.zeros(4))
        assert_array_equal(expected, np.zeros(4))


def test_states_are_copied():
    features = torch.from_numpy(NEW)
    for module in (_knn, _mahalanobis):
        state = module.fit(KNOWN, CLASSES, 0)
        score = module.exported(state)
        before = score(features)
        for each in state.values():
            each[:] = 1
        assert_array_equal(score(features), before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_without_known_rows(dtype):
    logits = 40 * RNG.normal(size=(30, 4))
    logits[0] = -900
    chances = RNG.dirichlet(np.ones(4), size=30)
    deviations = np.vstack([chances[:20] / 2, np.full((10, 4), 1e-16)])
    errors, variances = RNG.random(30), RNG.random(30)
    variances[0] = 0
    for name, given in {
        "max_logit": (logits,),
        "energy": (logits,),
        "max_probability": (chances,),
        "disagreement": (deviations,),
        "reconstruction": (errors,),
        "reconstruction_relative": (errors, variances),
        "reconstruction_logit": (errors, logits),
    }.items():
        found, expected = of_both(name, *given, dtype=dtype)
        assert_allclose(found, expected, rtol=1e-13 if dtype == np.float64 else 1e-6)
    assert found[0] > 1e9


def test_members_that_agree_do_not_deviate():
    found, _ = of_both("disagreement", np.full((3, 4), 1e-16))
    assert_array_equal(found, np.zeros(3))


def test_scores_have_the_same_digits():
    values = RNG.normal(size=2000) * 10.0 ** RNG.integers(-200, 300, size=2000)
    values[:4] = 0, np.inf, -np.inf, np.nan
    found = settled(torch.from_numpy(values)).numpy()
    assert_array_equal(found, settled_array(values))
    assert (found != values).sum() > 1900
    largest = torch.tensor(np.finfo(np.float64).max)
    assert settled(largest) == largest
