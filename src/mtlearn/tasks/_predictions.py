"""From predictions, laid out as the estimators lay them out, to one column a task."""

from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._infer import positions
from mtlearn.tasks._read import RawColumn, RawTargets, read_raw
from mtlearn.tasks._tasks import Tasks


def read_predictions(predicted: Any, y: Any, tasks: Tasks) -> tuple[np.ndarray, ...]:
    """Read the predictions of each task.

    Parameters
    ----------
    predicted : array-like or DataFrame
        What `predict` returned: the columns that the tasks read, in the order of y.
    y : array-like, DataFrame, Series or SliceDict
        True labels, which say where each task's column stands.
    tasks : Tasks
        Declared tasks.

    Returns
    -------
    tuple of ndarray of shape (n_samples,)
        In task order.

    Raises
    ------
    InvalidDataError, DataTypeError
        If the predictions cannot be read or do not match y and the tasks.
    """
    raw, found = read_raw(y), read_raw(predicted)
    places = positions(raw, tasks)
    if (raw.container == "frame") != (found.container == "frame"):
        raise InvalidDataError(
            "y and the predictions must both be DataFrames, or neither. Pass y in the "
            "container that the estimator was fitted on."
        )
    if raw.container == "frame":
        columns = _named(found, [raw.keys[place] for place in places])
    else:
        columns = _ranked(found, places, tasks)
    for name, column in zip(tasks.names, columns, strict=True):
        if not column.present.all():
            raise InvalidDataError(
                f"Row {np.argmin(column.present)} of the predictions has none for "
                f"task {name!r}: it is NaN, None or NA."
            )
    return tuple(column.values for column in columns)


def _named(found: RawTargets, keys: list) -> list[RawColumn]:
    lacking = [key for key in keys if key not in found.keys]
    if lacking:
        raise InvalidDataError(
            f"The predictions have no column {lacking[0]!r}. Their columns are: "
            f"{listed(found.keys)}."
        )
    return [found.column(found.keys.index(key)) for key in keys]


def _ranked(found: RawTargets, places: list[int], tasks: Tasks) -> list[RawColumn]:
    if len(found) != len(tasks):
        raise InvalidDataError(
            f"The predictions have {len(found)} columns for {len(tasks)} tasks "
            f"({listed(tasks.names)}); expected one for each, in the order of y."
        )
    return [found.column(sorted(places).index(place)) for place in places]
