"""Scores of tensors, for torch's exporter, against those of arrays."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from mtlearn import VotingEnsemble
from mtlearn._utils._settled import settled as settled_array
from mtlearn.openset import OpenSetDetector, _knn, _mahalanobis
from mtlearn.openset._evidence import observe
from mtlearn.openset._exported import exported_scores, settled
from mtlearn.openset._scores import SCORES
from open_problems import known_points, point_estimator, unknown_points

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


@pytest.mark.parametrize("scores", ["auto", "knn", ["energy", "max_logit"]])
def test_scores_of_members_with_weights_are_joined_as_elsewhere(scores):
    X, y = known_points(90)
    members = [
        (f"net_{epochs}", point_estimator(max_epochs=epochs)) for epochs in (1, 4)
    ]
    ensemble = VotingEnsemble(members, weights=[3, 1]).fit(X, y)
    detector = OpenSetDetector(ensemble, scores=scores, quantile=0.8).fit(X, y)
    rows = np.vstack([X, unknown_points(60)])
    needs = detector._needs()
    observed = observe(ensemble, rows, ["task_0"], needs)
    seen = [
        {
            name: {need: torch.from_numpy(getattr(own, need)) for need in needs}
            for name, own in by.items()
        }
        for by in observed
    ]
    found = exported_scores(detector)(seen).numpy()
    assert found.shape == (len(rows), 1)
    expected = detector.score_samples(rows)
    assert_allclose(found[:, 0], expected, rtol=1e-9)
    # Not the same digits by chance: those that sums may differ in are not there.
    assert (found[:, 0] == expected).mean() > 0.95
