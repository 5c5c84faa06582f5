"""From predictions, laid out as the estimators lay them out, to one column a task."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._infer import TargetColumn, positions, target_columns
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
    raw = read_raw(y)
    places = positions(raw, tasks)
    return _predictions(raw, read_raw(predicted), places, tasks, tasks.names)


class TaskReader:
    """Reads one task at a time from y and predictions, and no column of another.

    Many scorers read the same y: where the columns are is looked up once.

    Parameters
    ----------
    tasks : Tasks
        Declared tasks.
    """

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks
        self._places: dict[Any, list[int]] = {}

    def __reduce__(self) -> tuple[type, tuple[Tasks]]:
        # What has been looked up is no part of a pickle, or of a hash.
        return type(self), (self.tasks,)

    def read(self, name: str, y: Any, predicted: Any) -> tuple[TargetColumn, Any]:
        """Read the labels and the predictions of a task.

        Parameters
        ----------
        name : str
            The task.
        y : array-like, DataFrame, Series or SliceDict
            True labels.
        predicted : array-like or DataFrame
            What `predict` returned.

        Returns
        -------
        column : TargetColumn
            Labels.
        predicted : ndarray of shape (n_samples,)
            Predictions.

        Raises
        ------
        InvalidDataError, DataTypeError
            If they cannot be read, or do not match each other and the tasks.
        """
        raw = read_raw(y)
        key = raw.container, raw.keys
        places = self._places.get(key)
        if places is None:
            places = positions(raw, self.tasks)
            self._places = {key: places}
        place = places[self.tasks.names.index(name)]
        alone = Tasks.from_mapping({name: self.tasks[name]})
        (column,) = target_columns(raw, alone, [place])
        (found,) = _predictions(raw, read_raw(predicted), places, self.tasks, [name])
        return column, found


def _predictions(
    raw: RawTargets,
    found: RawTargets,
    places: list[int],
    tasks: Tasks,
    names: Sequence[str],
) -> tuple[np.ndarray, ...]:
    """Read the predictions of some tasks."""
    if (raw.container == "frame") != (found.container == "frame"):
        raise InvalidDataError(
            "y and the predictions must both be DataFrames, or neither. Pass y in the "
            "container that the estimator was fitted on."
        )
    wanted = [places[tasks.names.index(name)] for name in names]
    if raw.container == "frame":
        _check_named(found, [raw.keys[place] for place in places])
        at = [found.keys.index(raw.keys[place]) for place in wanted]
        columns = [found.column(place) for place in at]
    else:
        columns = _ranked(found, places, wanted, tasks)
    for name, column in zip(names, columns, strict=True):
        if not column.present.all():
            raise InvalidDataError(
                f"Row {np.argmin(column.present)} of the predictions has none for "
                f"task {name!r}: it is NaN, None or NA."
            )
    return tuple(column.values for column in columns)


def _check_named(found: RawTargets, keys: list) -> None:
    there = set(found.keys)
    lacking = [key for key in keys if key not in there]
    if lacking:
        raise InvalidDataError(
            f"The predictions have no column {lacking[0]!r}. Their columns are: "
            f"{listed(found.keys)}."
        )


def _ranked(
    found: RawTargets, places: list[int], wanted: list[int], tasks: Tasks
) -> list[RawColumn]:
    if len(found) != len(tasks):
        raise InvalidDataError(
            f"The predictions have {len(found)} columns for {len(tasks)} tasks "
            f"({listed(tasks.names)}); expected one for each, in the order of y."
        )
    ranks = sorted(places)
    return [found.column(ranks.index(place)) for place in wanted]
