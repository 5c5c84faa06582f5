"""The codec between y and what the network computes with."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array

from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._optional import import_optional
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._base import Task
from mtlearn.tasks._infer import (
    TargetColumn,
    TasksLike,
    positions,
    resolve_tasks,
    target_columns,
)
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
    """

    values: tuple[np.ndarray, ...]
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.weights)

    def take(self, rows: np.ndarray) -> "EncodedTargets":
        """Select rows."""
        return EncodedTargets(
            tuple(values[rows] for values in self.values), self.weights[rows]
        )


@dataclass(frozen=True)
class Layout:
    """How y was laid out, so that predictions can be laid out alike.

    Attributes
    ----------
    container : {"1d", "2d", "frame", "dict"}
        What held y.
    order : tuple of int
        Task numbers in the order of y's columns.
    keys : tuple
        Name or position in y of each task's column, in task order.
    dtypes : tuple
        dtype of each task's predictions, in task order; None leaves it as it comes.
    """

    container: str
    order: tuple[int, ...]
    keys: tuple[Any, ...]
    dtypes: tuple[Any, ...]


@dataclass(frozen=True)
class Codec:
    """Fitted tasks with the layout of the y that they were fitted on.

    Attributes
    ----------
    tasks : Tasks
        Fitted clones of the declared or inferred tasks.
    layout : Layout
        Layout of y.
    """

    tasks: Tasks
    layout: Layout

    def columns(self, y: Any) -> tuple[TargetColumn, ...]:
        """Read the column of each task from y, laid out as in the fit."""
        raw = read_raw(y)
        named = ("frame", "dict")
        if len(self.tasks) > 1 and (
            (self.layout.container in named) and raw.container not in named
        ):
            raise InvalidDataError(
                "y is an array, and the tasks were fitted on named columns "
                f"({', '.join(map(str, self.layout.keys))}), whose order an array does "
                "not tell. Pass a DataFrame with these columns."
            )
        return target_columns(raw, self.tasks)

    def encode(self, y: Any, sample_weight: Any = None) -> EncodedTargets:
        """Encode labels; an unknown one is an error."""
        columns = self.columns(y)
        weights = label_weights(columns, sample_weight)
        return encode_columns(self.tasks, columns, weights)

    def classes(self) -> Any:
        """Give `classes_` of an estimator; None if no task is a classification."""
        classes = [getattr(task, "classes_", None) for task in self.tasks]
        if all(labels is None for labels in classes):
            return None
        return classes[0] if self.layout.container == "1d" else classes

    def arrange(self, labels: Sequence[np.ndarray]) -> Any:
        """Lay out predicted labels, one array a task, as y was laid out."""
        return arrange(labels, self.layout)


def fit_codec(tasks: TasksLike, y: Any, sample_weight: Any = None) -> Codec:
    """Fit tasks on y.

    Parameters
    ----------
    tasks : Tasks, Task or None
        What the user declared.
    y : array-like, DataFrame, Series or SliceDict
        Labels.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`; a zero makes a label absent.

    Returns
    -------
    Codec
        With fitted clones of the tasks.
    """
    raw = read_raw(y)
    fitted = clone(resolve_tasks(tasks, raw))
    if isinstance(tasks, Tasks) and len(tasks) == 1:
        raw = _as_one_column(raw)
    columns = target_columns(raw, fitted)
    weights = label_weights(columns, sample_weight)
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
    return Codec(fitted, _layout(raw, fitted))


def _as_one_column(raw: RawTargets) -> RawTargets:
    """Take a column vector for the labels of the one declared task."""
    if raw.container != "2d" or len(raw.columns) > 1:
        return raw
    warnings.warn(
        "A column-vector y was passed when a 1d array was expected: there is one task. "
        "Please change the shape of y to (n_samples,), for example using ravel().",
        DataConversionWarning,
        stacklevel=2,
    )
    return replace(raw, container="1d")


def _layout(raw: RawTargets, tasks: Tasks) -> Layout:
    places = positions(raw, tasks)
    order = sorted(range(len(places)), key=places.__getitem__)
    columns = [raw.columns[i] for i in places]
    dtypes = [
        _prediction_dtype(task, column.dtype, raw.container == "frame")
        for task, column in zip(tasks, columns, strict=True)
    ]
    if raw.container in ("2d", "dict"):
        dtypes = _exact_dtypes(tasks, dtypes)
    return Layout(
        raw.container,
        tuple(order),
        tuple(column.key for column in columns),
        tuple(dtypes),
    )


def _prediction_dtype(task: Task, dtype: Any, framed: bool) -> Any:
    """Give a task's predictions the dtype of its column, if that can hold them."""
    plain = isinstance(dtype, np.dtype)
    if not framed and (not plain or dtype.kind == "O"):
        return None
    classes = getattr(task, "classes_", None)
    if classes is not None:
        return dtype if _holds(dtype, classes) else None
    if dtype.kind == "f" or (plain and dtype.kind == "O"):
        return dtype
    # A mean is no whole number; keep pandas' own or numpy's floats.
    return "Float64" if not plain and dtype.kind in "biu" else None


def _exact_dtypes(tasks: Tasks, dtypes: list[Any]) -> list[Any]:
    """Make objects of classes that one array with the other columns would round.

    These are large whole numbers, such as ids of 64 bits, beside real values.
    """
    classes = [getattr(task, "classes_", np.zeros(0)) for task in tasks]
    own = [dtype or each.dtype for dtype, each in zip(dtypes, classes, strict=True)]
    if any(dtype.kind in "OU" for dtype in own):
        return dtypes  # the array is one of objects
    joined = np.result_type(*own)
    return [
        # As Python's own numbers, which compare whole ones with real ones exactly.
        dtype if each.astype(joined).tolist() == each.tolist() else np.dtype(object)
        for dtype, each in zip(dtypes, classes, strict=True)
    ]


def _holds(dtype: Any, classes: np.ndarray) -> bool:
    if isinstance(dtype, np.dtype):
        return np.array_equal(classes.astype(dtype), classes)
    if hasattr(dtype, "categories"):
        return set(classes.tolist()) <= set(dtype.categories)
    pandas = import_optional("pandas", "pandas", "A column of a pandas type")
    try:
        return pandas.Series(classes, dtype=dtype).tolist() == classes.tolist()
    except (TypeError, ValueError):
        return False


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
        if dtype is None
        or not hasattr(task, "classes_")
        or _holds(dtype, task.classes_)
        else None
        for task, dtype in zip(tasks.values(), first.layout.dtypes, strict=True)
    )
    return Codec(Tasks.from_mapping(tasks), replace(first.layout, dtypes=dtypes))


def label_weights(
    columns: Sequence[TargetColumn], sample_weight: Any = None
) -> np.ndarray:
    """Give the weight of each label, zero where it is missing.

    Parameters
    ----------
    columns : sequence of TargetColumn
        The labels, in task order.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`; not negative.

    Returns
    -------
    ndarray of shape (n_samples, n_tasks)
        Weights in float64.
    """
    present = np.column_stack([column.present for column in columns])
    if sample_weight is None:
        return present.astype(np.float64)
    if hasattr(sample_weight, "iloc") and hasattr(sample_weight, "columns"):
        sample_weight = _in_task_order(sample_weight, columns)
    refuse_mask(
        sample_weight,
        "sample_weight",
        "A weight of zero equals absence: sample_weight.filled(0).",
    )
    weights = check_array(
        sample_weight,
        ensure_2d=False,
        allow_nd=True,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weights.ndim == 1 and len(weights) == len(present):
        weights = weights[:, np.newaxis]
    elif weights.shape != present.shape:
        n_samples, n_tasks = present.shape
        raise InvalidDataError(
            f"sample_weight has shape {weights.shape}; expected ({n_samples},) or "
            f"({n_samples}, {n_tasks}), one column a task."
        )
    if (weights < 0).any():
        row = int(np.flatnonzero((weights < 0).any(axis=1))[0])
        raise InvalidDataError(
            f"Row {row} of sample_weight is negative ({weights[row].min()}). Weights "
            "must be zero, which equals absence, or positive."
        )
    with np.errstate(over="ignore"):
        if np.isinf(weights.sum(axis=0)).any():
            raise InvalidDataError(
                f"sample_weight has values up to {weights.max():.3g}, whose sum is too "
                "large to compute with. Divide them by their mean."
            )
    return present * weights


def _in_task_order(frame: Any, columns: Sequence[TargetColumn]) -> Any:
    names = [column.name for column in columns]
    if not any(isinstance(key, str) for key in frame.columns):
        return frame  # numbered columns are in task order
    if set(names) != set(frame.columns):
        raise InvalidDataError(
            f"sample_weight has the columns {list(frame.columns)}; expected one for "
            f"each task: {names}."
        )
    return frame[names]


def encode_columns(
    tasks: Tasks, columns: Sequence[TargetColumn], weights: np.ndarray
) -> EncodedTargets:
    """Encode the labels that have a weight."""
    weights = weights.copy()
    values = []
    for i, ((name, task), column) in enumerate(
        zip(tasks.items(), columns, strict=True)
    ):
        rows = np.flatnonzero(weights[:, i])
        encoded = task.encode(column.values[rows], rows, name)
        full = np.zeros(len(weights), dtype=encoded.dtype)
        full[rows] = encoded
        factor = task.label_weight(encoded)
        if factor is not None:
            weights[rows, i] *= factor
        values.append(full)
    return EncodedTargets(tuple(values), weights)


def arrange(labels: Sequence[np.ndarray], layout: Layout) -> Any:
    """Lay out one array of labels a task as y was laid out.

    Parameters
    ----------
    labels : sequence of ndarray of shape (n_samples,)
        Labels in task order.
    layout : Layout
        Layout of the y that the tasks were fitted on.

    Returns
    -------
    ndarray or DataFrame
        `(n_samples,)` for one-dimensional y, a DataFrame with the same columns and
        dtypes for a DataFrame, else `(n_samples, n_tasks)` in the order of y's
        columns, with dtype object if a label is not a number.
    """
    if layout.container == "frame":
        pandas = import_optional("pandas", "pandas", "Predicting a DataFrame")
        series = {
            layout.keys[i]: pandas.Series(labels[i], dtype=layout.dtypes[i])
            for i in layout.order
        }
        return pandas.DataFrame(series)
    alike = [
        column if dtype is None else column.astype(dtype)
        for column, dtype in zip(labels, layout.dtypes, strict=True)
    ]
    if layout.container == "1d":
        return alike[0]
    ordered = [alike[i] for i in layout.order]
    if any(column.dtype.kind in "OU" for column in ordered):
        ordered = [column.astype(object) for column in ordered]
    return np.column_stack(ordered)
