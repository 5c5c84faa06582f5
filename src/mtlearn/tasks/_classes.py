"""The classes that a user declares."""

import numbers
from typing import Any

import numpy as np

from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks._read import narrow


def declared_classes(declared: Any, owner: str) -> np.ndarray:
    """Read the `classes` parameter of a classification.

    Parameters
    ----------
    declared : int or sequence of labels
        What the user declared.
    owner : str
        The task, for messages.

    Returns
    -------
    ndarray of shape (n_classes,)
        Distinct labels in order.
    """
    if isinstance(declared, numbers.Number):
        return np.arange(check_integer(declared, "classes", owner, low=1))
    given = np.atleast_1d(np.asarray(declared, dtype=object))
    try:
        labels, present = narrow(given, "classes")
        classes = np.unique(labels[present])
    except InvalidDataError:
        classes = given[:0]
    if isinstance(declared, str) or not 0 < len(classes) == len(given):
        raise InvalidParameterError(
            f"The 'classes' parameter of {owner} must be None, a number of "
            "classes, or a sequence of distinct labels: all strings, all booleans "
            f"or all numbers. Got {declared!r} instead."
        )
    return classes
