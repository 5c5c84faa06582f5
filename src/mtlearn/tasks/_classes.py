"""The classes that a user declares, or that labels show."""

import numbers
from typing import Any

import numpy as np

from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks._narrow import narrow


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


def learned_classes(labels: np.ndarray, name: str) -> np.ndarray:
    """Give the classes of labels, which must not be real values.

    Parameters
    ----------
    labels : ndarray of shape (n_labelled,)
        Labels, none of them missing.
    name : str
        The task's name, for messages.

    Returns
    -------
    ndarray of shape (n_classes,)
        Distinct labels in order.
    """
    real = labels[labels % 1 != 0] if labels.dtype.kind == "f" else []
    if len(real):
        raise InvalidDataError(
            f"Unknown label type: continuous. Task {name!r} is a classification and "
            f"got real values such as {real[0]}. Declare it as Regression(), or pass "
            "class labels."
        )
    return np.unique(labels)


def of_one_sign(
    labels: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give whole labels the sign that those of the classes have, and tell which fit.

    numpy compares uint64 with signed integers as floats, to which large ones are alike.
    """
    kinds = labels.dtype.kind + classes.dtype.kind
    if kinds not in ("iu", "ui") or np.result_type(labels, classes).kind != "f":
        return labels, np.ones(len(labels), bool)
    cast = labels.astype(np.int64 if kinds == "ui" else np.uint64)
    return cast, (cast >= 0) == (labels >= 0)
