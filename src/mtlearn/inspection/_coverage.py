"""Intervals from how far the members of an ensemble lie apart."""

import numpy as np
from scipy import stats


def interval_factors(weights: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Give what to multiply the members' standard deviation with.

    The mean of the members plus and minus so many deviations holds a further value of
    the same normal distribution with the chance of the level. It is Student's
    t-interval for one more value [1]_: the deviation is estimated from few members, and
    their mean is not the true one. Exact for equal weights; for others, the degrees of
    freedom are Satterthwaite's [2]_.

    Parameters
    ----------
    weights : ndarray of shape (n_members,)
        Of the members in the mean and the deviation, two of them positive at least.
    levels : ndarray of shape (n_levels,)
        Nominal chances, in (0, 1).

    Returns
    -------
    ndarray of shape (n_levels,)
        Factors of the deviation, which is divided by the sum of the weights.

    References
    ----------
    .. [1] S. Geisser, "Predictive Inference: An Introduction", 1993.
    .. [2] F. E. Satterthwaite, "An Approximate Distribution of Estimates of Variance
       Components", Biometrics Bulletin 2, 1946.
    """
    share = weights / weights.sum()
    of_mean = (share**2).sum()  # variance of the mean, by that of a member
    expected = 1 - of_mean  # of the squared deviation, by the same
    trace = of_mean - 2 * (share**3).sum() + of_mean**2
    degrees = expected**2 / trace
    quantiles = stats.t.ppf((1 + levels) / 2, degrees)
    return quantiles * np.sqrt((1 + of_mean) / expected)
