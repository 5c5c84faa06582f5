"""Which score those of further samples do not exceed as often as is wanted."""

import math
from bisect import bisect_left

import numpy as np


def conformal_rank(n: int, quantile: float) -> int:
    """Give the rank, of so many scores, that a further one is seldom above.

    Parameters
    ----------
    n : int
        How many are known.
    quantile : float
        How often a further one, from where these come from, is to be at most as large;
        in (0, 1).

    Returns
    -------
    int
        ``ceil((n + 1) * quantile)``, from 1 on; above `n` none is large enough.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World",
       Springer, 2005.
    """
    # A product that is whole but for its rounding, such as 100 * 0.55, is whole.
    return max(1, math.ceil(round((n + 1) * quantile, 9)))


def conformal_threshold(scores: np.ndarray, quantile: float) -> float:
    """Find the score that a share of further samples does not exceed.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Of samples that nothing was fitted on.
    quantile : float
        The share, in (0, 1).

    Returns
    -------
    float
        That of the conformal rank: no more than ``1 - quantile`` of further ones are
        above it, on average over draws of all of them. Infinite where n is too small
        for any to promise that.
    """
    rank = conformal_rank(len(scores), quantile)
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
    # Counted by the rank itself: quotients of quantiles near 1 are too coarse.
    return 1 + bisect_left(
        range(1, 2**53), True, key=lambda n: conformal_rank(n, quantile) <= n
    )
