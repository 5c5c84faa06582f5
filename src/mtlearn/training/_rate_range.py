"""Learning rates from small to large, one a step, and the losses that they bring."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from skorch.callbacks import Callback

# What is tried where nothing else is said.
LOWEST_RATE, HIGHEST_RATE, N_RATES = 1e-6, 1.0, 100
# The deviation of the density that losses are averaged with, as a share of steps.
_WIDTH = 0.02
# A loss that has risen by so many times what was at the start, or what it fell by, says
# that larger rates need not be tried.
_TOO_MUCH = 4.0
_FEWEST = 10
# Of the whole fall: training at more is about to come apart, at less it is slow.
_MOST_OF_IT = 0.8


class RangeEnds(Exception):
    """Raised in a training whose rates have been tried."""


class RateRange(Callback):
    """Train each step with the next of some rates, then end.

    Parameters
    ----------
    rates : sequence of float
        For the heads; other groups of weights keep their ratio to them.

    Attributes
    ----------
    losses_ : list of float
        The training loss of each step, before it has changed the weights.
    """

    def __init__(self, rates: Sequence[float]) -> None:
        self.rates = rates

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Note what the groups of weights have."""
        self.losses_: list[float] = []
        given = [group["lr"] for group in net.optimizer_.param_groups]
        self.ratios_ = [rate / given[-1] for rate in given]

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Set the rate of this step."""
        if training:
            rate = self.rates[len(self.losses_)]
            groups = net.optimizer_.param_groups
            for group, ratio in zip(groups, self.ratios_, strict=True):
                group["lr"] = rate * ratio

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Note the loss, and end training where there is nothing more to see.

        Raises
        ------
        RangeEnds
            After the last rate, or once the loss has risen far.
        """
        if not training:
            return
        self.losses_.append(float(net.history[-1, "batches", -1, "train_loss"]))
        if len(self.losses_) == len(self.rates) or _has_risen(self.losses_):
            raise RangeEnds


def _has_risen(losses: Sequence[float]) -> bool:
    first, lowest = losses[0], min(losses)
    scale = max(abs(first), first - lowest)
    return len(losses) > _FEWEST and losses[-1] - lowest > _TOO_MUCH * scale


def smoothed_losses(losses: Sequence[float] | np.ndarray, n_steps: int) -> np.ndarray:
    """Average each loss with those before and after it.

    Parameters
    ----------
    losses : array-like of shape (n_losses,)
        One of each step.
    n_steps : int
        How many steps there were to be, of which the width follows.

    Returns
    -------
    ndarray of shape (n_losses,)
        Means, weighted by a normal density of a fiftieth of the steps.
    """
    return gaussian_filter1d(
        np.asarray(losses, dtype=np.float64), _WIDTH * n_steps, mode="nearest"
    )


def suggested_rate(rates: np.ndarray, losses: np.ndarray) -> float | None:
    """Choose the rate at which a loss has fallen by four fifths of its whole fall.

    Parameters
    ----------
    rates : ndarray of shape (n_losses,)
        From small to large.
    losses : ndarray of shape (n_losses,)
        Smoothed.

    Returns
    -------
    float or None
        One of the rates; None where the loss has not fallen.
    """
    fall = losses[0] - losses.min()
    if fall <= 0:
        return None
    enough = losses <= losses[0] - _MOST_OF_IT * fall
    return float(rates[np.argmax(enough)])
