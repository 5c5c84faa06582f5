"""The probabilities of classes, from the scores that a loss has led to.

The focal loss is lowest at scores whose softmax `p` is not what the probabilities of
the classes are. Those are in proportion to ``p / ((1 - p) ** gamma * (1 + gamma * c))``
where ``c = -p * log(p) / (1 - p)``, which goes from 0 to 1 as `p` does.
"""

from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import expit, log_expit
from torch import Tensor

from mtlearn.tasks._label_parameters import SELDOM

# A logarithm of nothing, of which multiples and sums are finite, also in onnxruntime.
_NEVER = -1e30
# Where rounding would cost more than the rest of a series.
_SURE = 1e-4
# Far below the share of a row among all that a fit may have.
_LEAST = 1e-12


def true_chances(scores: Tensor, gamma: float) -> Tensor:
    """Give the probabilities that a focal loss has taught scores to mean.

    Parameters
    ----------
    scores : Tensor of float64 of shape (n_samples, n_classes)
        Outputs of the network, or logarithms of the probabilities that it makes.
    gamma : float
        Of the loss; 0 is the cross-entropy.

    Returns
    -------
    Tensor of float64 of shape (n_samples, n_classes)
        They sum to one, and are in the order of the scores.

    References
    ----------
    .. [1] N. Charoenphakdee, J. Vongkulbhisal, N. Chairatanakul, M. Sugiyama, "On Focal
       Loss for Class-Posterior Probability Estimation: A Theoretical Perspective",
       CVPR 2021.
    """
    if gamma == 0 or scores.shape[1] == 1:
        return torch.softmax(scores, dim=1)
    logs = torch.log_softmax(scores, dim=1).clamp(min=_NEVER)
    chances = logs.exp()
    # What one class leaves is summed up from the others, as 1 - p would round to 0.
    likely = chances > 0.5
    others = logs.masked_fill(likely, _NEVER).logsumexp(dim=1, keepdim=True)
    rest = torch.where(likely, others, torch.log1p(-chances))
    return torch.softmax(_unfocused(logs, rest, gamma, torch), dim=1)


def _unfocused(log_chance: Any, log_rest: Any, gamma: float, arrays: Any) -> Any:
    """Give the logarithm of what probabilities are in proportion to.

    `arrays` is what computes: numpy, or torch.
    """
    chance, rest = arrays.exp(log_chance), arrays.exp(log_rest)
    near = arrays.where(
        rest < _SURE,
        1 - rest / 2 - rest**2 / 6,
        -chance * log_chance / rest,
    )
    return log_chance - gamma * log_rest - arrays.log1p(gamma * near)


def best_scores(chances: np.ndarray, gamma: float) -> np.ndarray:
    """Find the scores at which a focal loss is lowest, for classes with these chances.

    Parameters
    ----------
    chances : ndarray of shape (n_classes,)
        Their sum is one.
    gamma : float
        Of the loss; 0 is the cross-entropy.

    Returns
    -------
    ndarray of shape (n_classes,)
        Their mean is zero.
    """
    wanted = np.log(np.maximum(chances, _LEAST))
    if gamma > 0 and len(wanted) > 1:
        wanted = log_expit(_best_odds(wanted, gamma))
    return wanted - wanted.mean()


def _best_odds(wanted: np.ndarray, gamma: float) -> np.ndarray:
    """Give the log-odds of the `p` of each class, which sum to one."""
    top = wanted.argmax()

    def excess(level: float) -> float:
        odds = _odds_at(wanted + level, gamma)
        return float(np.delete(expit(odds), top).sum() - expit(-odds[top]))

    ends = [_of_odds(end, gamma) - wanted[top] for end in (-40.0, 40.0)]
    return _odds_at(wanted + brentq(excess, *ends), gamma)


def _odds_at(wanted: np.ndarray, gamma: float) -> np.ndarray:
    """Find the log-odds of each `p` that leads to such a logarithm."""
    low, high = np.full(len(wanted), -50.0), np.full(len(wanted), 50.0)
    for _ in range(60):
        middle = (low + high) / 2
        below = _of_odds(middle, gamma) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _of_odds(odds: Any, gamma: float) -> Any:
    return _unfocused(log_expit(odds), log_expit(-odds), gamma, np)


def seldom_if_never(shares: np.ndarray) -> np.ndarray:
    """Give the shares of classes where none is zero, which no scores would mean.

    Parameters
    ----------
    shares : ndarray of shape (n_classes,)
        None below 0.

    Returns
    -------
    ndarray of shape (n_classes,)
        Their sum is one. One row in a hundred stands for all classes without any, and
        none of these is more frequent than a class with some.
    """
    never = shares <= 0
    if never.all():
        return np.full(len(shares), 1 / len(shares))
    shares = shares / shares.sum()
    if never.any():
        least = min(SELDOM / never.sum(), shares[~never].min())
        shares = np.where(never, least, shares)
    return shares / shares.sum()
