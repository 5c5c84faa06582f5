"""The optimiser and its learning rates, checked."""

import math
from typing import Any

import torch

from mtlearn._utils._partial import Partial
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn.estimators._course import AUTO, default_rate, read_epochs, read_schedule
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training import Precision, Rates, resolve_optimizer


def read_positive(estimator: Any, name: str, owner: str) -> float | None:
    """Check a number above 0, or None."""
    value = getattr(estimator, name)
    if value is None:
        return None
    return check_real(value, name, owner, low=0, include_low=False)


def read_course(
    estimator: Any,
    backbone: Partial,
    callbacks: tuple[Any, ...],
    precision: Precision,
    device: torch.device,
) -> dict[str, Any]:
    """Check what moves the weights, and for how long.

    Parameters
    ----------
    estimator : estimator
        Whose parameters to read.
    backbone : Partial
        Its class and arguments.
    callbacks : tuple
        The user's skorch callbacks.
    precision : Precision
        What to compute in.
    device : torch.device
        Where.

    Returns
    -------
    dict
        Arguments of `Settings`.
    """
    owner = type(estimator).__name__
    optimizer = read_optimizer(estimator, precision, device)
    schedule = read_schedule(estimator, optimizer, callbacks)
    rates = read_rates(estimator, schedule, backbone, owner)
    _check_steps(optimizer, rates, precision, owner)
    return {
        "optimizer": optimizer,
        "schedule": schedule,
        "rates": rates,
        "rate_is_given": estimator.lr is not None,
        "epochs": read_epochs(estimator, callbacks),
    }


def read_optimizer(
    estimator: Any, precision: Precision, device: torch.device
) -> Partial:
    """Check the optimiser."""
    owner = type(estimator).__name__
    decay = check_real(estimator.weight_decay, "weight_decay", owner, low=0)
    skips = precision.autocast is torch.float16
    return resolve_optimizer(estimator.optimizer, decay, device, owner, skips=skips)


def read_rates(
    estimator: Any, schedule: Partial | None, backbone: Partial, owner: str
) -> Rates:
    """Check the learning rates; one that is to be found is NaN."""
    of_backbone = read_positive(estimator, "backbone_lr", owner)
    decay = _read_layer_decay(estimator.layer_decay, owner)
    if isinstance(estimator.lr, str):
        if estimator.lr != AUTO:
            raise ParameterTypeError(
                f"The 'lr' parameter of {owner} must be None, a number above 0 or "
                f"{AUTO!r}. Got {short(estimator.lr)} instead."
            )
        if of_backbone is not None:
            raise InvalidParameterError(
                f"The 'backbone_lr' parameter of {owner} must be None with "
                f"lr={AUTO!r}, which finds one rate. Got {of_backbone!r} instead. Use "
                "layer_decay, or take both from a rate that find_lr suggests."
            )
        return Rates(math.nan, None, decay)
    if estimator.lr is None:
        return Rates(default_rate(schedule, backbone), of_backbone, decay)
    lr = check_real(estimator.lr, "lr", owner, low=0, include_low=False)
    return Rates(lr, of_backbone, decay)


def _read_layer_decay(value: Any, owner: str) -> float | None:
    if value is None:
        return None
    decay = check_real(value, "layer_decay", owner, low=0, high=1, include_low=False)
    return None if decay == 1 else decay


def _check_steps(
    optimizer: Partial, rates: Rates, precision: Precision, owner: str
) -> None:
    if rates.parameter is not None and optimizer.cls is torch.optim.LBFGS:
        raise InvalidParameterError(
            f"The {rates.parameter!r} parameter of {owner} must be None with LBFGS, "
            "which has one learning rate for all weights. Choose another optimizer."
        )
    if precision.name == "float16" and optimizer.cls is torch.optim.LBFGS:
        raise InvalidParameterError(
            f"The 'precision' parameter of {owner} is 'float16', whose scaled loss "
            "LBFGS cannot take several times in a step. Use "
            "'bfloat16' or 'float32', or another optimizer."
        )
