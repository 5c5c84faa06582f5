"""From predictions, laid out as the estimators lay them out, to the labels of each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._conditions import chain_of
from mtlearn.tasks._places import Places, positions, ranks
from mtlearn.tasks._read import RawTargets, read_raw
from mtlearn.tasks._target import Target, read_places
from mtlearn.tasks._tasks import Tasks


def read_predictions(
    predicted: Any, y: Any, tasks: Tasks
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Read the predictions of each task.

    Parameters
    ----------
    predicted : array-like or DataFrame
        What `predict` returned: the columns that the tasks read, in the order of y.
    y : array-like, DataFrame, Series or SliceDict
        True labels, which say where each task's columns stand.
    tasks : Tasks
        Declared tasks.

    Returns
    -------
    labels : tuple of ndarray of shape (n_samples,) or (n_samples, k)
        In task order, of the tasks that read y.
    there : tuple of ndarray of bool of shape (n_samples,)
        False of rows that a task has no prediction for.

    Raises
    ------
    InvalidDataError, DataTypeError
        If the predictions cannot be read or do not match y and the tasks, or a row
        lacks those of some tasks, which are asked of every row.
    """
    raw, labelled = read_raw(y), tasks.labelled
    places = positions(raw, labelled)
    return _predictions(raw, read_raw(predicted), places, labelled, labelled.names)


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
        self._places: dict[Any, Places] = {}

    def __reduce__(self) -> tuple[type, tuple[Tasks]]:
        # What has been looked up is no part of a pickle, or of a hash.
        return type(self), (self.tasks,)

    def read(self, name: str, y: Any, predicted: Any) -> tuple[Target, Any, Any]:
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
        target : Target
            Labels.
        predicted : ndarray of shape (n_samples,) or (n_samples, k)
            Predictions.
        there : ndarray of bool of shape (n_samples,)
            False of rows that the task has no prediction for.

        Raises
        ------
        InvalidDataError, DataTypeError
            If they cannot be read, or do not match each other and the tasks.
        """
        raw, places = self._find(y)
        (found,), (there,) = _predictions(
            raw, read_raw(predicted), places, self.tasks.labelled, [name]
        )
        return self._target(name, raw, places), found, there

    def read_outputs(self, name: str, y: Any, outputs: Any) -> tuple[Target, Any]:
        """Read the labels of a task, and what `predict_proba` gives for it.

        Parameters
        ----------
        name : str
            The task.
        y : array-like, DataFrame, Series or SliceDict
            True labels.
        outputs : ndarray or list of ndarray
            What `predict_proba` returned: a list is in the order of y's columns.

        Returns
        -------
        target : Target
            Labels.
        output : ndarray of shape (n_samples, n_outputs)
            Of this task.

        Raises
        ------
        InvalidDataError, DataTypeError
            If they cannot be read, or do not match each other and the tasks.
        """
        raw, places = self._find(y)
        each = outputs if isinstance(outputs, list) else [outputs]
        if len(each) != len(places):
            raise InvalidDataError(
                f"There are probabilities of {len(each)} tasks; expected those of "
                f"{len(places)}: {listed(self.tasks.labelled.names)}."
            )
        firsts = [own[0] for own in places]
        own = firsts[self.tasks.labelled.names.index(name)]
        output = np.asarray(each[sorted(firsts).index(own)])
        return self._target(name, raw, places), output

    def _find(self, y: Any) -> tuple[RawTargets, Places]:
        """Read y, and find the columns of all tasks in it."""
        raw = read_raw(y)
        key = raw.container, raw.keys
        places = self._places.get(key)
        if places is None:
            places = positions(raw, self.tasks.labelled)
            self._places = {key: places}
        _mix(raw, places, self.tasks.labelled)
        return raw, places

    def _target(self, name: str, raw: RawTargets, places: Places) -> Target:
        labelled = self.tasks.labelled
        chain = chain_of(labelled, name)
        tasks = Tasks.from_mapping({each: labelled[each] for each in chain})
        at = [places[labelled.names.index(each)] for each in chain]
        return read_places(raw, tasks, at)[0]


def _mix(raw: RawTargets, places: Places, tasks: Tasks) -> None:
    """Let columns of classes hold another one for "unknown", of whatever type."""
    for task, own in zip(tasks, places, strict=True):
        if task.has_classes:
            for place in own:
                raw.mix(place)


def read_scored(y: Any, tasks: Tasks) -> tuple[Target, ...]:
    """Read labels that predictions are compared with.

    Parameters
    ----------
    y : array-like, DataFrame, Series or SliceDict
        True labels.
    tasks : Tasks
        Declared tasks.

    Returns
    -------
    tuple of Target
        In task order, of the tasks that read y. Classes may be text as well as numbers.
    """
    raw, labelled = read_raw(y), tasks.labelled
    places = positions(raw, labelled)
    _mix(raw, places, labelled)
    return read_places(raw, labelled, places)


def _predictions(
    raw: RawTargets,
    found: RawTargets,
    places: Places,
    tasks: Tasks,
    names: Sequence[str],
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Read the predictions of some tasks, and tell which rows have them."""
    if (raw.container == "frame") != (found.container == "frame"):
        raise InvalidDataError(
            "y and the predictions must both be DataFrames, or neither. Pass y in the "
            "container that the estimator was fitted on."
        )
    if raw.container == "frame":
        at = _named(found, raw, places)
    else:
        at = _ranked(found, places, tasks)
    _mix(found, at, tasks)
    values, known = [], []
    for name in names:
        own = [found.column(place) for place in at[tasks.names.index(name)]]
        labels, present = tasks[name].read(own, name)
        of_rows = np.asarray(present.reshape(len(present), -1).all(axis=1))
        # A task that is not asked of a row has no prediction there.
        if not of_rows.all() and tasks[name].condition is None:
            there = _rows_with_any(found, at, tasks)
            lacks = there & ~of_rows
            if lacks.any():
                raise InvalidDataError(
                    f"Row {np.argmax(lacks)} of the predictions has none for task "
                    f"{name!r}, and some for others: it is NaN, None or NA."
                )
        values.append(labels)
        known.append(of_rows)
    return tuple(values), tuple(known)


def _rows_with_any(found: RawTargets, places: Places, tasks: Tasks) -> np.ndarray:
    """Tell which rows have a prediction of any task."""
    there = []
    for (name, task), own in zip(tasks.items(), places, strict=True):
        _, present = task.read([found.column(place) for place in own], name)
        there.append(present.reshape(len(present), -1).any(axis=1))
    return np.logical_or.reduce(there)


def _named(found: RawTargets, raw: RawTargets, places: Places) -> Places:
    """Find the columns of predictions that have the names of those of y."""
    there = set(found.keys)
    keys = [[raw.keys[place] for place in own] for own in places]
    lacking = [key for own in keys for key in own if key not in there]
    if lacking:
        raise InvalidDataError(
            f"The predictions have no column {lacking[0]!r}. Their columns are: "
            f"{listed(found.keys)}."
        )
    return [tuple(found.keys.index(key) for key in own) for own in keys]


def _ranked(found: RawTargets, places: Places, tasks: Tasks) -> Places:
    """Find the columns of predictions that stand in the order of those of y."""
    n_columns = sum(map(len, places))
    if len(found) != n_columns:
        each = "one for each" if n_columns == len(tasks) else f"{n_columns}"
        raise InvalidDataError(
            f"The predictions have {len(found)} columns for {len(tasks)} tasks "
            f"({listed(tasks.names)}); expected {each}, in the order of y."
        )
    return ranks(places)
