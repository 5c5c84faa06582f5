"""Weights by how fast each loss has fallen."""

from typing import ClassVar

import numpy as np

from mtlearn._utils._validation import check_real
from mtlearn.losses.balancing._base import Balancing, BalancingState


class DWA(Balancing):
    """Dynamic weight average: what has fallen less counts more in the next epoch.

    With r the ratio of a task's mean training losses in the last epoch and in the one
    before, the weights of an epoch are the softmax of ``r / temperature``, times the
    number of tasks. They are 1 in the first two epochs. A task without a label in the
    last epoch is left out, and the ratio is 1 where there are not two losses above 0 to
    compare.

    Parameters
    ----------
    temperature : float, default=2.0
        Above 0; the larger, the more even the weights.

    References
    ----------
    .. [1] S. Liu, E. Johns, A. J. Davison, "End-to-End Multi-Task Learning with
       Attention", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.losses import DWA
    >>> state = DWA().start(np.ones(2), seed=0)
    >>> state.end_epoch(np.array([4.0, 1.0]))
    >>> state.end_epoch(np.array([1.0, 1.0]))  # the first one has fallen to a quarter
    >>> state.weights(None, np.array([True, True])).round(3)
    array([0.815, 1.185])
    """

    reads_losses: ClassVar[bool] = False

    def __init__(self, temperature: float = 2.0) -> None:
        self.temperature = temperature

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
        where = f"the DWA of {owner}"
        check_real(self.temperature, "temperature", where, low=0, include_low=False)

    def start(self, factors: np.ndarray, seed: int) -> "DWAState":
        """Give a new state; see `Balancing`."""
        return DWAState(len(factors), self.temperature)


class DWAState(BalancingState):
    """The losses of the last epoch, and the weights of this one.

    Parameters
    ----------
    n_tasks : int
        How many.
    temperature : float
        See `DWA`.
    """

    def __init__(self, n_tasks: int, temperature: float) -> None:
        self.temperature = temperature
        self.losses_ = np.full(n_tasks, np.nan)
        self.weights_ = np.ones(n_tasks)

    def weights(self, losses: np.ndarray | None, present: np.ndarray) -> np.ndarray:
        """Give the weights; see `BalancingState`."""
        return self.weights_

    def end_epoch(self, losses: np.ndarray) -> None:
        """Find the weights of the next epoch.

        Parameters
        ----------
        losses : ndarray of shape (n_tasks,)
            NaN of a task that was absent.
        """
        ratios = np.ones(len(losses))
        both = (losses > 0) & (self.losses_ > 0)
        np.divide(losses, self.losses_, out=ratios, where=both)
        known = ~np.isnan(losses)
        self.weights_ = np.ones(len(losses))
        if known.any():
            powers = ratios[known] / self.temperature
            shares = np.exp(powers - powers.max())
            self.weights_[known] = known.sum() * shares / shares.sum()
        self.losses_ = losses
