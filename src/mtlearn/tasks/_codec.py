"""The codec between y and what the network computes with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import DataConversionWarning

from mtlearn._utils._listing import listed
from mtlearn._utils._warn import warn
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._class_weight import balanced_over
from mtlearn.tasks._doubts import warn_of_doubts
from mtlearn.tasks._infer import (
    TargetColumn,
    TasksLike,
    check_scored,
    in_order_of_y,
    name_columns,
    places_of,
    positions,
    resolve_tasks,
    target_columns,
)
from mtlearn.tasks._label_weights import label_weights
from mtlearn.tasks._layout import Layout, arrange, holds, layout_of
from mtlearn.tasks._read import RawTargets, read_raw
from mtlearn.tasks._tasks import Tasks


@dataclass(frozen=True)
class EncodedTargets:
    """Targets as numbers, with a weight for each label.

    Attributes
    ----------
    values : tuple of ndarray of shape (n_samples,)
        Encoded labels in task order, int64 or float64; zero where one is missing.
    weights : ndarray of shape (n_samples, n_tasks)
        Weight of each label, float64; zero where it is missing.
    class_weighted : ndarray of shape (n_samples, n_tasks) or None
        The same times the factors of the classes, which the loss alone sees; None where
        no task has any.
    """

    values: tuple[np.ndarray, ...]
    weights: np.ndarray
    class_weighted: np.ndarray | None = None

    @property
    def loss_weights(self) -> np.ndarray:
        """Weight of each label in the loss."""
        return self.weights if self.class_weighted is None else self.class_weighted

    def __len__(self) -> int:
        return len(self.weights)

    def take(self, rows: np.ndarray) -> "EncodedTargets":
        """Select rows."""
        return EncodedTargets(
            tuple(values[rows] for values in self.values),
            self.weights[rows],
            None if self.class_weighted is None else self.class_weighted[rows],
        )


@dataclass(frozen=True)
class Codec:
    """Fitted tasks with the layout of the y that they were fitted on.

    Attributes
    ----------
    tasks : Tasks
        Fitted clones of the declared or inferred tasks, in the order of y's columns.
    layout : Layout
        Layout of y.
    """

    tasks: Tasks
    layout: Layout

    def columns(self, y: Any) -> tuple[TargetColumn, ...]:
        """Read the column of each task from y, which is to be scored."""
        columns = self._read(y)
        check_scored(columns, self.tasks)
        return columns

    def _read(self, y: Any) -> tuple[TargetColumn, ...]:
        """Read the column of each task from y, laid out as in the fit."""
        raw = read_raw(y)
        return target_columns(raw, self.tasks, self._places(raw))

    def column(self, name: str, y: Any) -> TargetColumn:
        """Read the column of one task from y, which may hold nothing else."""
        raw = read_raw(y)
        tasks = Tasks.from_mapping({name: self.tasks[name]})
        alone = len(raw) == 1 and not raw.is_named
        places = [0] if alone else positions(raw, tasks)
        columns = target_columns(raw, tasks, places)
        check_scored(columns, tasks)
        return columns[0]

    def _places(self, raw: RawTargets) -> list[int]:
        """Find where in y the columns of the fit are."""
        if self.layout.container not in ("frame", "dict"):
            return positions(raw, self.tasks)
        if raw.is_named:
            return places_of(self.layout.keys, raw)
        if len(self.tasks) == len(raw) == 1:
            return [0]
        raise InvalidDataError(
            "y is an array, and the tasks were fitted on named columns "
            f"({listed(self.layout.keys)}), whose order an array does "
            "not tell. Pass a DataFrame with these columns."
        )

    @property
    def has_older_order(self) -> bool:
        """Whether the tasks are in an order of their own."""
        return list(self.layout.order) != sorted(self.layout.order)

    def in_order_of_y(self) -> "Codec":
        """Give the codec in the order that it lacks in a file of an older version."""
        order, layout = self.layout.order, self.layout
        names = [self.tasks.names[i] for i in order]
        tasks = Tasks.from_mapping({name: self.tasks[name] for name in names})
        keys, dtypes = (
            tuple(each[i] for i in order) for each in (layout.keys, layout.dtypes)
        )
        if layout.container == "2d":
            name_columns(tasks, keys)
        in_order = tuple(range(len(order)))
        layout = replace(layout, order=in_order, keys=keys, dtypes=dtypes)
        return Codec(tasks, layout)

    def encode(
        self, y: Any, sample_weight: Any = None, *, known_only: bool = False
    ) -> EncodedTargets:
        """Encode labels; an unknown one is an error, or left out as a missing one."""
        columns = self._read(y)
        weights = label_weights(columns, sample_weight)
        if known_only:
            known = [
                task.knows(column.values)
                for task, column in zip(self.tasks, columns, strict=True)
            ]
            weights = weights * np.column_stack(known)
        return encode_columns(self.tasks, columns, weights)

    def rebalanced(self, y: Any, sample_weight: Any = None) -> "Codec":
        """Balance class weights anew over the rows that training goes on with."""
        parameters = [getattr(task, "class_weight", None) for task in self.tasks]
        if "balanced" not in parameters:
            return self
        columns = self._read(y)
        weights = label_weights(columns, sample_weight)
        tasks = dict(self.tasks.items())
        for (name, task), parameter, column, weight in zip(
            self.tasks.items(), parameters, columns, weights.T, strict=True
        ):
            if parameter == "balanced":
                rows = np.flatnonzero(weight)
                encoded = task.encode(column.values[rows], rows, name)
                tasks[name] = balanced_over(task, encoded, weight[rows])
        return replace(self, tasks=Tasks.from_mapping(tasks))

    def classes(self) -> Any:
        """Give `classes_` of an estimator; None if no task is a classification."""
        classes = [getattr(task, "classes_", None) for task in self.tasks]
        if all(labels is None for labels in classes):
            return None
        return classes[0] if self.has_one_task else classes

    @property
    def has_one_task(self) -> bool:
        """Whether probabilities and classes are arrays, as scikit-learn has them.

        So they are whatever held y: calibration and scorers expect it of one output.
        """
        return len(self.tasks) == 1

    def arrange(self, labels: Sequence[np.ndarray]) -> Any:
        """Lay out predicted labels, one array a task, as y was laid out."""
        return arrange(labels, self.layout)


def fit_codec(
    tasks: TasksLike, y: Any, sample_weight: Any = None, *, warns: bool = False
) -> Codec:
    """Fit tasks on y.

    Parameters
    ----------
    tasks : Tasks, Task or None
        What the user declared.
    y : array-like, DataFrame, Series or SliceDict
        Labels.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`; a zero makes a label absent.
    warns : bool, default=False
        Whether to warn where y may mean something else than it is taken for.

    Returns
    -------
    Codec
        With fitted clones of the tasks, in the order of their columns.
    """
    raw = read_raw(y)
    resolved = resolve_tasks(tasks, raw)
    if isinstance(tasks, Tasks) and len(tasks) == 1:
        raw = _as_one_column(raw, warns=warns)
    fitted = in_order_of_y(resolved, raw)
    places = positions(raw, fitted)
    columns = target_columns(raw, fitted, places)
    weights = label_weights(columns, sample_weight)
    if warns:
        warn_of_doubts(columns, tasks)
    for (name, task), column, weight in zip(
        fitted.items(), columns, weights.T, strict=True
    ):
        rows = np.flatnonzero(weight)
        if not len(rows):
            raise InvalidDataError(
                f"Task {name!r} has no label: every row of its column of y is missing, "
                "or has a sample weight of zero. Leave the task out, or pass labels."
            )
        task.fit(column.values[rows], weight[rows], name, rows)
    return Codec(fitted, layout_of(raw, fitted, places))


def _as_one_column(raw: RawTargets, *, warns: bool) -> RawTargets:
    """Take a column vector for the labels of the one declared task."""
    if raw.container != "2d" or len(raw) > 1:
        return raw
    if warns:
        warn(
            "A column-vector y was passed when a 1d array was expected: there is one "
            "task. Please change the shape of y to (n_samples,), for example using "
            "ravel().",
            DataConversionWarning,
        )
    return replace(raw, container="1d")


def join_codecs(codecs: Sequence[Codec]) -> Codec:
    """Give the codec that knows the classes of all.

    Parameters
    ----------
    codecs : sequence of Codec
        Fitted on the same targets, if not on the same rows.

    Returns
    -------
    Codec
        The first one, with the tasks of all joined.
    """
    first, *others = codecs
    tasks = {
        name: task.join([codec.tasks[name] for codec in others])
        for name, task in first.tasks.items()
    }
    # A dtype that holds the classes of one may cut or wrap those of another.
    dtypes = tuple(
        dtype
        if dtype is None or not hasattr(task, "classes_") or holds(dtype, task.classes_)
        else None
        for task, dtype in zip(tasks.values(), first.layout.dtypes, strict=True)
    )
    return Codec(Tasks.from_mapping(tasks), replace(first.layout, dtypes=dtypes))


def encode_columns(
    tasks: Tasks, columns: Sequence[TargetColumn], weights: np.ndarray
) -> EncodedTargets:
    """Encode the labels that have a weight."""
    values, weighted = [], weights.copy()
    has_factors = False
    for i, ((name, task), column) in enumerate(
        zip(tasks.items(), columns, strict=True)
    ):
        rows = np.flatnonzero(weights[:, i])
        encoded = task.encode(column.values[rows], rows, name)
        full = np.zeros(len(weights), dtype=encoded.dtype)
        full[rows] = encoded
        factor = task.label_weight(encoded)
        if factor is not None:
            with np.errstate(over="ignore"):  # which a later check finds
                weighted[rows, i] *= factor
            has_factors = True
        values.append(full)
    return EncodedTargets(tuple(values), weights, weighted if has_factors else None)
