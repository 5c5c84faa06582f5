"""From the scores of known rows to a threshold, and to a common scale."""

import math

import numpy as np


def conformal_threshold(scores: np.ndarray, quantile: float) -> float:
    """Find the score that a share of further known rows does not exceed.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Of known rows that nothing was fitted on.
    quantile : float
        The share, in (0, 1).

    Returns
    -------
    float
        The ``ceil((n + 1) * quantile)``-th smallest of the n scores: of rows from where
        these come from, no more than ``1 - quantile`` are above it, on average over
        draws of all of them. Infinite where n is too small for any to promise that.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World",
       Springer, 2005.
    """
    # A product that is whole but for its rounding is whole.
    rank = math.ceil(round((len(scores) + 1) * quantile, 9))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf


def fewest_rows(quantile: float) -> int:
    """Count the rows that a threshold takes at least.

    Parameters
    ----------
    quantile : float
        In (0, 1).

    Returns
    -------
    int
        From so many on it is finite.
    """
    return math.ceil(round(quantile / (1 - quantile), 9))


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
        Their median, and how far the 95th percentile is above it; 1 if it is not.
    """
    middle, high = np.percentile(scores, [50, 95])
    width = float(high - middle)
    return float(middle), width if width > 0 else 1.0
