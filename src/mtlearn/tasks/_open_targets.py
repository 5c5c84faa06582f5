"""Labels that are to be scored, some of which are of none of the classes."""

import numbers
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from mtlearn._utils._tensors import without_tensors
from mtlearn.tasks._codec import Codec
from mtlearn.tasks._read import RawColumn, RawTargets, read_raw
from mtlearn.tasks._target import Target, check_scored, read_places


def known_targets(
    codec: Codec, y: Any, names: Collection[str], label: Any
) -> tuple[tuple[Target, ...], dict[str, np.ndarray]]:
    """Read the labels of each labelled task from y, and tell which are of no class.

    Parameters
    ----------
    codec : Codec
        Fitted.
    y : array-like, DataFrame, Series or SliceDict
        Labels.
    names : collection of str
        The tasks in whose columns `label` may stand, whatever else does.
    label : str, int or float
        What stands there where a row is of no class.

    Returns
    -------
    targets : tuple of Target
        Of these tasks, the labels of no class are missing.
    unknown : dict of str to ndarray of bool of shape (n_samples,)
        Rows of these tasks that have `label`, or another one that is no class.
    """
    targets, unknown = _marked(codec, y, names, label)
    known = []
    for target in targets:
        if target.name in unknown:
            is_class = target.present & target.task.knows(target.values)
            unknown[target.name] |= target.present & ~is_class
            target = replace(target, present=is_class)
        known.append(target)
    return tuple(known), unknown


def open_targets(
    codec: Codec, y: Any, names: Collection[str], label: Any
) -> tuple[Target, ...]:
    """Read the labels of each labelled task from y, as they stand there.

    Parameters
    ----------
    codec, y, names, label
        As for `known_targets`.

    Returns
    -------
    tuple of Target
        Of these tasks, labels are objects where one is `label`.
    """
    targets, marked = _marked(codec, y, names, label)
    return tuple(
        _with(target, marked[target.name], label) if target.name in marked else target
        for target in targets
    )


def _marked(
    codec: Codec, y: Any, names: Collection[str], label: Any
) -> tuple[tuple[Target, ...], dict[str, np.ndarray]]:
    """Read the other labels, and tell which rows have this one."""
    raw = read_raw(y)
    places = codec.places(raw)
    marked = {
        name: _without(raw, own[0], label)
        for name, own in zip(codec.labelled.names, places, strict=True)
        if name in names and len(own) == 1
    }
    # Without them: columns are of one type, and labels are known to their tasks.
    targets = read_places(raw, codec.labelled, places)
    for target in targets:
        if target.name in marked:
            labels = target.values[target.present]
            # Where none is of a class, they may all be right but for their type.
            is_class = target.task.knows(labels)
            shown = labels if is_class.any() else labels[:1]
            target.task.check_labels(shown, target.name)
        else:
            check_scored([target], codec.tasks)
    return targets, marked


def _without(raw: RawTargets, place: int, label: Any) -> np.ndarray:
    """Make a label missing in a column, and tell where it was."""
    held = without_tensors(raw.take(place), "y")
    cells, is_text = np.asarray(held), isinstance(label, str)
    if cells.ndim != 1:  # no labels, as reading it will say
        return np.zeros(len(cells), dtype=bool)
    if cells.dtype.kind == "O":
        kinds = str if is_text else numbers.Number
        same = [isinstance(each, kinds) and each == label for each in cells.tolist()]
        found = np.array(same, dtype=bool)
    elif (cells.dtype.kind == "U") == is_text:
        found = cells == label
    else:
        found = np.zeros(len(cells), dtype=bool)
    if found.any():
        cells = np.array(held, dtype=object)
        cells[found] = None
        raw.replace(place, RawColumn(raw.keys[place], cells))
    return found


def _with(target: Target, rows: np.ndarray, label: Any) -> Target:
    """Put a label in its rows."""
    if not rows.any():
        return target
    values = target.values.astype(object)
    values[rows] = label
    return replace(target, values=values, present=target.present | rows)
