"""The weight of each label."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mtlearn._utils._frames import Frame, open_frame, text
from mtlearn._utils._listing import bracketed
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._tensors import without_tensors
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._infer import TargetColumn

_NAME = "sample_weight"


def label_weights(
    columns: Sequence[TargetColumn], sample_weight: Any = None
) -> np.ndarray:
    """Give the weight of each label, zero where it is missing.

    Parameters
    ----------
    columns : sequence of TargetColumn
        The labels.
    sample_weight : array-like, DataFrame or SliceDict, default=None
        Shape `(n_samples,)`, or `(n_samples, n_tasks)` in the order of y's columns or
        with their names or those of the tasks; not negative.

    Returns
    -------
    ndarray of shape (n_samples, n_tasks)
        Weights in float64, in the order of `columns`.
    """
    present = np.column_stack([column.present for column in columns])
    if sample_weight is None:
        return present.astype(np.float64)
    frame = open_frame(sample_weight, _NAME)
    if frame is not None:
        sample_weight = [frame.take(place) for place in _places(frame, columns)]
    refuse_mask(
        sample_weight,
        _NAME,
        "A weight of zero equals absence: sample_weight.filled(0).",
    )
    sample_weight = without_tensors(sample_weight, _NAME)
    if frame is not None:
        sample_weight = np.column_stack([_as_floats(each) for each in sample_weight])
    weights = check_array(
        sample_weight,
        ensure_2d=False,
        allow_nd=True,
        dtype=np.float64,
        input_name=_NAME,
    )
    if weights.ndim == 1 and len(weights) == len(present):
        weights = weights[:, np.newaxis]
    elif weights.shape != present.shape:
        n_samples, n_tasks = present.shape
        raise InvalidDataError(
            f"sample_weight has shape {weights.shape}; expected ({n_samples},) or "
            f"({n_samples}, {n_tasks}), one column a task."
        )
    _check_values(weights)
    if frame is None and weights.shape[1] > 1:
        weights = weights[:, _ranks(columns)]
    return present * weights


def _check_values(weights: np.ndarray) -> None:
    if (weights < 0).any():
        row = int(np.flatnonzero((weights < 0).any(axis=1))[0])
        raise InvalidDataError(
            f"Row {row} of sample_weight is negative ({weights[row].min()}). Weights "
            "must be zero, which equals absence, or positive."
        )
    with np.errstate(over="ignore"):
        if np.isinf(weights.sum(axis=0)).any():
            raise InvalidDataError(
                f"sample_weight has values up to {weights.max():.3g}, whose sum is too "
                "large to compute with. Divide them by their mean."
            )


def _ranks(columns: Sequence[TargetColumn]) -> np.ndarray:
    """Give the place of each column among those that are read, in the order of y."""
    return np.argsort(np.argsort([column.position for column in columns]))


def _places(frame: Frame, columns: Sequence[TargetColumn]) -> list[int]:
    """Find the weights of each column, by its name in y or that of its task."""
    found = [_place(frame.keys, column) for column in columns]
    if None not in found:
        _check_known(frame.keys, columns)
        return [place for place in found if place is not None]
    # A frame that was made of an array: its names are no names.
    if set(found) == {None} and frame.keys == tuple(range(len(columns))):
        return _ranks(columns).tolist()
    raise InvalidDataError(
        f"sample_weight has the columns {bracketed(frame.keys)}; expected one for each "
        f"task, by its name or that of its column of y: "
        f"{bracketed(column.name for column in columns)}."
    )


def _check_known(keys: tuple[Any, ...], columns: Sequence[TargetColumn]) -> None:
    """Raise if a name is neither that of a task nor of a column of y."""
    known = {column.name for column in columns}.union(map(text, columns[0].keys))
    unknown = [key for key in keys if text(key) not in known]
    if unknown:
        raise InvalidDataError(
            f"sample_weight has the columns {bracketed(unknown)}, which are neither "
            "tasks nor columns of y. Leave them out, or rename them."
        )


def _place(keys: tuple[Any, ...], column: TargetColumn) -> int | None:
    for name in (column.key, column.name):
        if name is not None and keys.count(name) == 1:
            return keys.index(name)
    return None


def _as_floats(column: Any) -> np.ndarray:
    """Return weights with NaN where one is missing, which is an error later on."""
    if hasattr(column, "iloc"):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if hasattr(column, "to_list"):
        return np.asarray(column.to_list(), dtype=np.float64)
    return np.asarray(column, dtype=np.float64)
