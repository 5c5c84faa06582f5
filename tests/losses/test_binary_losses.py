"""Losses of labels that are there or not, and the chances that they lead to."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.special import expit

from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import asymmetric_loss, binary_cross_entropy, binary_focal_loss
from mtlearn.tasks._label_chances import log_odds, score_of

SCORES = np.array([[-3.0, -0.5, 0.0, 0.4, 2.5]])
P = expit(SCORES)
ONES, ZEROS = np.ones_like(SCORES), np.zeros_like(SCORES)
LOSSES = {
    "bce": binary_cross_entropy,
    "binary_focal": binary_focal_loss,
    "asymmetric": asymmetric_loss,
}
OPTIONS = [
    ("bce", {}),
    ("bce", {"pos_weight": 4.0}),
    ("bce", {"label_smoothing": 0.1}),
    ("bce", {"label_smoothing": 0.1, "pos_weight": 3.0}),
    ("binary_focal", {}),
    ("binary_focal", {"gamma": 0.5}),
    ("binary_focal", {"gamma": 0.0}),
    ("binary_focal", {"gamma": 3.0, "pos_weight": 0.2}),
    ("asymmetric", {}),
    ("asymmetric", {"gamma_pos": 0.0}),
    ("asymmetric", {"gamma_neg": 1.0, "clip": 0.1}),
    ("asymmetric", {"gamma_neg": 0.5, "gamma_pos": 0.5}),
    ("asymmetric", {"gamma_neg": 0.0, "clip": 0.01}),
    ("asymmetric", {"gamma_neg": 2.0, "clip": 0.0, "pos_weight": 2.0}),
]


def of(loss, target, **options):
    output = torch.tensor(SCORES)
    return LOSSES[loss](output, torch.tensor(target), **options).numpy()


def test_formulas():
    assert_allclose(of("bce", ONES, pos_weight=3.0), -3 * np.log(P))
    assert_allclose(of("bce", ZEROS, pos_weight=3.0), -np.log(1 - P))
    smooth = -0.95 * np.log(P) - 0.05 * np.log(1 - P)
    assert_allclose(of("bce", ONES, label_smoothing=0.1), smooth)
    assert_allclose(of("binary_focal", ONES), -((1 - P) ** 2) * np.log(P))
    assert_allclose(of("binary_focal", ZEROS, gamma=3.0), -(P**3) * np.log(1 - P))
    u = np.maximum(P - 0.05, 0)
    assert_allclose(of("asymmetric", ZEROS), -(u**4) * np.log(1 - u), atol=1e-30)
    assert_allclose(of("asymmetric", ONES), -(1 - P) * np.log(P))
    assert of("asymmetric", ZEROS)[0, 0] == 0  # as its p is below 0.05


def test_weights_by_label():
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    plain = of("binary_focal", ONES)
    assert_allclose(of("binary_focal", ONES, pos_weight=weights), plain * weights)


@pytest.mark.parametrize(("loss", "options"), OPTIONS)
def test_a_mixed_target_has_the_mixed_loss(loss, options):
    one, zero = of(loss, ONES, **options), of(loss, ZEROS, **options)
    assert_allclose(of(loss, 0.3 * ONES, **options), 0.3 * one + 0.7 * zero)


@pytest.mark.parametrize(("loss", "options"), OPTIONS)
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_gradients_are_finite(loss, options, target):
    output = torch.tensor(
        [-200.0, -20.0, -2.9444, 0.0, 20.0, 200.0], requires_grad=True
    )
    losses = LOSSES[loss](output, torch.full((6,), target), **options)
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize(("loss", "options"), OPTIONS)
@pytest.mark.parametrize("chance", [0.02, 0.2, 0.5, 0.9])
def test_the_lowest_loss_gives_the_chance_back(loss, options, chance):
    """Labels that are there with a chance lead to a score, and that to the chance."""

    def expected(score):
        output = torch.tensor([score], dtype=torch.float64)
        there, absent = (
            LOSSES[loss](output, torch.full((1,), target).double(), **options).item()
            for target in (1.0, 0.0)
        )
        return chance * there + (1 - chance) * absent

    found = minimize_scalar(expected, bounds=(-9, 9), options={"xatol": 1e-10})
    odds = log_odds(torch.tensor([[found.x]], dtype=torch.float64), loss, options)
    assert expit(odds.item()) == pytest.approx(chance, abs=2e-5)
    assert score_of(np.array([chance]), loss, options)[0] == pytest.approx(
        found.x, abs=1e-3
    )


@pytest.mark.parametrize(("loss", "options"), OPTIONS)
def test_chances_rise_with_the_scores(loss, options):
    scores = torch.linspace(-30, 30, 2001, dtype=torch.float64)[None]
    odds = log_odds(scores, loss, options)
    assert torch.isfinite(odds).all()
    assert (odds.diff() > 0).all()


def test_chances_of_far_scores():
    """Far out, p is exp(s) and log(1 - p) is -p, or the other way round."""
    scores = torch.tensor([[-700.0, -60.0, 60.0, 700.0]], dtype=torch.float64)
    far = scores[0].numpy()
    for gamma in (0.0, 0.5, 2.0):
        odds = log_odds(scores, "binary_focal", {"gamma": gamma})[0].numpy()
        wanted = (gamma + 1) * far - np.sign(far) * np.log1p(gamma)
        np.testing.assert_allclose(odds, wanted, rtol=1e-12)
    odds = log_odds(scores, "asymmetric", {"gamma_pos": 1.0})[0, 2:].numpy()
    # (1 - p) / p - log p is 2 exp(-s); the slope of the other part:
    u = 0.95
    absent = u**4 / (1 - u) - 4 * u**3 * np.log(1 - u)
    np.testing.assert_allclose(odds, np.log(absent / 2) + far[2:], rtol=1e-12)


@pytest.mark.parametrize(
    ("gammas", "cut"), [((1, 4), 0.147), ((0, 4), 0.128), ((0, 2), 0.312)]
)
def test_the_chance_at_which_an_asymmetric_loss_decides(gammas, cut):
    options = dict(zip(("gamma_pos", "gamma_neg"), gammas, strict=True))
    odds = log_odds(torch.zeros(1, 1, dtype=torch.float64), "asymmetric", options)
    assert expit(odds.item()) == pytest.approx(cut, abs=5e-4)


@pytest.mark.parametrize(
    ("loss", "options", "score"),
    [
        ("bce", {}, -4.60),
        ("binary_focal", {}, -1.71),
        ("asymmetric", {}, -0.75),
        ("bce", {"pos_weight": 99**0.5}, -2.30),
    ],
)
def test_where_a_label_of_one_in_a_hundred_begins(loss, options, score):
    found = score_of(np.array([0.01]), loss, options)[0]
    assert found == pytest.approx(score, abs=6e-3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: binary_focal_loss(x, x, gamma=-1.0), "'gamma'"),
        (lambda x: asymmetric_loss(x, x, gamma_pos=-1.0), "'gamma_pos'"),
        (lambda x: asymmetric_loss(x, x, gamma_neg=float("inf")), "'gamma_neg'"),
        (lambda x: asymmetric_loss(x, x, clip=1.0), "'clip'.* and below 1"),
    ],
)
def test_options_are_checked(call, name):
    with pytest.raises(InvalidParameterError, match=f"The {name}"):
        call(torch.zeros(1))
