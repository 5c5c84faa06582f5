"""The probability of a label, from the score that a loss has led to.

A loss other than the cross-entropy is lowest at a score whose sigmoid is not the
probability of the label. Where a label is there with the probability `q`, the loss of a
score `s` is ``q * L1(s) + (1 - q) * L0(s)``, and the network learns the score at which
its slope is zero: the odds of `q` are those of the two slopes.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

# What keeps the order of scores where a loss tells nothing of them.
_SLIGHT = 1e-6


def log_odds(scores: Tensor, loss: str, options: dict[str, Any]) -> Tensor:
    """Give the logarithms of the odds of labels, for a loss that is known by name.

    Parameters
    ----------
    scores : Tensor of float64 of shape (n_samples, n_labels)
        Outputs of the network.
    loss : {"bce", "binary_focal", "asymmetric"}
        What it was trained with.
    options : dict
        Options of that loss.

    Returns
    -------
    Tensor of float64 of shape (n_samples, n_labels)
        They rise with the scores.

    References
    ----------
    .. [1] N. Charoenphakdee, J. Vongkulbhisal, N. Chairatanakul, M. Sugiyama, "On Focal
       Loss for Class-Posterior Probability Estimation: A Theoretical Perspective",
       CVPR 2021.
    """
    weight = torch.as_tensor(
        options.get("pos_weight", 1.0), dtype=scores.dtype, device=scores.device
    )
    if loss == "bce":
        return _unsmoothed(scores - weight.log(), options.get("label_smoothing", 0.0))
    if loss == "binary_focal":
        gamma = options.get("gamma", 2.0)
        odds = _fading(scores, gamma) - _fading(-scores, gamma)
    else:
        gamma, clip = options.get("gamma_neg", 4.0), options.get("clip", 0.05)
        absent = _fading(scores, gamma) if clip == 0 else _lowered(scores, gamma, clip)
        odds = absent - _fading(-scores, options.get("gamma_pos", 1.0))
        odds = torch.maximum(odds, scores + math.log(_SLIGHT))
    return odds - weight.log()


def _fading(scores: Tensor, gamma: float) -> Tensor:
    """Give the logarithm of the slope, in p, of ``-p ** gamma * log(1 - p)``."""
    p, absent = logsigmoid(scores), softplus(scores)
    first = gamma * p + absent
    if gamma == 0:
        return first
    second = math.log(gamma) + (gamma - 1) * p + absent.log()
    return torch.logaddexp(first, second)


def _lowered(scores: Tensor, gamma: float, clip: float) -> Tensor:
    """Give the same of ``p - clip``, with the slope of zero where that is below 0."""
    lowered = (torch.sigmoid(scores) - clip).clamp(min=0)
    absent = -torch.log1p(-lowered)
    slope = torch.xlogy(gamma, lowered) + absent
    if gamma:
        second = math.log(gamma) + torch.xlogy(gamma - 1, lowered) + absent.log()
        slope = torch.logaddexp(slope, second)
    return torch.where(lowered > 0, slope, -torch.inf)


def _unsmoothed(log_odds: Tensor, smoothing: float) -> Tensor:
    if smoothing == 0:
        return log_odds
    chance = (torch.sigmoid(log_odds) - smoothing / 2) / (1 - smoothing)
    odds = torch.logit(chance.clamp(0, 1))
    slight = math.log(_SLIGHT)
    return odds.maximum(log_odds + slight).minimum(log_odds - slight)


def score_of(chance: np.ndarray, loss: str, options: dict[str, Any]) -> np.ndarray:
    """Find the scores at which a loss is lowest, where labels have these chances.

    Parameters
    ----------
    chance : ndarray of shape (n_labels,)
        Between 0 and 1.
    loss, options
        As for `log_odds`.

    Returns
    -------
    ndarray of shape (n_labels,)
        Between -50 and 50.
    """
    wanted = np.log(chance / (1 - chance))
    low, high = np.full(len(chance), -50.0), np.full(len(chance), 50.0)
    for _ in range(60):
        middle = (low + high) / 2
        found = log_odds(torch.from_numpy(middle)[None], loss, options)[0].numpy()
        low = np.where(found < wanted, middle, low)
        high = np.where(found < wanted, high, middle)
    return (low + high) / 2
