"""Figures of labels that are there or not, of which cells may be missing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._figure import Figure, LabelFigure, ScoredLabels, share_of
from mtlearn.tasks._label_parameters import as_labels
from mtlearn.tasks._label_sets import as_indicators
from mtlearn.tasks._ranking_figures import areas_under_roc, average_precisions

AnyFigure = TypeVar("AnyFigure", Figure, LabelFigure)


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
    return share_of(2 * right, np.where(true > 0, true + predicted, 0))


def mean_f1(right: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> float:
    """Compute the mean F1 over labels that are there at all; NaN if none is."""
    return _mean_of_defined(f1_of(right, true, predicted))


def _mean_of_defined(figures: np.ndarray) -> float:
    """Give the mean over labels that have such a figure; NaN if none has."""
    defined = figures[~np.isnan(figures)]
    return float(defined.mean()) if len(defined) else float("nan")


def _f1(labels: ScoredLabels) -> np.ndarray:
    return f1_of(*label_counts(labels))


def _average_precision(labels: ScoredLabels) -> np.ndarray:
    return average_precisions(labels.true > 0, labels.predicted, labels.weight)


def _roc_auc(labels: ScoredLabels) -> np.ndarray:
    return areas_under_roc(labels.true > 0, labels.predicted, labels.weight)


def _precision(labels: ScoredLabels) -> np.ndarray:
    right, _, predicted = label_counts(labels)
    return share_of(right, predicted)


def _recall(labels: ScoredLabels) -> np.ndarray:
    right, true, _ = label_counts(labels)
    return share_of(right, true)


def _support(labels: ScoredLabels) -> np.ndarray:
    return ((labels.true > 0) & (labels.weight > 0)).sum(axis=0)


def _prevalence(labels: ScoredLabels) -> np.ndarray:
    _, true, _ = label_counts(labels)
    return share_of(true, labels.weight.sum(axis=0))


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


def _ap_micro(labels: ScoredLabels) -> float:
    """Compute the average precision of all labels in one order."""
    cells = (labels.true > 0, labels.predicted, labels.weight)
    return average_precisions(*(each.reshape(-1, 1) for each in cells))[0]


def _mean_over_labels(
    each: Callable[[ScoredLabels], np.ndarray], *, of_outputs: bool = False
) -> Figure:
    def mean(labels: ScoredLabels) -> float:
        return _mean_of_defined(each(labels))

    return Figure(mean, of_outputs=of_outputs, each=each)


LABEL_FIGURES = {
    "f1_macro": _mean_over_labels(_f1),
    "f1_micro": Figure(_f1_micro),
    "f1_weighted": Figure(_f1_weighted),
    "f1_samples": Figure(_f1_samples),
    "hamming": Figure(_hamming, greater_is_better=False),
    "subset_accuracy": Figure(_subset_accuracy),
    "map": _mean_over_labels(_average_precision, of_outputs=True),
    "ap_micro": Figure(_ap_micro, of_outputs=True),
    "roc_auc_macro": _mean_over_labels(_roc_auc, of_outputs=True),
}

FIGURES_BY_LABEL = {
    "support": LabelFigure(_support, varies=False),
    "prevalence": LabelFigure(_prevalence, varies=False),
    "precision": LabelFigure(_precision),
    "recall": LabelFigure(_recall),
    "f1": LabelFigure(_f1),
    "average_precision": LabelFigure(_average_precision, of_outputs=True),
}


def bound(figure: AnyFigure, task: Any) -> AnyFigure:
    """Give a figure that takes labels of a task as sets, too."""
    inner: dict[str, Any] = {"compute": OfIndicators(figure.compute, task)}
    if isinstance(figure, Figure) and figure.each is not None:
        inner["each"] = OfIndicators(figure.each, task)
    return replace(figure, **inner)


@dataclass(frozen=True)
class OfIndicators:
    """A figure of 0 and 1, of labels that may come as sets."""

    compute: Callable[[ScoredLabels], Any]
    task: Any

    def __call__(self, labels: ScoredLabels) -> Any:
        return self.compute(as_cells(labels, self.task))


def as_cells(labels: ScoredLabels, task: Any) -> ScoredLabels:
    """Give a column of 0 and 1 for each label, of sets too.

    Parameters
    ----------
    labels : ScoredLabels
        Indicators or sets; predicted ones, or probabilities.
    task : LabelColumns
        Which may not be fitted.

    Returns
    -------
    ScoredLabels
        Of shape (n_labelled, n_labels). A label of a set that the task does not know
        has a column of its own at the end, as it counts as wrong.

    Raises
    ------
    InvalidDataError
        If the probabilities are of labels that nobody has declared.
    """
    true, predicted, weight = labels.true, labels.predicted, labels.weight
    if true.ndim == 2:
        return labels
    named = set().union(*true.tolist())
    if predicted.ndim == 1:
        named = named.union(*predicted.tolist())
    known = task.known_labels()
    if known is None and predicted.ndim == 2:
        raise InvalidDataError(
            "Probabilities cannot be scored by sets of labels, as nothing says which "
            "column is whose. Declare MultiLabel(labels=[...]), or pass the 'tasks_' "
            "of a fitted estimator."
        )
    known = known or []
    columns = as_labels([*known, *sorted(named.difference(known), key=repr)])
    if predicted.ndim == 1:
        predicted = as_indicators(predicted, columns, None, "")
    else:
        n_unknown = len(columns) - len(known)
        predicted = np.pad(predicted, ((0, 0), (0, n_unknown)))
    true = as_indicators(true, columns, None, "")
    return ScoredLabels(
        true, predicted, np.broadcast_to(weight[:, np.newaxis], true.shape)
    )
