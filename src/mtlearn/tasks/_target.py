"""What of y a task reads."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from mtlearn.tasks._base import Task
from mtlearn.tasks._columns import Strata
from mtlearn.tasks._conditions import where_asked
from mtlearn.tasks._read import RawColumn, RawTargets
from mtlearn.tasks._tasks import Tasks


@dataclass(frozen=True)
class Target:
    """The labels of one task, as they stand in y.

    Attributes
    ----------
    name : str
        The task's name.
    values : ndarray of shape (n_samples,) or (n_samples, k)
        Labels; a placeholder where `present` is false.
    present : ndarray of bool of the same shape
        False where the label is missing.
    task : Task
        Which reads them; it may not be fitted.
    places : tuple of int
        Where its columns stand among those of y; at least one.
    keys : tuple of hashable
        Names of all columns of y; empty for an array.
    columns : tuple of RawColumn
        Its columns, as they were found.
    """

    name: str
    values: np.ndarray
    present: np.ndarray
    task: Task
    places: tuple[int, ...]
    keys: tuple[Hashable, ...] = ()
    columns: tuple[RawColumn, ...] = ()

    @property
    def kind(self) -> str:
        """Of the task, such as ``"classification"``."""
        return self.task.kind

    @property
    def has_classes(self) -> bool:
        """Whether the task takes labels for classes."""
        return self.task.has_classes

    @property
    def discrete(self) -> bool:
        """Whether y declares categories or truth values."""
        return all(column.discrete for column in self.columns)

    @property
    def rows(self) -> np.ndarray:
        """Mask `(n_samples,)`, false where no label of the row is there."""
        return with_label(self.present)

    def strata(self) -> list[Strata]:
        """Tell what splits spread evenly."""
        return self.task.strata(self.values, self.present)

    @property
    def key(self) -> Hashable:
        """Name in y of its only column; None in an array, or where it has several."""
        return (
            self.keys[self.places[0]] if self.keys and len(self.places) == 1 else None
        )


def read_places(
    raw: RawTargets,
    tasks: Tasks,
    places: Sequence[tuple[int, ...]],
    *,
    always: bool = False,
) -> tuple[Target, ...]:
    """Read the labels of each task from its columns of y, where the task is asked.

    With `always`, conditions are left aside, as of tasks that others depend on there is
    no label.
    """
    keys = raw.keys if raw.is_named else ()
    targets = []
    for (name, task), own in zip(tasks.items(), places, strict=True):
        columns = [raw.column(place) for place in own]
        values, present = task.read(columns, name)
        targets.append(Target(name, values, present, task, own, keys, tuple(columns)))
    return tuple(targets) if always else where_asked(targets, tasks)


def with_label(mask: np.ndarray) -> np.ndarray:
    """Tell which rows have something: a label, or a weight.

    Parameters
    ----------
    mask : ndarray of shape (n_samples,) or (n_samples, k)
        Of labels, true or above zero where something is.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True where a label of the row has it.
    """
    positive = np.asarray(mask > 0)
    return positive if positive.ndim == 1 else np.any(positive, axis=1)


def check_scored(targets: Sequence[Target], tasks: Tasks) -> None:
    """Raise if labels that are to be scored cannot be those of their tasks."""
    for target in targets:
        labels = target.values[target.rows]
        tasks[target.name].check_labels(labels, target.name)
