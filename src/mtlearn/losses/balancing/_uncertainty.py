"""Weights that follow from a noise which is learned for each task."""

from typing import ClassVar

import numpy as np

from mtlearn._utils._validation import check_real
from mtlearn.losses.balancing._adam import adam_step, new_moments
from mtlearn.losses.balancing._base import Balancing, BalancingState, StepRecord


class Uncertainty(Balancing):
    """Weights by the uncertainty of each task, which is learned beside the network.

    Each task t has a number ``s``, the logarithm of the variance of its noise, which
    begins at 0. Its weight is ``f * exp(-s)``, with f = 1/2 for squared errors and 1
    for all other losses. After each step, ``s`` of the tasks that are present takes a
    step of Adam down ``f * exp(-s) * loss + s / 2``. At rest the weight is
    ``1 / (2 * loss)``, whatever a task's own `weight` is: the larger a loss stays, the
    less it counts. A loss that stays below 0 has no such rest, and its weight grows.

    Parameters
    ----------
    lr : float, default=0.025
        Learning rate of ``s``, above 0.

    References
    ----------
    .. [1] A. Kendall, Y. Gal, R. Cipolla, "Multi-Task Learning Using Uncertainty to
       Weigh Losses for Scene Geometry and Semantics", CVPR 2018.

    Examples
    --------
    >>> from mtlearn import MultiTaskEstimator
    >>> from mtlearn.losses import Uncertainty
    >>> estimator = MultiTaskEstimator(loss_weights=Uncertainty(lr=0.01))
    >>> estimator.set_params(loss_weights__lr=0.02).loss_weights
    Uncertainty(lr=0.02)
    """

    reads_losses: ClassVar[bool] = False

    def __init__(self, lr: float = 0.025) -> None:
        self.lr = lr

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The estimator that the value belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the Uncertainty of {owner}"
        check_real(self.lr, "lr", where, low=0, include_low=False)

    def start(self, factors: np.ndarray, seed: int) -> "UncertaintyState":
        """Give a new state; see `Balancing`."""
        return UncertaintyState(factors, self.lr)


class UncertaintyState(BalancingState):
    """The logarithms of the variances.

    Parameters
    ----------
    factors : ndarray of shape (n_tasks,)
        See `Balancing.start`.
    lr : float
        Learning rate.
    """

    def __init__(self, factors: np.ndarray, lr: float) -> None:
        self.factors = np.asarray(factors, float)
        self.lr = lr
        self.log_variances_ = np.zeros(len(factors))
        self.moments_ = new_moments(len(factors))

    def weights(self, losses: np.ndarray | None, present: np.ndarray) -> np.ndarray:
        """Give the weights; see `BalancingState`."""
        return self.factors * np.exp(-self.log_variances_)

    def end_step(self, record: StepRecord) -> None:
        """Move the variances of the tasks that are present.

        Parameters
        ----------
        record : StepRecord
            Losses that are infinite or NaN move nothing.
        """
        where = record.present & np.isfinite(record.losses)
        slope = 0.5 - self.weights(None, where) * record.losses
        adam_step(self.log_variances_, self.moments_, slope, where, self.lr)
