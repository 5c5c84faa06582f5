"""Predicted labels as rows of one array, whatever y was laid out in."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtlearn.tasks._arranged import with_holes
from mtlearn.tasks._base import Task
from mtlearn.tasks._codec import Codec
from mtlearn.tasks._layout import arrange, plain_layout
from mtlearn.tasks._unknown import has_label, spread, spread_rows

_NUMBERS = "biuf"


def in_arrays(codec: Codec) -> Codec:
    """Give a codec that lays out labels as arrays, also those of a DataFrame.

    Parameters
    ----------
    codec : Codec
        Fitted.

    Returns
    -------
    Codec
        The same, but for a DataFrame, whose columns become those of an array.
    """
    return replace(codec, layout=plain_layout(codec.layout, codec.labelled))


def array_dtype(codec: Codec, labels: Sequence[np.ndarray], lacks: bool) -> np.dtype:
    """Give the dtype that holds whatever is predicted, told by some of it.

    Parameters
    ----------
    codec : Codec
        As `in_arrays` returns it.
    labels : sequence of ndarray of shape (n_samples,) or (n_samples, k)
        Of some rows, by labelled task.
    lacks : bool
        Whether rows may have no prediction.

    Returns
    -------
    dtype
        That of what `codec.arrange` gives of all rows, or one that holds it.
    """
    tasks, layout = codec.labelled, codec.layout
    pairs = zip(tasks, labels, strict=True)
    samples = [_every_label(task, each) for task, each in pairs]
    n_rows = max(map(len, samples))
    # One row more, of which nothing is known.
    there = np.arange(n_rows + 1) < n_rows
    columns: list[np.ndarray] = []
    dtypes: list[Any] = []
    for task, each, own in zip(tasks, samples, layout.dtypes_of_tasks, strict=True):
        laid = task.lay_out(each[np.arange(n_rows + 1) % len(each)])
        if task.condition is not None:
            laid = [spread(column[there], there) for column in laid]
            own = tuple(map(with_holes, own))
        columns += laid
        dtypes += own
    arranged = arrange(columns, replace(layout, dtypes=tuple(dtypes)))
    return (spread_rows(arranged[there], there) if lacks else arranged).dtype


def label_dtype(task: Task, labels: np.ndarray, lacks: bool) -> np.dtype:
    """Give the same of the labels of one task.

    Parameters
    ----------
    task : Task
        Fitted.
    labels : ndarray of shape (n_samples,) or (n_samples, k)
        Of some rows.
    lacks : bool
        Whether rows may have none.

    Returns
    -------
    dtype
        Of labels as `decode_rows` returns them.
    """
    sample = _every_label(task, labels)
    if not lacks:
        return sample.dtype
    return spread(sample, np.arange(len(sample) + 1) < len(sample)).dtype


def keeps_labels(
    dtype: np.dtype, natural: np.dtype, tasks: Iterable[Task], lacks: bool
) -> bool:
    """Tell whether a dtype holds whatever is predicted, to the bit.

    Parameters
    ----------
    dtype : dtype
        To tell this of.
    natural : dtype
        What is predicted has.
    tasks : iterable of Task
        Fitted, those that are predicted.
    lacks : bool
        Whether rows may have no prediction.

    Returns
    -------
    bool
        True also of a smaller one, if all labels are of a few that it holds.
    """
    if dtype.kind not in _NUMBERS or natural.kind not in _NUMBERS:
        return dtype.kind == natural.kind and np.can_cast(natural, dtype, "safe")
    # NumPy calls it safe to round a whole number of 64 bits.
    rounds = natural.kind in "iu" and dtype.kind == "f"
    if np.can_cast(natural, dtype, "safe") and not rounds:
        return True
    tasks = list(tasks)
    if dtype.kind != "f" and (
        lacks or any(task.condition is not None for task in tasks)
    ):
        return False
    return all(_keeps(dtype, task.outcomes()) for task in tasks)


def _keeps(dtype: np.dtype, outcomes: np.ndarray | None) -> bool:
    if outcomes is None:
        return False
    with np.errstate(all="ignore"):  # what overflows is another number then
        # As Python's own numbers, which compare whole ones with real ones exactly.
        return outcomes.astype(dtype).tolist() == outcomes.tolist()


def _every_label(task: Task, labels: np.ndarray) -> np.ndarray:
    """Give one label of each sort that may come, of the type that they have."""
    outcomes = task.outcomes()
    if outcomes is None:
        known = labels[has_label(labels)]
        return known[:1] if len(known) else labels[:1]
    if labels.ndim == 1:
        return outcomes
    return np.full((1, *labels.shape[1:]), outcomes[0], dtype=outcomes.dtype)
