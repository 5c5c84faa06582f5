"""From y, or from y and declared tasks, to one column a task."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.base import clone

from mtlearn._utils._frames import text
from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn._utils._warn import warn
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.tasks._base import Task
from mtlearn.tasks._classification import Classification
from mtlearn.tasks._read import RawColumn, RawTargets, read_raw
from mtlearn.tasks._regression import Regression
from mtlearn.tasks._tasks import Tasks

TasksLike = Tasks | Task | None


@dataclass(frozen=True)
class TargetColumn:
    """The column of y that one task reads.

    Attributes
    ----------
    name : str
        The task's name.
    values : ndarray of shape (n_samples,)
        Labels; a placeholder where `present` is false.
    present : ndarray of shape (n_samples,)
        False where the label is missing.
    kind : str
        Of the task, such as ``"classification"``.
    has_classes : bool
        Whether the task takes labels for classes.
    position : int
        Where it stands among the columns of y.
    keys : tuple of hashable
        Names of all columns of y; empty for an array.
    discrete : bool
        Whether y declares categories or truth values.
    """

    name: str
    values: np.ndarray
    present: np.ndarray
    kind: str
    has_classes: bool
    position: int
    keys: tuple[Hashable, ...] = ()
    discrete: bool = False

    @property
    def key(self) -> Hashable:
        """Its name in y; None in an array."""
        return self.keys[self.position] if self.keys else None


def read_targets(y: object, tasks: TasksLike = None) -> tuple[TargetColumn, ...]:
    """Read the column of each task from y.

    Parameters
    ----------
    y : array-like, DataFrame, Series or SliceDict
        Labels of shape `(n_samples,)` or `(n_samples, n_tasks)`.
    tasks : Tasks, Task or None, default=None
        Declared tasks, one kind for all columns, or None to infer a kind for each.

    Returns
    -------
    tuple of TargetColumn
        In task order.

    Raises
    ------
    InvalidDataError, DataTypeError
        If y cannot be read or does not have the tasks' columns.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.tasks import read_targets
    >>> y = np.array([[3, 0.5], [7, np.nan]])
    >>> [(column.name, column.kind, column.present) for column in read_targets(y)]
    [('task_0', 'classification', array([ True,  True])),
     ('task_1', 'regression', array([ True, False]))]
    """
    raw = read_raw(y)
    resolved = resolve_tasks(tasks, raw)
    return target_columns(raw, resolved, positions(raw, resolved))


def target_columns(
    raw: RawTargets, tasks: Tasks, places: Sequence[int]
) -> tuple[TargetColumn, ...]:
    """Pick the column of each task, by its position in y."""
    columns = []
    keys = raw.keys if raw.is_named else ()
    for (name, task), place in zip(tasks.items(), places, strict=True):
        read = raw.column(place)
        columns.append(
            TargetColumn(
                name,
                read.values,
                read.present,
                task.kind,
                task.has_classes,
                place,
                keys,
                read.discrete,
            )
        )
    return tuple(columns)


def check_scored(columns: Sequence[TargetColumn], tasks: Tasks) -> None:
    """Raise if labels that are to be scored cannot be those of their tasks."""
    for column in columns:
        labels = column.values[column.present]
        tasks[column.name].check_labels(labels, column.name)


def task_of_classes() -> Task:
    """Give the task of which nothing is known but that its labels are classes."""
    return Classification()


def in_order_of_y(tasks: Tasks, raw: RawTargets) -> Tasks:
    """Give clones of the tasks in the order of their columns, which they then name.

    Whatever lists one thing a task lists them as y does: scikit-learn pairs the columns
    of y with predictions, probabilities and classes by position.
    """
    places = dict(zip(tasks.names, positions(raw, tasks), strict=True))
    ordered = sorted(places, key=places.__getitem__)
    clones = Tasks.from_mapping({name: clone(tasks[name]) for name in ordered})
    if not raw.is_named:
        name_columns(clones, [places[name] for name in ordered])
    return clones


def name_columns(tasks: Tasks, places: Sequence[int]) -> None:
    """Set the column of each task of an array that its number would not find."""
    for number, (task, place) in enumerate(zip(tasks, places, strict=True)):
        if task.column is None and place != number:
            task.set_params(column=place)


def resolve_tasks(tasks: TasksLike, raw: RawTargets) -> Tasks:
    """Return checked tasks: the declared ones, or one inferred for each column."""
    if isinstance(tasks, Tasks):
        declared: Tasks = tasks
        declared.validate()
        return declared
    if tasks is not None and not isinstance(tasks, Task):
        raise ParameterTypeError(
            "The 'tasks' parameter must be None, Tasks(...), or one Classification or "
            f"other task for every column of y. Got {short(tasks)} instead."
        )
    if tasks is not None and tasks.column is not None:
        raise InvalidParameterError(
            "A single kind for every column of y cannot have a 'column'. "
            "Name the task instead: Tasks(name=...)."
        )
    found = Tasks.from_mapping(
        {
            name: clone(tasks) if tasks is not None else _infer(raw.column(i), name)
            for i, name in enumerate(_names(raw))
        }
    )
    found.validate()
    return found


def _names(raw: RawTargets) -> list[str]:
    if raw.is_named:
        _check_once(raw.names, raw.names)
        return list(raw.names)
    if raw.name is not None:
        return [raw.name]
    return [f"task_{i}" for i in range(len(raw))]


def _check_once(claimed: Iterable[str], names: tuple[str, ...]) -> None:
    """Raise if a column that is to be found by its name is not the only one."""
    counts = Counter(names)
    twice = sorted({name for name in claimed if counts[name] > 1})
    if twice:
        raise InvalidDataError(
            f"y has duplicate column names: {listed(twice)}. Rename them."
        )


def _infer(column: RawColumn, name: str) -> Task:
    labels = column.values[column.present]
    textual = labels.dtype.kind in "OU"
    if column.discrete:
        return Classification()
    if labels.dtype.kind == "f" and np.any(labels != np.floor(labels)):
        return Regression()
    n_classes = len(np.unique(labels))
    # scikit-learn's rule in check_classification_targets.
    if len(labels) > 20 and n_classes > round(len(labels) * 0.5):
        what = "strings" if textual else "whole numbers"
        remedy = "Leave it out of y" if textual else "Declare it as Regression()"
        warn(
            f"Task {name!r} has {n_classes} distinct {what} in {len(labels)} labels "
            f"and is taken for a classification. {remedy} if it is "
            f"{'an identifier' if textual else 'one'}.",
        )
    return Classification()


def positions(raw: RawTargets, tasks: Tasks) -> list[int]:
    """Find the position in y of each task's column."""
    names, keys = raw.names, list(raw.keys)
    # Names inferred from columns that are not strings still find their column.
    places = _firsts(names) if raw.is_named else None
    found = []
    for i, (name, task) in enumerate(tasks.items()):
        if task.column is not None:
            found.append(_declared_position(name, task.column, keys, raw.is_named))
        elif places is None:
            found.append(_own_position(name, i, len(keys)))
        else:
            found.append(_found(name, places))
    _check_claims(found, raw, tasks)
    if raw.is_named:
        _check_once((names[place] for place in found), names)
    return found


def _own_position(name: str, i: int, n_columns: int) -> int:
    if i >= n_columns:
        raise InvalidDataError(
            f"y has {n_columns} columns, and task {name!r} is number {i + 1}. "
            "Pass one column for each task, or set the task's 'column'."
        )
    return i


def places_of(keys: Sequence[Hashable], raw: RawTargets) -> list[int]:
    """Find columns by their names, which a SliceDict has as strings."""
    places = _firsts(raw.names)
    found = [_found(text(key), places) for key in keys]
    _check_once(map(text, keys), raw.names)
    return found


def _firsts(names: Sequence[str]) -> dict[str, int]:
    """Give the first place of each name."""
    return {names[i]: i for i in reversed(range(len(names)))}


def _found(name: str, places: dict[str, int]) -> int:
    if name not in places:
        raise _no_column(name, sorted(places, key=places.__getitem__))
    return places[name]


def _no_column(name: str, names: Sequence[str]) -> InvalidDataError:
    return InvalidDataError(
        f"y has no column {name!r}. Its columns are: {listed(names)}. Rename the task "
        "or set its 'column'."
    )


def _declared_position(name: str, column: int | str, keys: list, named: bool) -> int:
    if named and column in keys:
        return keys.index(column)
    if isinstance(column, Integral) and -len(keys) <= column < len(keys):
        return int(column) % len(keys)
    what = (
        f"its columns are: {listed(keys)}"
        if named
        else (f"it is an array of {len(keys)} columns")
    )
    raise InvalidDataError(
        f"The 'column' of task {name!r} is {column!r}, which y does not have: {what}."
    )


def _check_claims(found: list[int], raw: RawTargets, tasks: Tasks) -> None:
    keys, claims = raw.keys, Counter(found)
    for name, position in zip(tasks.names, found, strict=True):
        if claims[position] > 1:
            raise InvalidParameterError(
                f"Task {name!r} and another read the same column "
                f"{keys[position]!r} of y. Set 'column' so that each has its own."
            )
    chosen = raw.is_named or any(task.column is not None for task in tasks)
    if len(found) < len(keys) and not chosen:
        # A list of columns reads as a table with one row for each of them.
        transposed = len(raw.take(0)) == len(tasks)
        remedy = " If y lists columns, pass np.column_stack(y)." if transposed else ""
        raise InvalidDataError(
            f"y has {len(keys)} columns for {len(found)} tasks "
            f"({listed(tasks.names)}). Pass one column for each task, or set the "
            f"'column' of the tasks.{remedy}"
        )
