"""The geometric mean of losses."""

from typing import ClassVar

import numpy as np

from mtlearn.losses.balancing._base import Balancing, BalancingState


class GLS(Balancing):
    """Geometric loss strategy: training follows the geometric mean of the losses.

    Of n tasks that are present, the weight of each is the geometric mean of their
    losses over n times its own: with these weights the gradient is that of the
    geometric mean. It is the same for losses in any units, so that a task's own
    `weight` changes no direction. Losses must be above 0.

    References
    ----------
    .. [1] S. Chennupati, G. Sistu, S. Yogamani, S. A. Rawashdeh, "MultiNet++:
       Multi-Stream Feature Aggregation and Geometric Loss Strategy for Multi-Task
       Learning", CVPR Workshops 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.losses import GLS
    >>> state = GLS().start(np.ones(2), seed=0)
    >>> state.weights(np.array([1.0, 4.0]), np.array([True, True]))
    array([1.  , 0.25])
    """

    needs_positive: ClassVar[bool] = True

    def start(self, factors: np.ndarray, seed: int) -> "GLSState":
        """Give a new state; see `Balancing`."""
        return GLSState()


class GLSState(BalancingState):
    """Nothing is carried on."""

    def weights(self, losses: np.ndarray | None, present: np.ndarray) -> np.ndarray:
        """Give the weights; see `BalancingState`."""
        assert losses is not None
        known = np.where(present, losses, 1.0)
        n_present = max(np.count_nonzero(present), 1)
        mean = np.exp(np.log(known).sum() / n_present)
        return mean / (n_present * known)
