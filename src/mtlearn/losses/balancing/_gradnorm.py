"""Weights by which gradients have lengths that suit how far each task has come."""

from typing import ClassVar

import numpy as np

from mtlearn._utils._validation import check_real
from mtlearn.losses.balancing._adam import adam_step, new_moments
from mtlearn.losses.balancing._base import Balancing, BalancingState, StepRecord

# No task may stop to count, or count against its loss.
_LEAST = 1e-3


class GradNorm(Balancing):
    """Gradients of like length, longer for tasks that have learned less.

    G is the length of the gradient of a task's weighted loss in the last layer that the
    tasks share and that trains. It should be the mean of all tasks' times ``r **
    alpha``, where r is the task's loss over its first one, relative to the mean of
    that ratio over tasks. After each step, the weights of the tasks that are present
    take a step of Adam down the sum of the absolute differences; they stay above 0.001,
    and their sum stays as it is. Weights begin at 1. Losses must be above 0.

    Each step computes gradients of one layer for each task beside those of all.

    Parameters
    ----------
    alpha : float, default=1.5
        How much more tasks count that have learned less, not negative; 0 makes all
        gradients the same length.
    lr : float, default=0.025
        Learning rate of the weights, above 0.

    References
    ----------
    .. [1] Z. Chen, V. Badrinarayanan, C.-Y. Lee, A. Rabinovich, "GradNorm: Gradient
       Normalization for Adaptive Loss Balancing in Deep Multitask Networks", ICML
       2018.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.losses import GradNorm, StepRecord
    >>> state = GradNorm().start(np.ones(2), seed=0)
    >>> both = np.array([True, True])
    >>> state.end_step(StepRecord(np.ones(2), both, norms=np.array([1.0, 3.0])))
    >>> state.weights(None, both)
    array([1.025, 0.975])
    """

    reads_losses: ClassVar[bool] = False
    needs_positive: ClassVar[bool] = True
    needs_norms: ClassVar[bool] = True
    suits_closures: ClassVar[bool] = False

    def __init__(self, alpha: float = 1.5, lr: float = 0.025) -> None:
        self.alpha = alpha
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
        where = f"the GradNorm of {owner}"
        check_real(self.alpha, "alpha", where, low=0)
        check_real(self.lr, "lr", where, low=0, include_low=False)

    def start(self, factors: np.ndarray, seed: int) -> "GradNormState":
        """Give a new state; see `Balancing`."""
        return GradNormState(len(factors), self.alpha, self.lr)


class GradNormState(BalancingState):
    """The weights, and each task's first loss.

    Parameters
    ----------
    n_tasks : int
        How many.
    alpha, lr : float
        See `GradNorm`.
    """

    def __init__(self, n_tasks: int, alpha: float, lr: float) -> None:
        self.alpha = alpha
        self.lr = lr
        self.weights_ = np.ones(n_tasks)
        self.firsts_ = np.full(n_tasks, np.nan)
        self.moments_ = new_moments(n_tasks)

    def weights(self, losses: np.ndarray | None, present: np.ndarray) -> np.ndarray:
        """Give the weights; see `BalancingState`."""
        return self.weights_

    def end_step(self, record: StepRecord) -> None:
        """Move the weights of the tasks that are present.

        Parameters
        ----------
        record : StepRecord
            Losses and lengths that are infinite or NaN move nothing.
        """
        where = record.present & np.isfinite(record.losses)
        new = where & np.isnan(self.firsts_)
        self.firsts_[new] = record.losses[new]
        if record.norms is None:
            return
        where &= np.isfinite(record.norms)
        if not where.any():
            return
        lengths = self.weights_[where] * record.norms[where]
        ratios = record.losses[where] / self.firsts_[where]
        wanted = lengths.mean() * (ratios / ratios.mean()) ** self.alpha
        slope = np.zeros(len(where))
        slope[where] = np.sign(lengths - wanted) * record.norms[where]
        total = self.weights_[where].sum()
        adam_step(self.weights_, self.moments_, slope, where, self.lr)
        moved = np.maximum(self.weights_[where], _LEAST)
        self.weights_[where] = moved * (total / moved.sum())
