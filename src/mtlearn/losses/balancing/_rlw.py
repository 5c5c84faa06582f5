"""Weights that are drawn for each step."""

from typing import ClassVar

import numpy as np

from mtlearn.losses.balancing._base import Balancing, BalancingState, StepRecord


class RLW(Balancing):
    """Random loss weighting: weights are drawn anew for each step.

    They are the softmax of normal numbers, over the tasks that are present, times how
    many these are. On average tasks count the same: it is what other methods must be
    better than.

    References
    ----------
    .. [1] B. Lin, F. Ye, Y. Zhang, I. W. Tsang, "Reasonable Effectiveness of Random
       Weighting: A Litmus Test for Multi-Task Learning", TMLR 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.losses import RLW
    >>> state = RLW().start(np.ones(3), seed=0)
    >>> weights = state.weights(None, np.array([True, False, True]))
    >>> bool(weights[1] == 0), float(weights.sum())
    (True, 2.0)
    """

    reads_losses: ClassVar[bool] = False
    suits_closures: ClassVar[bool] = False

    def start(self, factors: np.ndarray, seed: int) -> "RLWState":
        """Give a new state; see `Balancing`."""
        return RLWState(len(factors), seed)


class RLWState(BalancingState):
    """A generator, and what it has drawn for this step.

    Parameters
    ----------
    n_tasks : int
        How many.
    seed : int
        Of the generator.
    """

    def __init__(self, n_tasks: int, seed: int) -> None:
        self.generator_ = np.random.default_rng(seed)
        self.drawn_ = self.generator_.standard_normal(n_tasks)

    def weights(self, losses: np.ndarray | None, present: np.ndarray) -> np.ndarray:
        """Give the weights; see `BalancingState`."""
        shares = np.where(present, np.exp(self.drawn_), 0.0)
        return shares * present.sum() / max(shares.sum(), np.finfo(float).tiny)

    def end_step(self, record: StepRecord) -> None:
        """Draw for the next step.

        Parameters
        ----------
        record : StepRecord
            Not used.
        """
        self.drawn_ = self.generator_.standard_normal(len(self.drawn_))
