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
from mtlearn.tasks._target import Target

_NAME = "sample_weight"


def label_weights(
    targets: Sequence[Target], sample_weight: Any = None
) -> tuple[np.ndarray, ...]:
    """Give the weight of each label, zero where it is missing.

    Parameters
    ----------
    targets : sequence of Target
        The labels.
    sample_weight : array-like, DataFrame or SliceDict, default=None
        Shape `(n_samples,)`, or `(n_samples, n_tasks)` in the order of y's columns or
        with their names or those of the tasks; not negative.

    Returns
    -------
    tuple of ndarray of the shapes of the labels
        Weights in float64, in the order of `targets`.
    """
    weights = task_weights(targets, sample_weight)
    return tuple(
        target.present * weight.reshape(-1, *[1] * (target.present.ndim - 1))
        for target, weight in zip(targets, weights.T, strict=True)
    )


def task_weights(targets: Sequence[Target], sample_weight: Any = None) -> np.ndarray:
    """Give the weight of each row for each task, whether its label is there or not.

    Parameters
    ----------
    targets, sample_weight
        As for `label_weights`.

    Returns
    -------
    ndarray of float64 of shape (n_samples, n_targets)
        One each without weights.
    """
    n_targets = len(targets)
    if sample_weight is None:
        return np.ones((len(targets[0].present), n_targets))
    weights = _read(sample_weight, targets)
    return np.broadcast_to(weights, (len(weights), n_targets))


def row_weights(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Give the weight of each row for a task that has no labels.

    Parameters
    ----------
    sample_weight : array-like, DataFrame or SliceDict, default=None
        As `label_weights` has taken it.
    n_samples : int
        How many rows there are.

    Returns
    -------
    ndarray of shape (n_samples,)
        One each where the weights are those of labels, task by task.
    """
    if sample_weight is None or open_frame(sample_weight, _NAME) is not None:
        return np.ones(n_samples)
    weights = np.asarray(without_tensors(sample_weight, _NAME), dtype=np.float64)
    return weights if weights.ndim == 1 else np.ones(n_samples)


def _read(sample_weight: Any, targets: Sequence[Target]) -> np.ndarray:
    """Read weights of shape (n_samples, 1), or with a column for each target."""
    frame = open_frame(sample_weight, _NAME)
    if frame is not None:
        sample_weight = [frame.take(place) for place in _places(frame, targets)]
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
    n_samples, n_tasks = len(targets[0].present), len(targets)
    if weights.ndim == 1 and len(weights) == n_samples:
        weights = weights[:, np.newaxis]
    elif weights.shape != (n_samples, n_tasks):
        raise InvalidDataError(
            f"sample_weight has shape {weights.shape}; expected ({n_samples},) or "
            f"({n_samples}, {n_tasks}), one column a task."
        )
    _check_values(weights)
    if frame is None and weights.shape[1] > 1:
        weights = weights[:, _ranks(targets)]
    return weights


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


def _ranks(targets: Sequence[Target]) -> np.ndarray:
    """Give the place of each task among those that are read, in the order of y."""
    return np.argsort(np.argsort([target.places[0] for target in targets]))


def _places(frame: Frame, targets: Sequence[Target]) -> list[int]:
    """Find the weights of each column, by its name in y or that of its task."""
    found = [_place(frame.keys, target) for target in targets]
    if None not in found:
        _check_known(frame.keys, targets)
        return [place for place in found if place is not None]
    # A frame that was made of an array: its names are no names.
    if set(found) == {None} and frame.keys == tuple(range(len(targets))):
        return _ranks(targets).tolist()
    raise InvalidDataError(
        f"sample_weight has the columns {bracketed(frame.keys)}; expected one for each "
        f"task, by its name or that of its column of y: "
        f"{bracketed(target.name for target in targets)}."
    )


def _check_known(keys: tuple[Any, ...], targets: Sequence[Target]) -> None:
    """Raise if a name is neither that of a task nor of a column of y."""
    known = {target.name for target in targets}.union(map(text, targets[0].keys))
    unknown = [key for key in keys if text(key) not in known]
    if unknown:
        raise InvalidDataError(
            f"sample_weight has the columns {bracketed(unknown)}, which are neither "
            "tasks nor columns of y. Leave them out, or rename them."
        )


def _place(keys: tuple[Any, ...], target: Target) -> int | None:
    for name in (target.key, target.name):
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
