"""Factors on the weights of labels, by class."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from mtlearn._utils._listing import bracketed
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_real
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks._narrow import plain_label

ClassWeight = Literal["balanced"] | Mapping[Any, float] | None


def check_class_weight(value: Any, owner: str) -> None:
    """Raise if a class weight is not what it may be.

    Parameters
    ----------
    value : object
        What the user gave.
    owner : str
        The task, for messages.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is not None, ``"balanced"`` or a mapping to factors.
    """
    if value is None or (isinstance(value, str) and value == "balanced"):
        return
    if not isinstance(value, Mapping):
        raise InvalidParameterError(
            f"The 'class_weight' parameter of {owner} must be None, 'balanced' or "
            f"a mapping from label to factor. Got {short(value)} instead."
        )
    for label, factor in value.items():
        check_real(factor, f"class_weight[{label!r}]", owner, low=0.0)


def class_factors(
    value: ClassWeight, classes: np.ndarray, prior: np.ndarray, owner: str
) -> np.ndarray | None:
    """Give the factor of each class.

    Parameters
    ----------
    value : None, "balanced" or mapping
        A checked class weight.
    classes : ndarray of shape (n_classes,)
        Labels.
    prior : ndarray of shape (n_classes,)
        Weighted share of each class in the training labels.
    owner : str
        The task, for messages.

    Returns
    -------
    ndarray of shape (n_classes,) or None
        Factors; None for one each.

    Raises
    ------
    InvalidParameterError
        If the mapping names a label that is no class, and lacks a class.
    """
    if value is None:
        return None
    if isinstance(value, str):
        # As in scikit-learn: each class that is there weighs the same in sum.
        shares = prior * np.count_nonzero(prior)
        return np.divide(1, shares, out=np.ones_like(shares), where=shares > 0)
    known = classes.tolist()
    factors = {plain_label(label): factor for label, factor in value.items()}
    unknown = [label for label in factors if label not in set(known)]
    # As in scikit-learn: a fold may lack a class, if all it has are named.
    if unknown and not set(known) <= set(factors):
        raise InvalidParameterError(
            f"The 'class_weight' parameter of {owner} names {bracketed(unknown)}, "
            f"which are not among its classes {bracketed(known)}."
        )
    return np.array([factors.get(label, 1.0) for label in known])
