"""What combines the tasks' gradients, checked."""

from typing import Any

from mtlearn.estimators._balancing import is_lbfgs
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses.aggregation import resolve_aggregation
from mtlearn.training import resolve_balancing


def read_aggregation(estimator: Any, owner: str) -> Any:
    """Check the parameter, and what it does not go with.

    Parameters
    ----------
    estimator : estimator
        Whose parameters to read.
    owner : str
        Its class, for messages.

    Returns
    -------
    Aggregation, callable or None
        What weighs the tasks' gradients.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is not what it must be, or does not go with another parameter.
    """
    aggregation = resolve_aggregation(estimator.aggregation, owner)
    if aggregation is None:
        return None
    if resolve_balancing(estimator.loss_weights, owner) is not None:
        raise InvalidParameterError(
            f"The 'aggregation' parameter of {owner} must be None where 'loss_weights' "
            "balances the losses: both weigh the tasks. Give loss_weights numbers, or "
            "leave one of them out."
        )
    if estimator.freeze_backbone:
        raise InvalidParameterError(
            f"The 'aggregation' parameter of {owner} must be None with a frozen "
            "backbone: the tasks then share no weights that train. Set "
            "freeze_backbone=False."
        )
    if is_lbfgs(estimator.optimizer):
        raise InvalidParameterError(
            f"The 'aggregation' parameter of {owner} must be None with LBFGS, which "
            "looks for steps along the gradient of the loss. Choose another optimizer."
        )
    return aggregation
