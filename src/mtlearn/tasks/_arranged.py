"""Predicted labels of all rows, laid out as y was, with what is missing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtlearn.tasks._conditions import asked_rows
from mtlearn.tasks._layout import Layout, arrange
from mtlearn.tasks._tasks import Tasks
from mtlearn.tasks._unknown import has_label, only_known, spread, spread_rows


def arrange_rows(tasks: Tasks, labels: Sequence[np.ndarray], layout: Layout) -> Any:
    """Lay out predicted labels, of which some rows, or some tasks there, have none.

    Parameters
    ----------
    tasks : Tasks
        Fitted, those with labels.
    labels : sequence of ndarray of shape (n_samples,) or (n_samples, k)
        One a task, as `decode_rows` returns them.
    layout : Layout
        Layout of the y that the tasks were fitted on.

    Returns
    -------
    ndarray or DataFrame
        See `arrange`.
    """
    known = np.logical_or.reduce([has_label(each) for each in labels])
    if not known.all():
        labels = [
            only_known(task, each, known)
            for task, each in zip(tasks, labels, strict=True)
        ]
    asked = asked_rows(tasks, dict(zip(tasks.names, labels, strict=True)))
    columns: list[np.ndarray] = []
    dtypes: list[Any] = []
    for (name, task), each, own in zip(
        tasks.items(), labels, layout.dtypes_of_tasks, strict=True
    ):
        laid, there = task.lay_out(each), asked.get(name)
        if there is not None and not there.all():
            laid = [spread(column[there], there) for column in laid]
            own = tuple(map(with_holes, own))
        columns += laid
        dtypes += own
    arranged = arrange(columns, replace(layout, dtypes=tuple(dtypes)))
    return arranged if known.all() else spread_rows(arranged, known)


def with_holes(dtype: Any) -> Any:
    """Give a dtype, or None if it has nothing that says that a label is missing.

    Parameters
    ----------
    dtype : dtype or None
        Of a column of predictions.

    Returns
    -------
    dtype or None
        None leaves it as it comes.
    """
    if isinstance(dtype, np.dtype):
        return dtype if dtype.kind in "fO" else None
    categories = getattr(dtype, "categories", None)
    return None if categories is not None and categories.dtype == bool else dtype
