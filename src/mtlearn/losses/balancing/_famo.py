"""Weights by which all losses fall at the same rate."""

from typing import ClassVar

import numpy as np

from mtlearn._utils._validation import check_integer, check_real
from mtlearn.losses.balancing._adam import adam_step, new_moments
from mtlearn.losses.balancing._base import Balancing, BalancingState, StepRecord


class FAMO(Balancing):
    """Fast adaptive multitask optimization: losses are to fall at the same rate.

    Of the tasks that are present, with z the softmax of a number that each has, the
    weight is in proportion to ``z / loss``, and weights sum up to how many tasks they
    are (in [1]_ to 1, which is the same direction at another rate). At a step that is
    looked at, the batch goes through the network a second time, without gradients, with
    the same dropout, and without a trace in batch normalisation: the numbers take a
    step of Adam, by which tasks whose logarithm of the loss has fallen less count more.
    Losses must be above 0.

    Parameters
    ----------
    lr : float, default=0.025
        Learning rate of these numbers, above 0.
    decay : float, default=0.01
        Their weight decay, not negative, which draws them back to the same value.
    every : int, default=10
        At which steps to look: each so many. 1 is what [1]_ does, at the cost of a
        pass more in each step; with 10, training takes little longer than with equal
        weights.

    References
    ----------
    .. [1] B. Liu, Y. Feng, P. Stone, Q. Liu, "FAMO: Fast Adaptive Multitask
       Optimization", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.losses import FAMO
    >>> state = FAMO(every=1).start(np.ones(2), seed=0)
    >>> state.weights(np.array([1.0, 3.0]), np.array([True, True]))
    array([1.5, 0.5])
    """

    needs_positive: ClassVar[bool] = True
    suits_closures: ClassVar[bool] = False

    def __init__(self, lr: float = 0.025, decay: float = 0.01, every: int = 10) -> None:
        self.lr = lr
        self.decay = decay
        self.every = every

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
        where = f"the FAMO of {owner}"
        check_real(self.lr, "lr", where, low=0, include_low=False)
        check_real(self.decay, "decay", where, low=0)
        check_integer(self.every, "every", where, low=1)

    def start(self, factors: np.ndarray, seed: int) -> "FAMOState":
        """Give a new state; see `Balancing`."""
        return FAMOState(len(factors), self.lr, self.decay, self.every)


class FAMOState(BalancingState):
    """The numbers, and how many steps were taken.

    Parameters
    ----------
    n_tasks : int
        How many.
    lr, decay, every : float, float and int
        See `FAMO`.
    """

    def __init__(self, n_tasks: int, lr: float, decay: float, every: int) -> None:
        self.lr = lr
        self.decay = decay
        self.every = every
        self.logits_ = np.zeros(n_tasks)
        self.moments_ = new_moments(n_tasks)
        self.n_steps_ = 0

    @property
    def looks_again(self) -> bool:
        """Whether this step is one that is looked at."""
        return (self.n_steps_ + 1) % self.every == 0

    def weights(self, losses: np.ndarray | None, present: np.ndarray) -> np.ndarray:
        """Give the weights; see `BalancingState`."""
        assert losses is not None
        raw = self._shares(present) / np.where(present, losses, 1.0)
        return raw * present.sum() / max(raw.sum(), np.finfo(float).tiny)

    def end_step(self, record: StepRecord) -> None:
        """Move the numbers of the tasks that are present, if the step is looked at.

        Parameters
        ----------
        record : StepRecord
            Losses that are infinite or NaN move nothing.
        """
        self.n_steps_ += 1
        if record.after is None:
            return
        where = record.present & np.isfinite(record.losses) & np.isfinite(record.after)
        before, after = (
            np.log(np.where(where, each, 1.0)) for each in (record.losses, record.after)
        )
        fallen, shares = before - after, self._shares(where)
        slope = shares * (fallen - shares @ fallen) + self.decay * self.logits_
        adam_step(self.logits_, self.moments_, slope, where, self.lr)

    def _shares(self, present: np.ndarray) -> np.ndarray:
        """Give the softmax over some tasks, and 0 for the others."""
        powers = np.where(present, np.exp(self.logits_ - self.logits_.max()), 0.0)
        return powers / max(powers.sum(), np.finfo(float).tiny)
