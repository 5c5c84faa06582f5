"""Where to cut probabilities, so that F1, or another F, is highest."""

import numpy as np


def best_cut(
    scores: np.ndarray,
    truth: np.ndarray,
    weight: np.ndarray | None = None,
    beta: float = 1.0,
) -> float:
    """Find the cut above which samples are taken for positive, with the highest F.

    With probabilities for the truth it is the *expected* F that is highest, for which
    no label is needed: that of the m most probable samples is
    ``(1 + beta**2) * sum(truth[:m]) / (m + beta**2 * sum(truth))``.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        What is cut.
    truth : ndarray of shape (n_samples,)
        Whether each sample is positive, 0 or 1, or how probable that is.
    weight : ndarray of shape (n_samples,), default=None
        Weights, not negative; None for one each.
    beta : float, default=1.0
        How many times as much recall counts as precision.

    Returns
    -------
    float
        Midway between two scores, of which equal ones are on the same side; NaN if
        nothing is positive, so that there is no F.

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan, B. Narayanaswamy, "Optimal Thresholding of
       Classifiers to Maximize F1 Measure", ECML PKDD 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._cuts import best_cut
    >>> chances = np.array([0.9, 0.6, 0.3, 0.1])
    >>> cut = best_cut(chances, chances)  # the first two have 2 * 1.5 / (2 + 1.9)
    >>> chances > cut
    array([ True,  True, False, False])
    """
    weight = np.ones(len(scores)) if weight is None else weight
    kept = weight > 0
    scores, truth, weight = scores[kept], truth[kept], weight[kept]
    whole = float((weight * truth).sum())
    if not whole > 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    found = (weight * truth)[order].cumsum()
    taken = weight[order].cumsum()
    # Only after the last of several equal scores.
    ends = np.flatnonzero(np.append(scores[1:] < scores[:-1], True))
    # The factor 1 + beta**2 is the same for all.
    best = ends[np.argmax(found[ends] / (taken[ends] + beta**2 * whole))]
    if best + 1 == len(scores):  # all of them are positive
        return float(np.nextafter(scores[best], -np.inf))
    middle = float((scores[best] + scores[best + 1]) / 2)
    # Between two neighbours there is none: samples are above the lower one.
    return middle if middle < scores[best] else float(scores[best + 1])
