"""Figures of labels that are there or not, of which cells may be missing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlearn.tasks._figure import Figure, ScoredLabels
from mtlearn.tasks._label_parameters import as_labels
from mtlearn.tasks._label_sets import as_indicators


def label_counts(labels: ScoredLabels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum up weights by label: rightly found, true, and predicted.

    Parameters
    ----------
    labels : ScoredLabels
        Of shape (n_labelled, n_labels), 0 or 1; a missing cell has the weight 0.

    Returns
    -------
    right, true, predicted : ndarray of shape (n_labels,)
        Sums of weights.
    """
    there = labels.weight > 0
    true = np.where(there, labels.true > 0, False)
    predicted = np.where(there, labels.predicted > 0, False)
    weighted = (true & predicted, true, predicted)
    right, true, predicted = ((labels.weight * each).sum(axis=0) for each in weighted)
    return right, true, predicted


def f1_of(right: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Compute F1 from sums; NaN of labels that are never there.

    A label without a positive has no F1 to speak of: 0 would be a lie, and 1 too.
    """
    share = np.full(np.shape(true), np.nan)
    return np.divide(2 * right, true + predicted, out=share, where=true > 0)


def mean_f1(right: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> float:
    """Compute the mean F1 over labels that are there at all; NaN if none is."""
    found = f1_of(right, true, predicted)
    return float(np.nanmean(found)) if (true > 0).any() else float("nan")


def _f1_macro(labels: ScoredLabels) -> float:
    return mean_f1(*label_counts(labels))


def _f1_micro(labels: ScoredLabels) -> float:
    right, true, predicted = (each.sum() for each in label_counts(labels))
    return 2 * right / (true + predicted) if true + predicted else float("nan")


def _f1_weighted(labels: ScoredLabels) -> float:
    right, true, predicted = label_counts(labels)
    found = f1_of(right, true, predicted)
    return np.average(found[true > 0], weights=true[true > 0]) if true.any() else np.nan


def _f1_samples(labels: ScoredLabels) -> float:
    """Compute the mean over rows; of no label, none is the right prediction."""
    there = labels.weight > 0
    true, predicted = ((each > 0) & there for each in (labels.true, labels.predicted))
    sums = true.sum(axis=1) + predicted.sum(axis=1)
    shared = 2 * (true & predicted).sum(axis=1)
    found = np.divide(shared, sums, out=np.ones(len(sums)), where=sums > 0)
    return np.average(found, weights=labels.weight.max(axis=1))


def _hamming(labels: ScoredLabels) -> float:
    wrong = (labels.true > 0) != (labels.predicted > 0)
    return np.average(wrong, weights=labels.weight)


def _subset_accuracy(labels: ScoredLabels) -> float:
    wrong = ((labels.true > 0) != (labels.predicted > 0)) & (labels.weight > 0)
    return np.average(~wrong.any(axis=1), weights=labels.weight.max(axis=1))


LABEL_FIGURES = {
    "f1_macro": Figure(_f1_macro),
    "f1_micro": Figure(_f1_micro),
    "f1_weighted": Figure(_f1_weighted),
    "f1_samples": Figure(_f1_samples),
    "hamming": Figure(_hamming, greater_is_better=False),
    "subset_accuracy": Figure(_subset_accuracy),
}


@dataclass(frozen=True)
class OfIndicators:
    """A figure of 0 and 1, of labels that may come as sets."""

    compute: Callable[[ScoredLabels], float]
    task: Any

    def __call__(self, labels: ScoredLabels) -> float:
        known = getattr(self.task, "classes_", None)
        if known is None:
            sets = [each for each in (labels.true, labels.predicted) if each.ndim == 1]
            named = set().union(*(own for each in sets for own in each))
            known = as_labels(sorted(named, key=repr))
        true, predicted = (
            each if each.ndim == 2 else as_indicators(each, known, None, "")
            for each in (labels.true, labels.predicted)
        )
        weight = labels.weight if labels.weight.ndim == 2 else labels.weight[:, None]
        weight = np.broadcast_to(weight, true.shape)
        return self.compute(ScoredLabels(true, predicted, weight))
