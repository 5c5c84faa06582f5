"""Optimisers by name, class or Partial."""

import inspect
from typing import Any

import torch

from mtlearn._utils._partial import Partial
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training._parts import resolve_part

_NAMES = {
    "adam": Partial(torch.optim.Adam),
    "adamw": Partial(torch.optim.AdamW),
    "sgd": Partial(torch.optim.SGD, momentum=0.9, nesterov=True),
}


# One kernel for all weights. By class, those only that take no sparse gradients in any
# form: the fused ones never do.
_FUSED = (torch.optim.Adam, torch.optim.AdamW)
_FUSED_DEVICES = ("cpu", "cuda")


def resolve_optimizer(
    value: Any,
    weight_decay: float,
    device: torch.device,
    owner: str,
    *,
    skips: bool = False,
) -> Partial:
    """Return the optimiser that a user named.

    Parameters
    ----------
    value : str, class or Partial
        What the user gave.
    weight_decay : float
        Goes to the optimiser unless the Partial has one of its own.
    device : torch.device
        Where to compute; an optimiser that torch has in a fused form there is used so,
        unless the Partial says how it is to be implemented.
    owner : str
        The estimator, for the message.
    skips : bool, default=False
        Whether steps are left out where a scaled gradient is infinite.

    Returns
    -------
    Partial
        A torch optimiser class with its arguments.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If there is no such optimiser, it takes no weight decay, or it has a learning
        rate of its own.
    """
    if isinstance(value, str):
        if value not in _NAMES:
            raise InvalidParameterError(
                f"The 'optimizer' parameter of {owner} must be one of "
                f"{', '.join(map(repr, _NAMES))}, a torch optimiser class or "
                f"Partial(a class). Got {short(value)} instead."
            )
        found = _NAMES[value]
    else:
        filled = ("params", "lr", "weight_decay")
        found = resolve_part(value, torch.optim.Optimizer, "optimizer", owner, filled)
    if "lr" in found.kwargs:
        raise InvalidParameterError(
            f"The 'optimizer' parameter of {owner} must leave the learning rate to "
            f"'lr'. Got {short(value)} instead."
        )
    takes_decay = "weight_decay" in inspect.signature(found.cls).parameters
    if weight_decay and not takes_decay:
        raise InvalidParameterError(
            f"The 'weight_decay' parameter of {owner} must be 0 with "
            f"{found.cls.__name__}, which takes none. Got {weight_decay!r} instead."
        )
    decay = {"weight_decay": weight_decay} if takes_decay else {}
    by_name = isinstance(value, str)
    # Its fused form never computes the momentum that a first step left out would have.
    is_wrong = skips and found.cls is torch.optim.SGD
    fused = {} if is_wrong else _ask_for_fused(found, device, by_name)
    return Partial(found.cls, **{**decay, **fused, **found.kwargs})


def _ask_for_fused(
    optimizer: Partial, device: torch.device, by_name: bool
) -> dict[str, bool]:
    """Return the argument that asks for the fused form, where there is one."""
    decided = {"fused", "foreach", "differentiable"} & set(optimizer.kwargs)
    known = by_name or optimizer.cls in _FUSED
    if known and device.type in _FUSED_DEVICES and not decided:
        return {"fused": True}
    return {}
