"""How sure a threshold is, and from the scores of known rows to a common scale."""

import math

import numpy as np


def standard_error(n_samples: int, quantile: float) -> float:
    """Tell how far the share of known rows that are kept may be off.

    Parameters
    ----------
    n_samples : int
        Rows that the threshold comes from.
    quantile : float
        In (0, 1).

    Returns
    -------
    float
        Standard deviation over draws of them.
    """
    return math.sqrt(quantile * (1 - quantile) / n_samples)


def spread_of(scores: np.ndarray) -> tuple[float, float]:
    """Give what scores of any kind are brought to one scale by.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Of known rows.

    Returns
    -------
    middle, width : float
        Their median, and how far the 95th percentile is above it, or the largest if
        that is not; 1 if they are all alike.
    """
    middle, *higher = np.percentile(scores, [50, 95, 100])
    widths = [float(high - middle) for high in higher if high > middle]
    return float(middle), widths[0] if widths else 1.0


def spreads_of_others(scores: np.ndarray) -> np.ndarray:
    """Give for each row what the scores of all other rows are brought to one scale by.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Of known rows; of one alone, its own counts.

    Returns
    -------
    ndarray of shape (n_samples, 2)
        What `spread_of` gives of the others.
    """
    n = len(scores)
    if n == 1:
        return np.array([spread_of(scores)])
    order, ranks = np.argsort(scores, kind="stable"), np.arange(n)
    ordered, found = scores[order], np.empty((n, 3))
    for column, share in enumerate((0.5, 0.95, 1.0)):
        place = share * (n - 2)
        low = math.floor(place)
        below, above = (
            ordered[each + (each >= ranks)] for each in (low, min(low + 1, n - 2))
        )
        found[order, column] = below + (above - below) * (place - low)
    middle, high, highest = found.T
    width = np.where(high > middle, high - middle, highest - middle)
    return np.column_stack([middle, np.where(width > 0, width, 1.0)])


def largest(scores: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """Give one score, or the largest of several on a common scale.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_scores)
        Of any rows.
    spreads : ndarray of shape (n_scores, 2) or (n_samples, n_scores, 2)
        Middle and width of each, for all rows or for each one.

    Returns
    -------
    ndarray of shape (n_samples,)
        A score alone as it is, else z-scores.
    """
    if scores.shape[1] == 1:
        return scores[:, 0]
    return ((scores - spreads[..., 0]) / spreads[..., 1]).max(axis=1)
