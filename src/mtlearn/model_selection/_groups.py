"""Groups of samples, as numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlearn._utils._frames import open_series
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._missing import is_missing
from mtlearn._utils._short import short
from mtlearn._utils._tensors import without_tensors
from mtlearn.exceptions import DataTypeError, InvalidDataError


def number_groups(groups: Any) -> NDArray[np.intp]:
    """Give each group a number, in the order in which they come.

    Parameters
    ----------
    groups : array-like of shape (n_samples,)
        Anything that can be compared: numbers, text, dates, an array, a list or a
        Series. Groups that are equal, as 1 and 1.0 are, are one.

    Returns
    -------
    ndarray of shape (n_samples,)
        Numbers 0, 1, ..., whatever the groups are called.

    Raises
    ------
    InvalidDataError
        If a sample has no group, or the shape is another one.
    DataTypeError
        If something cannot be a group.
    """
    cells = _as_objects(groups)
    numbers: dict[Any, int] = {}
    try:
        numbered = [numbers.setdefault(cell, len(numbers)) for cell in cells]
    except TypeError as error:
        raise DataTypeError(
            "The 'groups' parameter holds something that is no group, as it has no "
            f"hash: {error}. Pass numbers or text."
        ) from error
    for cell, number in numbers.items():
        if is_missing(cell):
            raise InvalidDataError(
                f"The 'groups' parameter has {short(cell)} in row "
                f"{numbered.index(number)}, which is no group. Give each row that is "
                "in none one of its own."
            )
    return np.array(numbered, dtype=np.intp)


def _as_objects(groups: Any) -> list[Any]:
    """List the groups as they are; an array of them might make text of numbers."""
    refuse_mask(groups, "groups", "Give rows that are in no group one of their own.")
    groups = without_tensors(groups, "groups")
    if isinstance(groups, list | tuple):
        return [each.item() if _is_scalar(each) else each for each in groups]
    series = open_series(groups)
    if series is not None:
        return series.to_list()
    # As objects, whole numbers beside missing ones of pandas are not rounded.
    is_plain = isinstance(getattr(groups, "dtype", None), np.dtype | None)
    array = np.asarray(groups, dtype=None if is_plain else object)
    if array.ndim != 1:
        raise InvalidDataError(
            "The 'groups' parameter must have the shape (n_samples,), one group for "
            f"each sample. Got the shape {array.shape} instead."
        )
    if array.dtype.kind in "mM":
        return list(array)
    return array.tolist()


def _is_scalar(cell: Any) -> bool:
    """Tell an array without dimensions, which a tensor in a list has become."""
    return isinstance(cell, np.ndarray) and cell.ndim == 0
