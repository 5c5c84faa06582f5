"""Which misfit holds those of new samples as often as is wanted."""

import math

import numpy as np
from scipy.stats import rankdata


def conformal_rank(n: int, confidence: float) -> int:
    """Give the rank, of so many misfits, that a further one is seldom above.

    Parameters
    ----------
    n : int
        How many are known.
    confidence : float
        How often a further one, of the same distribution, is to be at most as large.

    Returns
    -------
    int
        ``ceil((n + 1) * confidence)``, from 1 on; above `n` none is large enough.
    """
    # Products such as 100 * 0.55 are a rounding error above a whole number.
    return math.ceil(round((n + 1) * confidence, 9))


def fewest_for(confidence: float) -> int:
    """Give how many misfits there must be, so that one is large enough."""
    return math.ceil(round(confidence / (1 - confidence), 9))


def limits_of(misfits: np.ndarray, confidence: float) -> np.ndarray:
    """Give the limit of each part by itself.

    Parameters
    ----------
    misfits : ndarray of shape (n_samples, n_parts)
        NaN where a label is missing.
    confidence : float
        In (0, 1).

    Returns
    -------
    ndarray of shape (n_parts,)
        Infinite where too few are known.
    """
    return np.array([_limit(column, confidence) for column in misfits.T])


def _limit(column: np.ndarray, confidence: float) -> float:
    known = np.sort(column[~np.isnan(column)])
    return _at(known, conformal_rank(len(known), confidence))


def _at(ordered: np.ndarray, rank: int) -> float:
    return float(ordered[rank - 1]) if rank <= len(ordered) else np.inf


def joint_limits(misfits: np.ndarray, confidence: float) -> np.ndarray:
    """Give limits that all parts of a sample are to keep together.

    Each misfit is replaced by its rank among those of its part, and a row by the
    largest of its ranks; the limit of each part is the misfit one rank above the
    conformal rank of these. The one more is what a further row may add to ranks, so
    that the promise holds for any number of rows, and whatever is alike in them.

    Parameters
    ----------
    misfits : ndarray of shape (n_samples, n_parts)
        Of rows that have all of them.
    confidence : float
        In (0, 1).

    Returns
    -------
    ndarray of shape (n_parts,)
        Infinite where there are too few rows.

    References
    ----------
    .. [1] A. Timans, C.-N. Straehle, K. Sakmann, C. A. Naesseth, E. Nalisnick,
       "Max-Rank: Efficient Multiple Testing for Conformal Prediction", AISTATS 2025.
    """
    n = len(misfits)
    worst = np.sort(rankdata(misfits, method="min", axis=0).max(axis=1))
    rank = _at(worst, conformal_rank(n, confidence)) + 1
    if rank > n:
        return np.full(misfits.shape[1], np.inf)
    return np.sort(misfits, axis=0)[int(rank) - 1]
