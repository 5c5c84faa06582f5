"""Columns whose cells are sets of labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._missing import is_missing
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._narrow import plain_label

_SETS = (list, tuple, set, frozenset, np.ndarray)


def holds_sets(held: Any, sep: str | None) -> bool:
    """Tell whether a column holds sets of labels, by its first cell that is there.

    Parameters
    ----------
    held : array-like
        A column of y.
    sep : str or None
        What is between the labels of a text; None where no text is a set.

    Returns
    -------
    bool
        Of an empty column, whether there is a `sep`.
    """
    if is_empty(held):
        return sep is not None
    cell = first_of(held)
    return isinstance(cell, _SETS) or (sep is not None and isinstance(cell, str))


def first_of(held: Any) -> Any:
    """Give the first cell of a column that is there; None of an empty column."""
    return next((cell for cell in _cells(held) if not is_missing(cell)), None)


def is_empty(held: Any) -> bool:
    """Tell whether every cell of a column is missing."""
    return first_of(held) is None


def read_sets(held: Any, sep: str | None, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a column of sets of labels.

    Parameters
    ----------
    held : array-like of shape (n_samples,)
        Lists, tuples, sets, or text with `sep` between labels; None and NaN where a set
        is missing.
    sep : str or None
        What is between the labels of a text.
    name : str
        The task's name, for messages.

    Returns
    -------
    values : ndarray of frozenset of shape (n_samples,)
        Empty where `present` is false.
    present : ndarray of bool of shape (n_samples,)
        False where a row has no labels that are known.

    Raises
    ------
    InvalidDataError
        If a cell is none of these.
    """
    cells = _cells(held)
    values = np.empty(len(cells), dtype=object)
    present = np.ones(len(cells), dtype=bool)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            values[row], present[row] = frozenset(), False
        else:
            values[row] = _as_set(cell, sep, row, name)
    return values, present


def _cells(held: Any) -> Sequence[Any]:
    if isinstance(held, np.ndarray):
        return held.tolist()
    return held.to_list() if hasattr(held, "to_list") else list(held)


def _as_set(cell: Any, sep: str | None, row: int, name: str) -> frozenset:
    if isinstance(cell, str) and sep is not None:
        return frozenset(part for part in map(str.strip, cell.split(sep)) if part)
    if not isinstance(cell, _SETS):
        remedy = (
            "Split texts: y.str.split(), or MultiLabel(sep=...)."
            if isinstance(cell, str)
            else "Pass lists, tuples or sets."
        )
        raise InvalidDataError(
            f"Row {row} of y has {short(cell)} for task {name!r}, where others have "
            f"sets of labels. {remedy}"
        )
    try:
        return frozenset(plain_label(label) for label in cell)
    except TypeError as error:
        raise InvalidDataError(
            f"Row {row} of y has {short(cell)} for task {name!r}, which is no set of "
            "labels: text or whole numbers."
        ) from error


def as_indicators(
    sets: np.ndarray, labels: np.ndarray, rows: np.ndarray | None, name: str
) -> np.ndarray:
    """Give a column of 0 and 1 for each label.

    Parameters
    ----------
    sets : ndarray of frozenset of shape (n_samples,)
        Sets of labels.
    labels : ndarray of shape (n_labels,)
        What each column stands for.
    rows : ndarray of shape (n_samples,) or None
        Row of y of each; None lets unknown labels pass.
    name : str
        The task's name, for messages.

    Returns
    -------
    ndarray of float64 of shape (n_samples, n_labels)
        1 where the label is in the set.

    Raises
    ------
    InvalidDataError
        If a set has a label that is none of these, and `rows` are given.
    """
    places = {label: i for i, label in enumerate(labels.tolist())}
    found = np.zeros((len(sets), len(labels)))
    for number, own in enumerate(sets):
        known = [places[label] for label in own if label in places]
        found[number, known] = 1
        if len(known) < len(own) and rows is not None:
            unknown = sorted(own - places.keys(), key=repr)
            raise InvalidDataError(
                f"Row {rows[number]} of y has the label {unknown[0]!r} for task "
                f"{name!r}, which is none of its labels: "
                f"{listed(map(repr, places))}. Declare MultiLabel(labels=[...])."
            )
    return found


def as_sets(indicators: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give a tuple of labels for each row of 0 and 1."""
    names = labels.tolist()
    sets = np.empty(len(indicators), dtype=object)
    for row, line in enumerate(indicators > 0):
        sets[row] = tuple(names[i] for i in np.flatnonzero(line))
    return sets
