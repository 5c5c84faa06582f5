"""Labels, predictions and weights of the same rows, as vectors."""

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from mtlearn._utils._listing import listed
from mtlearn._utils._masks import refuse_mask
from mtlearn.exceptions import InvalidDataError


def paired_columns(
    y_true: Any, y_pred: Any, sample_weight: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check what is compared row by row: a column beside a vector would be a matrix.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, 1)
        Labels or values.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    y_true, y_pred, weight : ndarray of shape (n_samples,)
        The same, with weights of one where there are none.

    Raises
    ------
    InvalidDataError, DataTypeError, ValueError
        If one of them has another shape, length or type, a mask, a missing label, or
        negative weights.
    """
    refuse_masked_predictions(y_true=y_true, y_pred=y_pred, sample_weight=sample_weight)
    true, predicted = column_or_1d(y_true), column_or_1d(y_pred)
    weight = weight_column(sample_weight, len(true))
    check_consistent_length(true, predicted, weight)
    _check_present(y_true=true, y_pred=predicted)
    check_one_type(y_true=true, y_pred=predicted)
    return true, predicted, weight


def refuse_masked_predictions(**given: Any) -> None:
    """Raise where labels, predictions or weights that belong together are masked."""
    for name, value in given.items():
        refuse_mask(value, name, "Leave what is masked out.")


def _check_present(**columns: np.ndarray) -> None:
    for name, column in columns.items():
        if column.dtype.kind not in "fO":
            continue
        # NaN, and what pandas has for missing, are not equal to themselves.
        missing = (
            each is None or (each == each) is not True for each in column.tolist()
        )
        row = next((i for i, is_missing in enumerate(missing) if is_missing), None)
        if row is not None:
            raise InvalidDataError(
                f"Row {row} of {name} is missing: {column[row]}. Leave such rows out."
            )


def check_one_type(**columns: np.ndarray) -> None:
    """Raise where some labels are text and others numbers: none would be equal.

    Parameters
    ----------
    **columns : ndarray of shape (n_labels,)
        Labels, by the names of their arguments.

    Raises
    ------
    InvalidDataError
        If the first label of one is a string, and that of another is not.
    """
    text = {
        name: isinstance(each[0], str) for name, each in columns.items() if len(each)
    }
    if len(set(text.values())) > 1:
        found = (
            f"{name} is {'text' if is_text else 'numbers'}"
            for name, is_text in text.items()
        )
        raise InvalidDataError(
            "The labels are of different types, of which none are equal: "
            f"{listed(found)}. Convert one of them."
        )


def weight_column(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Give weights as a vector of floats, of ones if there are none.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        What the user gave.
    n_samples : int
        How many rows there are.

    Returns
    -------
    ndarray of shape (n_samples,)
        Weights, not negative; of whatever length was given.
    """
    if sample_weight is None:
        return np.ones(n_samples)
    weight = column_or_1d(sample_weight, dtype=np.float64)
    if (weight < 0).any():
        raise InvalidDataError("sample_weight must not be negative.")
    return weight
