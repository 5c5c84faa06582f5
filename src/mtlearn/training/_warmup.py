"""A learning rate that warms up, and then goes down along a cosine."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_integer, check_real
from mtlearn.exceptions import InvalidParameterError


class WarmupCosineLR(LRScheduler):
    """Raise the learning rate linearly, then lower it along half a cosine.

    With the rate `lr` of a group of weights and w for `warmup`, epoch t (from 0) has
    the rate ``lr * (t + 1) / (w + 1)`` in the first w epochs, so that epoch w is the
    first one with the full rate. From there a cosine leads down to `eta_min` at epoch
    `T_max`, where the rate stays.

    As `lr_schedule` of an estimator, what is left open follows from the training:
    `T_max` is its epochs, `eta_min` a tenth of the rate of each group, and `warmup` a
    tenth of the epochs, at most five.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Whose rate to set.
    T_max : int
        Epochs until the lowest rate, warm-up included; at least 1.
    warmup : int, default=5
        Epochs below the full rate, not negative. If it is not below `T_max`, the
        lowest rate follows the full one at once.
    eta_min : float or sequence of float, default=0.0
        Lowest rate, not negative, of all groups or of each. A group whose own rate is
        lower keeps that instead.
    last_epoch : int, default=-1
        As in torch's schedulers.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If a parameter is not what it must be.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm
       Restarts", ICLR 2017.
    .. [2] P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1
       Hour", 2017.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.training import WarmupCosineLR
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    >>> schedule = WarmupCosineLR(optimizer, 4, warmup=2)
    >>> rates = []
    >>> for epoch in range(6):
    ...     rates.append(round(schedule.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.1, 0.2, 0.3, 0.15, 0.0, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        *,
        warmup: int = 5,
        eta_min: float | Sequence[float] = 0.0,
        last_epoch: int = -1,
    ) -> None:
        # As in torch's schedulers, here: the base class takes a first step.
        owner = type(self).__name__
        self.T_max = check_integer(T_max, "T_max", owner, low=1)
        self.warmup = check_integer(warmup, "warmup", owner, low=0)
        self.eta_min = _read_lowest(eta_min, len(optimizer.param_groups), owner)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """Compute the rate of each group of weights in the present epoch.

        Returns
        -------
        list of float
            In the order of the optimiser's groups.
        """
        epoch, warmup = self.last_epoch, self.warmup
        if epoch < warmup:
            return [lr * (epoch + 1) / (warmup + 1) for lr in self.base_lrs]
        done = min(1.0, (epoch - warmup) / max(1, self.T_max - warmup))
        share = (1 + math.cos(math.pi * done)) / 2
        given = self.eta_min
        if not isinstance(given, list):
            given = [given] * len(self.base_lrs)
        return [
            low + (lr - low) * share
            for low, lr in zip(
                map(min, given, self.base_lrs), self.base_lrs, strict=True
            )
        ]


def _read_lowest(value: Any, n_groups: int, owner: str) -> float | list[float]:
    """Check the lowest rate of all groups, or those of each."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return check_real(value, "eta_min", owner, low=0)
    if len(value) != n_groups:
        raise InvalidParameterError(
            f"The 'eta_min' parameter of {owner} must be a number, or one for each of "
            f"the {n_groups} groups of weights. Got {short(value)} instead."
        )
    return [check_real(each, "eta_min", owner, low=0) for each in value]
