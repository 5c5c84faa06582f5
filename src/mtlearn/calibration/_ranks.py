"""Which misfit holds those of new samples as often as is wanted."""

import numpy as np
from scipy.stats import rankdata

from mtlearn._utils._conformal_rank import conformal_threshold


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
    known = (column[~np.isnan(column)] for column in misfits.T)
    return np.array([conformal_threshold(each, confidence) for each in known])


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
    worst = rankdata(misfits, method="min", axis=0).max(axis=1)
    rank = conformal_threshold(worst, confidence) + 1
    if rank > n:
        return np.full(misfits.shape[1], np.inf)
    return np.sort(misfits, axis=0)[int(rank) - 1]
