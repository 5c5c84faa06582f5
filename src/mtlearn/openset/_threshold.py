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
