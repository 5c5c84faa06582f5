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

# What keeps the order of scores where a loss tells nothing of them.
_SLIGHT = 1e-6
# Below it a series is more exact.
_LOW = -15.0


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
    steepness = softplus(scores) - gamma * softplus(-scores)
    return steepness + torch.log1p(gamma * _tail(scores))


def softplus(scores: Tensor) -> Tensor:
    """Give ``log(1 + exp(s))``, also in onnxruntime.

    That has no double of torch's own, and ends its logsigmoid at 37.

    Parameters
    ----------
    scores : Tensor
        Any.

    Returns
    -------
    Tensor of the shape of `scores`
        Not negative.
    """
    # Of maximum, and not of clamp, the slope at 0 is a half.
    least = torch.maximum(scores, torch.zeros_like(scores))
    return least + torch.log1p(torch.exp(-scores.abs()))


def _tail(scores: Tensor) -> Tensor:
    """Give ``softplus(s) * exp(-s)``, which goes to 1 where scores go to minus inf."""
    bounded = scores.clamp(min=_LOW)
    near = softplus(bounded) * torch.exp(-bounded)
    return torch.where(scores < _LOW, 1 - torch.exp(scores) / 2, near)


def _lowered(scores: Tensor, gamma: float, clip: float) -> Tensor:
    """Give the same of ``p - clip``, with the slope of zero where that is below 0."""
    lowered = (torch.sigmoid(scores) - clip).clamp(min=0)
    there = torch.where(lowered > 0, lowered, 0.5)
    absent = -torch.log1p(-there)
    tail = absent * (1 - there) / there
    slope = gamma * there.log() + absent + torch.log1p(gamma * tail)
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
