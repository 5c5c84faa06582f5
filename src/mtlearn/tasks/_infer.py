"""From y, or from y and declared tasks, to the labels of each task."""

from collections.abc import Sequence

import numpy as np
from sklearn.base import clone

from mtlearn._utils._listing import listed
from mtlearn._utils._short import short
from mtlearn._utils._warn import warn
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.tasks._base import Task
from mtlearn.tasks._classification import Classification
from mtlearn.tasks._places import check_once, positions
from mtlearn.tasks._read import RawColumn, RawTargets, read_raw
from mtlearn.tasks._regression import Regression
from mtlearn.tasks._target import Target, read_places
from mtlearn.tasks._tasks import Tasks

TasksLike = Tasks | Task | None


def read_targets(y: object, tasks: TasksLike = None) -> tuple[Target, ...]:
    """Read the labels of each task from y.

    Parameters
    ----------
    y : array-like, DataFrame, Series or SliceDict
        Labels of shape `(n_samples,)` or `(n_samples, n_tasks)`.
    tasks : Tasks, Task or None, default=None
        Declared tasks, one kind for all columns, or None to infer a kind for each.

    Returns
    -------
    tuple of Target
        In task order, of the tasks that read y.

    Raises
    ------
    InvalidDataError, DataTypeError
        If y cannot be read or does not have the tasks' columns.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.tasks import read_targets
    >>> y = np.array([[3, 0.5], [7, np.nan]])
    >>> [(target.name, target.kind, target.present) for target in read_targets(y)]
    [('task_0', 'classification', array([ True,  True])),
     ('task_1', 'regression', array([ True, False]))]
    """
    raw = read_raw(y)
    labelled = resolve_tasks(tasks, raw).labelled
    return read_places(raw, labelled, positions(raw, labelled))


def task_of_classes() -> Task:
    """Give the task of which nothing is known but that its labels are classes."""
    return Classification()


def in_order_of_y(tasks: Tasks, raw: RawTargets) -> Tasks:
    """Give clones of the tasks in the order of their columns, which they then name.

    Whatever lists one thing a task lists them as y does: scikit-learn pairs the columns
    of y with predictions, probabilities and classes by position. Tasks without a column
    come last.
    """
    places = dict(
        zip(tasks.labelled.names, positions(raw, tasks.labelled), strict=True)
    )
    ordered = sorted(places, key=places.__getitem__)
    ordered += [name for name in tasks.names if name not in places]
    clones = Tasks.from_mapping({name: clone(tasks[name]) for name in ordered})
    if not raw.is_named:
        name_columns(clones.labelled, [places[name] for name in clones.labelled.names])
    return clones


def name_columns(tasks: Tasks, places: Sequence[tuple[int, ...]]) -> None:
    """Set the columns of each task of an array that its turn would not find."""
    turn = 0
    for task, own in zip(tasks, places, strict=True):
        if task.own_columns is None and own != tuple(range(turn, turn + len(own))):
            task.take_columns(own)
        turn += len(own)


def resolve_tasks(tasks: TasksLike, raw: RawTargets) -> Tasks:
    """Return checked tasks: the declared ones, or one inferred for each column."""
    if isinstance(tasks, Tasks):
        declared: Tasks = tasks
        declared.validate()
        if not len(declared.labelled):
            raise InvalidParameterError(
                f"None of the tasks ({listed(declared.names)}) reads a column of y. "
                "Add one that does, such as a Classification."
            )
        return _of_only_column(declared, raw)
    if tasks is not None and not isinstance(tasks, Task):
        raise ParameterTypeError(
            "The 'tasks' parameter must be None, Tasks(...), or one Classification or "
            f"other task for every column of y. Got {short(tasks)} instead."
        )
    kind: Task | None = tasks
    if kind is not None and _reads_one_of_many(kind):
        raise InvalidParameterError(
            f"A single kind for every column of y cannot have a "
            f"{kind.columns_parameter!r}. Name the task instead: Tasks(name=...)."
        )
    if kind is not None and len(raw) == 1:
        kind.validate(_names(raw)[0])
        kind = kind.of_only_column(raw.column(0))
    if kind is not None and (kind.n_columns != 1 or kind.own_columns is not None):
        return resolve_tasks(_of_all_columns(kind, raw), raw)
    found = Tasks.from_mapping(
        {
            name: clone(kind) if kind is not None else _infer(raw.column(i), name)
            for i, name in enumerate(_names(raw))
        }
    )
    found.validate()
    return found


def _reads_one_of_many(kind: Task) -> bool:
    """Tell whether a kind of one column says which, when it is to read each of them."""
    is_vector = kind.n_columns == 1 and not kind.may_be_one_column
    return is_vector and kind.own_columns is not None


def suited_to(tasks: Tasks | Task, y: object) -> Tasks | Task:
    """Give tasks of the kinds that they are fitted as, if y says more than they do.

    Parameters
    ----------
    tasks : Tasks or Task
        Declared tasks.
    y : array-like, DataFrame, Series or SliceDict
        Labels.

    Returns
    -------
    Tasks or Task
        The same, unless the only column of y is of another kind.

    Examples
    --------
    >>> from mtlearn.tasks import MultiLabel, suited_to
    >>> suited_to(MultiLabel(), ["a", "b", "c"])
    OneOfLabels()
    """
    raw = read_raw(y)
    if isinstance(tasks, Tasks):
        declared: Tasks = tasks
        declared.validate()
        return _of_only_column(declared, raw)
    return tasks.of_only_column(raw.column(0)) if len(raw) == 1 else tasks


def _of_only_column(tasks: Tasks, raw: RawTargets) -> Tasks:
    labelled = tasks.labelled
    places = positions(raw, labelled) if len(labelled) == 1 else []
    if [len(own) for own in places] != [1]:
        return tasks
    ((name, task),) = labelled.items()
    own = task.of_only_column(raw.column(places[0][0]))
    if own is task:
        return tasks
    return Tasks.from_mapping({**dict(tasks.items()), name: own})


def _of_all_columns(task: Task, raw: RawTargets) -> Tasks:
    """Give one task that reads the whole of y, as its kind takes several columns."""
    if task.n_columns == 0 or task.own_columns is not None:
        return Tasks(task_0=task)
    whole = clone(task)
    if raw.is_named:  # in an array it takes all of them anyhow
        whole.take_columns(raw.keys)
    return Tasks(task_0=whole)


def _names(raw: RawTargets) -> list[str]:
    if raw.is_named:
        check_once(raw.names, raw.names)
        return list(raw.names)
    if raw.name is not None:
        return [raw.name]
    return [f"task_{i}" for i in range(len(raw))]


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
