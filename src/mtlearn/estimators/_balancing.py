"""The weights of losses that are found while training, checked with the rest."""

from typing import Any

import torch

from mtlearn._utils._partial import Partial
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import Balancing
from mtlearn.training import resolve_balancing


def read_balancing(estimator: Any, owner: str) -> Balancing | None:
    """Check the parameter, and what it does not go with.

    Parameters
    ----------
    estimator : estimator
        With its parameters.
    owner : str
        Its class, for messages.

    Returns
    -------
    Balancing or None
        None for weights that stay the same.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is not what it must be, or does not go with another parameter.
    """
    balancing = resolve_balancing(estimator.loss_weights, owner)
    if balancing is None:
        return None
    name = type(balancing).__name__
    if balancing.needs_norms and estimator.freeze_backbone:
        raise InvalidParameterError(
            f"The 'loss_weights' parameter of {owner} is {name}, which looks at "
            "gradients in the backbone. Set freeze_backbone=False, or choose another "
            "way, such as 'uncertainty'."
        )
    if not balancing.suits_closures and is_lbfgs(estimator.optimizer):
        raise InvalidParameterError(
            f"The 'loss_weights' parameter of {owner} is {name}, which weighs each "
            "step anew, and LBFGS computes the loss several times in a step. Choose "
            "another optimizer, or 'uncertainty', 'dwa' or 'gls'."
        )
    return balancing


def is_lbfgs(optimizer: Any) -> bool:
    """Tell whether an optimiser, as an estimator is given it, is torch's LBFGS."""
    cls = optimizer.cls if isinstance(optimizer, Partial) else optimizer
    return isinstance(cls, type) and issubclass(cls, torch.optim.LBFGS)
