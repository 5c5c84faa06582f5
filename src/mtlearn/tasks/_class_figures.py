"""Figures of predicted classes."""

from typing import Any

import numpy as np

from mtlearn.tasks._figure import Figure, ScoredLabels


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


CLASS_FIGURES = {
    "accuracy": Figure(_accuracy),
    "balanced_accuracy": Figure(_balanced_accuracy),
    "precision_macro": Figure(_precision_macro),
    "recall_macro": Figure(_recall_macro),
    "f1_macro": Figure(_f1_macro),
}
