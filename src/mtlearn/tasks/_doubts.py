"""Warnings of a fit whose y may mean something else than it is taken for."""

from collections.abc import Sequence

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._warn import warn
from mtlearn.tasks._infer import TargetColumn, TasksLike
from mtlearn.tasks._tasks import Tasks

_FEWEST_ONE_HOT = 3
# Flags that know nothing of each other look one-hot with a smaller chance.
_CHANCE = 0.01
# Up to here they are hardly anything but classes.
_MOST_SURE = 2


def warn_of_doubts(columns: Sequence[TargetColumn], tasks: TasksLike) -> None:
    """Warn of one-hot labels, and of floats that are taken for classes.

    Parameters
    ----------
    columns : sequence of TargetColumn
        The labels.
    tasks : Tasks, Task or None
        What is declared: of a kind for each column there is no doubt.
    """
    if isinstance(tasks, Tasks):
        return
    if _is_one_hot(columns):
        warn(
            f"Every row of y has a single 1 in its {len(columns)} columns, as one-hot "
            "labels have, and each column is taken for a task of its own. If they are "
            "the classes of one task, pass y.argmax(axis=1); if not, declare Tasks().",
        )
    elif tasks is None:
        _warn_of_whole_floats(columns)


def _is_one_hot(columns: Sequence[TargetColumn]) -> bool:
    if len(columns) < _FEWEST_ONE_HOT:
        return False
    for column in columns:
        is_number = column.values.dtype.kind in "biuf" and column.present.all()
        if not column.has_classes or not is_number:
            return False
    values = np.column_stack([column.values for column in columns])
    if not len(values):
        return False
    if not ((values == 0) | (values == 1)).all() or (values.sum(axis=1) != 1).any():
        return False
    share = values.mean(axis=0)
    if share.max() == 1:  # a column that never changes
        return False
    chance = (share / (1 - share)).sum() * (1 - share).prod()
    return bool(chance ** len(values) < _CHANCE)


def _is_doubtful(column: TargetColumn) -> bool:
    is_class = column.has_classes and not column.discrete
    if not is_class or column.values.dtype.kind != "f":
        return False
    return len(np.unique(column.values[column.present])) > _MOST_SURE


def _warn_of_whole_floats(columns: Sequence[TargetColumn]) -> None:
    """Other rows of such columns, as those of another fold, may be real values."""
    names = [column.name for column in columns if _is_doubtful(column)]
    if names:
        warn(
            "Floating-point numbers that are all whole are taken for classes: "
            f"{listed(map(repr, names))}. Declare what they are, such as by tasks="
            "Tasks(name=Classification()) or Regression(): other rows might be taken "
            "for real values. Or pass whole numbers, or categories.",
        )
