"""The labels that figures are computed on."""

from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_consistent_length

from mtlearn._utils._warn import warn
from mtlearn.tasks import (
    ScoredLabels,
    Target,
    TaskReader,
    Tasks,
    has_output,
    label_weights,
    read_predictions,
    read_scored,
    warn_unpredicted,
    with_label,
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
    targets = read_scored(y_true, tasks)
    predicted, there = read_predictions(y_pred, y_true, tasks)
    for target, values in zip(targets, predicted, strict=True):
        _check(tasks, target, values)
    weights = label_weights(targets, sample_weight)
    check_consistent_length(*weights, *predicted)
    warn_unpredicted(np.logical_or.reduce(there))
    return {
        target.name: _counted(target.values, values, weight, known)
        for target, values, weight, known in zip(
            targets, predicted, weights, there, strict=True
        )
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
    target, values, there = reader.read(name, y_true, y_pred)
    _check(reader.tasks, target, values)
    (weight,) = label_weights([target], sample_weight)
    check_consistent_length(weight, values)
    if reader.tasks[name].condition is None:
        warn_unpredicted(there)
    return _counted(target.values, values, weight, there)


def scored_chances(
    name: str, reader: TaskReader, y_true: Any, outputs: Any, sample_weight: Any = None
) -> ScoredLabels:
    """Pair the labels of one task with its probabilities.

    Parameters
    ----------
    name : str
        The task.
    reader : TaskReader
        Of the declared tasks.
    y_true, sample_weight
        As for `scored_labels`.
    outputs : ndarray or list of ndarray
        What `predict_proba` returned.

    Returns
    -------
    ScoredLabels
        Of this task, for figures `of_outputs`.
    """
    target, output = reader.read_outputs(name, y_true, outputs)
    _check(reader.tasks, target, None)
    if sample_weight is None or np.ndim(sample_weight) == 1:
        (weight,) = label_weights([target], sample_weight)
    else:  # which column is whose, all tasks tell
        targets = read_scored(y_true, reader.tasks)
        place = [each.name for each in targets].index(name)
        weight = label_weights(targets, sample_weight)[place]
    check_consistent_length(weight, output)
    there = has_output(output)
    warn_unpredicted(there)
    return _counted(target.values, output, weight, there)


def _check(tasks: Tasks, target: Target, predicted: np.ndarray | None) -> None:
    """Raise if labels cannot be those of their task."""
    labels = target.values[target.rows]
    tasks[target.name].check_labels(labels, target.name, predicted)


def _counted(
    true: np.ndarray, predicted: np.ndarray, weight: np.ndarray, there: np.ndarray
) -> ScoredLabels:
    rows = with_label(weight) & there
    return ScoredLabels(true[rows], predicted[rows], weight[rows])


def warn_without_labels(what: str) -> None:
    """Warn that a figure is NaN for want of labels."""
    warn(
        f"{what} has no label among these rows, so its figure is NaN. Use more rows, "
        "or a splitter that spreads the labels, such as MultiTaskStratifiedKFold.",
        UndefinedMetricWarning,
    )
