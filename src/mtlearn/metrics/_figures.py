"""The figures of each kind of task, and the labels that they are computed on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.utils import check_consistent_length

from mtlearn._utils._warn import warn
from mtlearn.tasks import (
    TargetColumn,
    TaskReader,
    Tasks,
    label_weights,
    read_predictions,
    read_targets,
)


@dataclass(frozen=True)
class ScoredLabels:
    """The labels of one task that count, none of them missing.

    Attributes
    ----------
    true, predicted : ndarray of shape (n_labelled,)
        Labels or values.
    weight : ndarray of shape (n_labelled,)
        Positive weights.
    """

    true: np.ndarray
    predicted: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.true)


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


@dataclass(frozen=True)
class Figure:
    """A figure of merit of one task.

    Attributes
    ----------
    compute : callable
        Gets `ScoredLabels`, at least one, and returns a float.
    greater_is_better : bool
        False for an error.
    """

    compute: Callable[[ScoredLabels], float]
    greater_is_better: bool = True

    def __call__(self, labels: ScoredLabels) -> float:
        return float(self.compute(labels)) if len(labels) else float("nan")


def _class_counts(labels: ScoredLabels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum up weights by class: right answers, true labels and predicted ones.

    scikit-learn's own figures warn of many classes, or of predictions that y_true
    lacks, and reject labels of different types; all are normal in a small fold.
    """
    numbers: dict[Any, int] = {}
    true, predicted = (
        np.array([numbers.setdefault(label, len(numbers)) for label in column.tolist()])
        for column in (labels.true, labels.predicted)
    )
    right = true == predicted
    return (
        np.bincount(true[right], labels.weight[right], minlength=len(numbers)),
        np.bincount(true, labels.weight, minlength=len(numbers)),
        np.bincount(predicted, labels.weight, minlength=len(numbers)),
    )


def _accuracy(labels: ScoredLabels) -> float:
    right, true, _ = _class_counts(labels)
    return right.sum() / true.sum()


def _balanced_accuracy(labels: ScoredLabels) -> float:
    right, true, _ = _class_counts(labels)
    return np.mean(right[true > 0] / true[true > 0])


def _precision_macro(labels: ScoredLabels) -> float:
    right, _, predicted = _class_counts(labels)
    return _mean_share(right, predicted)


def _recall_macro(labels: ScoredLabels) -> float:
    right, true, _ = _class_counts(labels)
    return _mean_share(right, true)


def _mean_share(part: np.ndarray, whole: np.ndarray) -> float:
    """Return the mean over classes of a share, which is 0 of nothing."""
    shares = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return shares.mean()


def _f1_macro(labels: ScoredLabels) -> float:
    right, true, predicted = _class_counts(labels)
    return np.mean(2 * right / (true + predicted))


def _r2(labels: ScoredLabels) -> float:
    return r2_score(labels.true, labels.predicted, sample_weight=labels.weight)


def _mae(labels: ScoredLabels) -> float:
    return mean_absolute_error(
        labels.true, labels.predicted, sample_weight=labels.weight
    )


def _rmse(labels: ScoredLabels) -> float:
    return root_mean_squared_error(
        labels.true, labels.predicted, sample_weight=labels.weight
    )


FIGURES: dict[str, dict[str, Figure]] = {
    "classification": {
        "accuracy": Figure(_accuracy),
        "balanced_accuracy": Figure(_balanced_accuracy),
        "precision_macro": Figure(_precision_macro),
        "recall_macro": Figure(_recall_macro),
        "f1_macro": Figure(_f1_macro),
    },
    "regression": {
        "r2": Figure(_r2),
        "mae": Figure(_mae, greater_is_better=False),
        "rmse": Figure(_rmse, greater_is_better=False),
    },
}


def warn_without_labels(what: str) -> None:
    """Warn that a figure is NaN for want of labels."""
    warn(
        f"{what} has no label among these rows, so its figure is NaN. Use more rows, "
        "or a splitter that spreads the labels, such as MultiTaskStratifiedKFold.",
        UndefinedMetricWarning,
    )
