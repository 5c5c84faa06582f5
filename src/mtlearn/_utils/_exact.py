"""Whole numbers that floats would round."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# All whole numbers up to here are floats of 64 bits.
_WHOLE = 2**53


def exact_array(labels: Any) -> np.ndarray:
    """Make an array of labels that changes none of them.

    Parameters
    ----------
    labels : array-like
        A list, say, in which one label is text or real and others are not.

    Returns
    -------
    ndarray
        Of objects where numpy would make text of a missing label, or a rounded float of
        a whole number.
    """
    array = np.asarray(labels)
    if hasattr(labels, "dtype"):
        return array
    rounds = array.dtype.kind == "f" and (np.abs(array) >= _WHOLE).any()
    if rounds or array.dtype.kind == "U":
        return np.asarray(labels, dtype=object)
    return array


def exact_join(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Join arrays of labels, as objects where whole numbers would become floats.

    Parameters
    ----------
    parts : sequence of ndarray
        From `exact_array`, at least one.

    Returns
    -------
    ndarray
        All labels.
    """
    if np.result_type(*parts).kind == "f" and any(map(are_large, parts)):
        parts = [part.astype(object) for part in parts]
    return np.concatenate(parts)


def are_large(whole: np.ndarray) -> bool:
    """Tell whether there are whole numbers that floats may round.

    Parameters
    ----------
    whole : ndarray
        Of any type.

    Returns
    -------
    bool
        False of what are no whole numbers.
    """
    if whole.dtype.kind not in "iu":
        return False
    return bool(((whole >= _WHOLE) | (whole <= -_WHOLE)).any())


def first_rounded(labels: np.ndarray) -> int | None:
    """Find a number that is no float of 64 bits.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Whole or real numbers, or truth values. Real numbers of more than 64 bits may
        lose digits, but not more than a hundredth of their spread.

    Returns
    -------
    int or None
        The place of the first one; None if all are kept.
    """
    if labels.dtype.kind in "iu":
        large = np.flatnonzero((labels > _WHOLE) | (labels < -_WHOLE))
        rounded = (i for i in large if int(float(labels[i])) != int(labels[i]))
        return next(map(int, rounded), None)
    if labels.dtype.kind == "f" and labels.dtype.itemsize > 8 and len(labels):
        lost = np.abs(labels - labels.astype(np.float64))
        return int(lost.argmax()) if rounds_away(labels, np.float64) else None
    return None


def rounds_away(values: np.ndarray, dtype: Any) -> bool:
    """Tell whether a type takes away more than a hundredth of the values' spread.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Finite real numbers.
    dtype : dtype
        A shorter type, in whose range they are.

    Returns
    -------
    bool
        False of values that are all the same.
    """
    if not len(values):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        lost = values - values.astype(dtype)
        return bool(lost.std() > 0.01 * values.std())
