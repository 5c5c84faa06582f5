"""The labels that figures are computed on."""

from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_consistent_length

from mtlearn._utils._warn import warn
from mtlearn.tasks import (
    ScoredLabels,
    TargetColumn,
    TaskReader,
    Tasks,
    label_weights,
    read_predictions,
    read_targets,
)


def scored_labels(
    tasks: Tasks, y_true: Any, y_pred: Any, sample_weight: Any = None
) -> dict[str, ScoredLabels]:
    """Pair the labels of each task with its predictions.

    Parameters
    ----------
    tasks : Tasks
        Declared tasks.
    y_true : array-like, DataFrame, Series or SliceDict
        True labels, some of them missing.
    y_pred : array-like or DataFrame
        What `predict` returned.
    sample_weight : array-like, default=None
        Shape `(n_samples,)` or `(n_samples, n_tasks)`; a zero equals absence.

    Returns
    -------
    dict of str to ScoredLabels
        By task name.
    """
    columns = read_targets(y_true, tasks)
    predicted = read_predictions(y_pred, y_true, tasks)
    for column, values in zip(columns, predicted, strict=True):
        _check(tasks, column, values)
    weights = label_weights(columns, sample_weight)
    check_consistent_length(weights, *predicted)
    return {
        column.name: _counted(column.values, values, weight)
        for column, values, weight in zip(columns, predicted, weights.T, strict=True)
    }


def scored_task(
    name: str, reader: TaskReader, y_true: Any, y_pred: Any, sample_weight: Any = None
) -> ScoredLabels:
    """Pair the labels of one task with its predictions, and read no other column.

    Parameters
    ----------
    name : str
        The task.
    reader : TaskReader
        Of the declared tasks.
    y_true, y_pred, sample_weight
        As for `scored_labels`.

    Returns
    -------
    ScoredLabels
        Of this task.
    """
    if sample_weight is not None and np.ndim(sample_weight) != 1:
        # Which column is whose, all of them tell.
        return scored_labels(reader.tasks, y_true, y_pred, sample_weight)[name]
    column, values = reader.read(name, y_true, y_pred)
    _check(reader.tasks, column, values)
    weights = label_weights([column], sample_weight)
    check_consistent_length(weights, values)
    return _counted(column.values, values, weights[:, 0])


def _check(tasks: Tasks, column: TargetColumn, predicted: np.ndarray) -> None:
    """Raise if labels cannot be those of their task."""
    labels = column.values[column.present]
    tasks[column.name].check_labels(labels, column.name, predicted)


def _counted(
    true: np.ndarray, predicted: np.ndarray, weight: np.ndarray
) -> ScoredLabels:
    rows = weight > 0
    return ScoredLabels(true[rows], predicted[rows], weight[rows])


def warn_without_labels(what: str) -> None:
    """Warn that a figure is NaN for want of labels."""
    warn(
        f"{what} has no label among these rows, so its figure is NaN. Use more rows, "
        "or a splitter that spreads the labels, such as MultiTaskStratifiedKFold.",
        UndefinedMetricWarning,
    )
