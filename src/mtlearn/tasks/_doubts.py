"""Warnings of a fit whose y may mean something else than it is taken for."""

from collections.abc import Sequence

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._warn import warn
from mtlearn.tasks._infer import TasksLike
from mtlearn.tasks._target import Target
from mtlearn.tasks._tasks import Tasks

_FEWEST_ONE_HOT = 3
# Flags that know nothing of each other look one-hot with a smaller chance.
_CHANCE = 0.01
# Up to here they are hardly anything but classes.
_MOST_SURE = 2


def warn_of_doubts(targets: Sequence[Target], tasks: TasksLike) -> None:
    """Warn of one-hot labels, and of floats that are taken for classes.

    Parameters
    ----------
    targets : sequence of Target
        The labels.
    tasks : Tasks, Task or None
        What is declared: of a kind for each column there is no doubt.
    """
    if isinstance(tasks, Tasks):
        return
    if _is_one_hot(targets):
        warn(
            f"Every row of y has a single 1 in its {len(targets)} columns, as one-hot "
            "labels have, and each column is taken for a task of its own. If they are "
            "the classes of one task, pass y.argmax(axis=1); if not, declare Tasks().",
        )
    elif tasks is None:
        _warn_of_whole_floats(targets)


def _is_one_hot(targets: Sequence[Target]) -> bool:
    if len(targets) < _FEWEST_ONE_HOT:
        return False
    for target in targets:
        is_number = target.values.dtype.kind in "biuf" and target.present.all()
        if not target.has_classes or not is_number:
            return False
    values = np.column_stack([target.values for target in targets])
    if not len(values):
        return False
    if not ((values == 0) | (values == 1)).all() or (values.sum(axis=1) != 1).any():
        return False
    share = values.mean(axis=0)
    if share.max() == 1:  # a column that never changes
        return False
    chance = (share / (1 - share)).sum() * (1 - share).prod()
    return bool(chance ** len(values) < _CHANCE)


def _is_doubtful(target: Target) -> bool:
    is_class = target.has_classes and not target.discrete
    if not is_class or target.values.dtype.kind != "f":
        return False
    return len(np.unique(target.values[target.present])) > _MOST_SURE


def _warn_of_whole_floats(targets: Sequence[Target]) -> None:
    """Other rows of such columns, as those of another fold, may be real values."""
    names = [target.name for target in targets if _is_doubtful(target)]
    if names:
        warn(
            "Floating-point numbers that are all whole are taken for classes: "
            f"{listed(map(repr, names))}. Declare what they are, such as by tasks="
            "Tasks(name=Classification()) or Regression(): other rows might be taken "
            "for real values. Or pass whole numbers, or categories.",
        )
