"""Objects as the labels that they are, of one type."""

import numbers
from typing import Any

import numpy as np

from mtlearn._utils._frames import plain
from mtlearn._utils._listing import listed
from mtlearn._utils._missing import is_missing
from mtlearn.exceptions import InvalidDataError


def _label_type(label: Any) -> Any:
    if isinstance(label, str):
        return str
    if isinstance(label, bool | np.bool_):
        return bool
    if isinstance(label, numbers.Integral):
        return int
    return float if isinstance(label, numbers.Real) else None


def _of_kind(label: Any, kind: type) -> Any:
    # Members of an Enum and numpy's scalars are the labels that they equal; their own
    # types would show in predictions.
    return plain(label) if kind is str else kind(label)


def plain_label(label: Any) -> Any:
    """Give a label as Python's own text, truth value or number.

    Parameters
    ----------
    label : object
        A label, or anything else, which is left as it is.

    Returns
    -------
    object
        What the label equals.
    """
    kind = _label_type(label)
    return label if kind is None else _of_kind(label, kind)


def narrow(
    values: np.ndarray, what: str, *, mixed: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Give an object array the type of its labels, with a mask of those there are.

    Where they may be `mixed`, text and numbers stay objects.
    """
    present = np.array([not is_missing(value) for value in values], dtype=bool)
    labels = values[present].tolist()
    types = {_label_type(label) for label in labels}
    if mixed and len(types) > 1 and None not in types:
        kept = np.full(len(values), None, dtype=object)
        kept[present] = [plain_label(label) for label in labels]
        return kept, present
    if types == {int, float}:
        _check_exact(labels, what)
        types = {float}
    if len(types) > 1 or None in types:
        kinds = sorted({type(label).__name__ for label in labels})
        raise InvalidDataError(
            f"{what} mixes labels of the types {listed(kinds)}, or holds something "
            "that is no label. Pass strings, booleans or numbers."
        )
    kind = types.pop() if types else str
    labels = [_of_kind(label, kind) for label in labels]
    dtype = object if kind is str else _fitting_dtype(kind, labels, what)
    narrowed = np.full(len(values), "" if kind is str else 0, dtype=dtype)
    narrowed[present] = np.array(labels, dtype=dtype)
    return narrowed, present


def _fitting_dtype(kind: type, labels: list[Any], what: str) -> np.dtype:
    """Give a type of numbers that holds them all, of whole ones exactly."""
    if kind is not int:
        return np.dtype(kind)
    low, high = min(labels, default=0), max(labels, default=0)
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.dtype(dtype)
    raise InvalidDataError(
        f"{what} has a whole number that does not fit into 64 bits. Pass "
        "floating-point numbers, or strings if they are labels."
    )


def _check_exact(labels: list[Any], what: str) -> None:
    """Raise if a whole number among real ones is no float."""
    for label in labels:
        if isinstance(label, numbers.Integral) and not _is_float(int(label)):
            raise InvalidDataError(
                f"{what} has real values and the whole number {label}, which a float "
                "of 64 bits would round. Pass whole numbers only, or strings if they "
                "are labels, or round it yourself."
            )


def _is_float(whole: int) -> bool:
    try:
        return int(float(whole)) == whole
    except OverflowError:
        return False
