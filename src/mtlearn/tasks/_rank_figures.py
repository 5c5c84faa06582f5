"""Figures of predicted classes that have an order."""

import numpy as np
from sklearn.metrics import cohen_kappa_score

from mtlearn.tasks._classes import find_labels
from mtlearn.tasks._figure import ScoredLabels


def placed(labels: ScoredLabels, order: np.ndarray) -> ScoredLabels:
    """Give the ranks of labels; one that is no category lies as far as can be.

    Parameters
    ----------
    labels : ScoredLabels
        True and predicted labels.
    order : ndarray of shape (n_classes,)
        The categories from the lowest to the highest.

    Returns
    -------
    ScoredLabels
        Ranks from 0 on.
    """
    classes = np.sort(order)
    ranks, last = find_labels(order, classes)[0].argsort(), len(order) - 1
    (true, known), (predicted, sure) = (
        find_labels(each, classes) for each in (labels.true, labels.predicted)
    )
    true, predicted = np.where(known, ranks[true], 0), ranks[predicted]
    # Of two that are no categories, the true one is the lowest.
    predicted = np.where(sure, predicted, _farthest(true, last))
    true = np.where(known, true, _farthest(predicted, last))
    return ScoredLabels(true, predicted, labels.weight)


def _farthest(ranks: np.ndarray, last: int) -> np.ndarray:
    return np.where(ranks > last / 2, 0, last)


def mean_error(ranks: ScoredLabels) -> float:
    """Give the mean distance between true and predicted ranks."""
    errors = np.abs(ranks.true - ranks.predicted)
    return float(np.average(errors, weights=ranks.weight))


def quadratic_kappa(ranks: ScoredLabels, n_ranks: int) -> float:
    """Give Cohen's kappa by squared distances; NaN where chance makes no error."""
    if len(set(ranks.true.tolist()) | set(ranks.predicted.tolist())) < 2:
        return float("nan")
    return cohen_kappa_score(
        ranks.true,
        ranks.predicted,
        labels=np.arange(n_ranks),  # also those that no label has
        weights="quadratic",
        sample_weight=ranks.weight,
    )
