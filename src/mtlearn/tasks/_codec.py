"""The codec between y and what the network computes with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import DataConversionWarning

from mtlearn._utils._listing import listed
from mtlearn._utils._warn import warn
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._arranged import arrange_rows
from mtlearn.tasks._base import Task
from mtlearn.tasks._conditions import check_condition, fit_order
from mtlearn.tasks._doubts import warn_of_doubts
from mtlearn.tasks._infer import (
    TasksLike,
    in_order_of_y,
    name_columns,
    resolve_tasks,
)
from mtlearn.tasks._label_weights import label_weights, row_weights
from mtlearn.tasks._layout import Layout, layout_of, may_hold
from mtlearn.tasks._places import Places, places_of, positions
from mtlearn.tasks._read import RawTargets, read_raw
from mtlearn.tasks._target import Target, check_scored, read_places, with_label
from mtlearn.tasks._tasks import Tasks


@dataclass(frozen=True)
class EncodedTargets:
    """Targets as numbers, with a weight for each label.

    Attributes
    ----------
    values : tuple of ndarray of shape (n_samples,) or (n_samples, k), or None
        Encoded labels in task order, int64 or float64; zero where one is missing. None
        for a task without a column of y.
    weights : tuple of ndarray of the same shapes
        Weight of each label, float64; zero where it is missing. Of each row, for a task
        without a column.
    class_weighted : tuple of ndarray of the same shapes, or None
        The same times the factors of the classes, which the loss alone sees; None where
        no task has any.
    """

    values: tuple[np.ndarray | None, ...]
    weights: tuple[np.ndarray, ...]
    class_weighted: tuple[np.ndarray, ...] | None = None

    @property
    def loss_weights(self) -> tuple[np.ndarray, ...]:
        """Weight of each label in the loss."""
        return self.weights if self.class_weighted is None else self.class_weighted

    def __len__(self) -> int:
        return len(self.weights[0])

    def take(self, rows: np.ndarray) -> "EncodedTargets":
        """Select rows."""
        weighted = self.class_weighted
        return EncodedTargets(
            tuple(None if each is None else each[rows] for each in self.values),
            tuple(each[rows] for each in self.weights),
            None if weighted is None else tuple(each[rows] for each in weighted),
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

    @property
    def labelled(self) -> Tasks:
        """Tasks that read y: those that predictions and scores are made of."""
        return self.tasks.labelled

    def targets(self, y: Any) -> tuple[Target, ...]:
        """Read the labels of each labelled task from y, which is to be scored."""
        targets = self._read(y)
        check_scored(targets, self.tasks)
        return targets

    def _read(self, y: Any) -> tuple[Target, ...]:
        """Read the labels of each labelled task from y, laid out as in the fit."""
        raw = read_raw(y)
        return read_places(raw, self.labelled, self.places(raw))

    def target(self, name: str, y: Any) -> Target:
        """Read the labels of one task from y, which may hold nothing else."""
        raw = read_raw(y)
        tasks = Tasks.from_mapping({name: self.tasks[name]})
        count = dict(zip(self.labelled.names, self.layout.counts_of_tasks, strict=True))
        alone = len(raw) == count[name] and not raw.is_named
        if self.tasks[name].condition is not None and not alone:
            targets = tuple(each for each in self._read(y) if each.name == name)
        else:
            places = [tuple(range(len(raw)))] if alone else positions(raw, tasks)
            targets = read_places(raw, tasks, places, always=True)
        check_scored(targets, tasks)
        return targets[0]

    def places(self, raw: RawTargets) -> Places:
        """Find where in y the columns of the fit are."""
        if self.layout.container not in ("frame", "dict"):
            return positions(raw, self.labelled)
        if raw.is_named:
            return places_of(self.layout.keys, self.layout.counts_of_tasks, raw)
        if len(self.layout.keys) == len(raw) == 1:
            return [(0,)]
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
            name_columns(tasks, [(key,) for key in keys])
        in_order = tuple(range(len(order)))
        layout = replace(layout, order=in_order, keys=keys, dtypes=dtypes)
        return Codec(tasks, layout)

    def encode(
        self, y: Any, sample_weight: Any = None, *, known_only: bool = False
    ) -> EncodedTargets:
        """Encode labels; an unknown one is an error, or left out as a missing one."""
        targets = self._read(y)
        weights = label_weights(targets, sample_weight)
        if known_only:
            weights = tuple(
                weight * task.knows(target.values)
                for task, target, weight in zip(
                    self.labelled, targets, weights, strict=True
                )
            )
        return encode_targets(
            self.tasks, targets, weights, row_weights(sample_weight, len(weights[0]))
        )

    def rebalanced(self, y: Any, sample_weight: Any = None) -> "Codec":
        """Balance class weights anew over the rows that training goes on with."""
        if not any(task.balances_classes for task in self.labelled):
            return self
        targets = self._read(y)
        weights = label_weights(targets, sample_weight)
        tasks = dict(self.tasks.items())
        for (name, task), target, weight in zip(
            self.labelled.items(), targets, weights, strict=True
        ):
            if task.balances_classes:
                rows = np.flatnonzero(with_label(weight))
                encoded = task.encode(target.values[rows], rows, name)
                tasks[name] = task.balanced_over(encoded, weight[rows])
        return replace(self, tasks=Tasks.from_mapping(tasks))

    def seeing(self, input_shape: tuple[int, ...]) -> "Codec":
        """Give a codec whose tasks know the shape of what the network is given."""
        return replace(self, tasks=self.tasks.seeing(input_shape))

    def deciding_at(self, thresholds: Mapping[str, np.ndarray]) -> "Codec":
        """Give a codec whose tasks decide by other thresholds, given by name."""
        tasks = dict(self.tasks.items())
        for name, cuts in thresholds.items():
            decisions = tasks[name].decisions
            if decisions is not None:
                tasks[name] = decisions.deciding_at(cuts)
        return replace(self, tasks=Tasks.from_mapping(tasks))

    def classes(self) -> Any:
        """Give `classes_` of an estimator; None if no task is a classification."""
        classes = [getattr(task, "classes_", None) for task in self.labelled]
        if all(labels is None for labels in classes):
            return None
        return classes[0] if self.has_one_task else classes

    @property
    def has_one_task(self) -> bool:
        """Whether probabilities and classes are arrays, as scikit-learn has them.

        So they are whatever held y: calibration and scorers expect it of one output.
        """
        return len(self.labelled) == 1

    def arrange(self, labels: Sequence[np.ndarray]) -> Any:
        """Lay out predicted labels, one array a labelled task, as y was laid out.

        Rows for which there are none have those that say so, and so have those in which
        a task is not asked, by what is predicted of another.
        """
        return arrange_rows(self.labelled, labels, self.layout)


def fit_codec(
    tasks: TasksLike,
    y: Any,
    sample_weight: Any = None,
    *,
    warns: bool = False,
    is_part: bool = False,
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
        Whether to warn where y may mean something else than it is taken for, or cannot
        be learned from.
    is_part : bool, default=False
        Whether other rows follow, so that labels that are not there are no news.

    Returns
    -------
    Codec
        With fitted clones of the tasks, in the order of their columns.
    """
    raw = read_raw(y)
    resolved = resolve_tasks(tasks, raw)
    if isinstance(tasks, Tasks) and _is_a_vector(resolved):
        raw = _as_one_column(raw, warns=warns)
    fitted = in_order_of_y(resolved, raw)
    labelled = fitted.labelled
    places = positions(raw, labelled)
    targets = read_places(raw, labelled, places)
    weights = label_weights(targets, sample_weight)
    if warns:
        warn_of_doubts(targets, tasks)
    given = dict(zip(labelled.names, zip(targets, weights, strict=True), strict=True))
    for name, task in fit_order(labelled):
        check_condition(labelled, name)
        target, weight = given[name]
        rows = np.flatnonzero(with_label(weight))
        if not len(rows):
            raise InvalidDataError(
                f"Task {name!r} has no label: every row of its column of y is missing, "
                "or has a sample weight of zero. Leave the task out, or pass labels."
            )
        task.learn_names([target.keys[place] for place in target.places if target.keys])
        labels = target.values[rows], weight[rows], name, rows
        task.fit(*labels)
        if warns and not is_part:
            task.warn_of_labels(*labels)
    for name, task in fitted.items():
        if task.n_columns == 0:
            nothing = np.zeros(0)
            task.fit(nothing, nothing, name, nothing.astype(int))
    return Codec(fitted, layout_of(raw, labelled, places))


def _is_a_vector(tasks: Tasks) -> bool:
    """Tell whether y is one column, and not a block of labels that has one."""
    return len(tasks) == 1 and not next(iter(tasks)).may_be_one_column


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


def join_codecs(
    codecs: Sequence[Codec], weights: Sequence[float] | None = None
) -> Codec:
    """Give the codec that knows the classes of all.

    Parameters
    ----------
    codecs : sequence of Codec
        Fitted on the same targets, if not on the same rows.
    weights : sequence of float, default=None
        What each counts where they decide together.

    Returns
    -------
    Codec
        The first one, with the tasks of all joined.
    """
    first, *others = codecs
    tasks = {
        name: _joined(task, [codec.tasks[name] for codec in others], weights)
        for name, task in first.tasks.items()
    }
    joined, layout = Tasks.from_mapping(tasks), first.layout
    # A dtype that holds the classes of one may cut or wrap those of another.
    dtypes = [
        dtype if dtype is None or may_hold(dtype, task) else None
        for task, own in zip(joined.labelled, layout.dtypes_of_tasks, strict=True)
        for dtype in own
    ]
    return Codec(joined, replace(layout, dtypes=tuple(dtypes)))


def _joined(
    task: Task, others: Sequence[Task], weights: Sequence[float] | None
) -> Task:
    """Join a task of several members, which decide together at their mean threshold."""
    joined = task.join(others)
    members = [each.decisions for each in (task, *others)]
    if joined.decisions is None or None in members:
        return joined
    cuts = [each.own_thresholds() for each in members if each is not None]
    if all(np.array_equal(each, cuts[0]) for each in cuts):
        return joined
    if any(len(each) != len(joined.decisions.own_thresholds()) for each in cuts):
        return joined  # of other labels, which have been joined already
    return joined.decisions.deciding_at(np.average(cuts, axis=0, weights=weights))


def encode_targets(
    tasks: Tasks,
    targets: Sequence[Target],
    weights: Sequence[np.ndarray],
    of_rows: np.ndarray,
) -> EncodedTargets:
    """Encode the labels that have a weight.

    Parameters
    ----------
    tasks : Tasks
        Fitted tasks.
    targets : sequence of Target
        Of those that are labelled.
    weights : sequence of ndarray
        Of their labels.
    of_rows : ndarray of shape (n_samples,)
        Weights for tasks without a column.
    """
    given = {t.name: (t, weight) for t, weight in zip(targets, weights, strict=True)}
    values: list[np.ndarray | None] = []
    own, weighted = [], []
    for name, task in tasks.items():
        if name not in given:
            encoded, weight, in_loss = None, of_rows, of_rows
        else:
            target, weight = given[name]
            encoded, weight, in_loss = _encoded(task, target, weight)
        values.append(encoded)
        own.append(weight)
        weighted.append(in_loss)
    has_factors = any(a is not b for a, b in zip(own, weighted, strict=True))
    return EncodedTargets(
        tuple(values), tuple(own), tuple(weighted) if has_factors else None
    )


def _encoded(
    task: Task, target: Target, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encode the labels of a task, and give their weights, and those in the loss."""
    rows = np.flatnonzero(with_label(weight))
    encoded = task.encode(target.values[rows], rows, target.name)
    if encoded.ndim > weight.ndim:  # one label of y says several things
        weight = np.repeat(weight[:, np.newaxis], encoded.shape[1], axis=1)
    full = np.zeros(weight.shape, dtype=encoded.dtype)
    full[rows] = np.where(weight[rows] > 0, encoded, 0)
    factor = task.label_weight(encoded)
    if factor is None:
        return full, weight, weight
    weighted = weight.copy()
    with np.errstate(over="ignore"):  # which a later check finds
        weighted[rows] *= factor
    return full, weight, weighted
