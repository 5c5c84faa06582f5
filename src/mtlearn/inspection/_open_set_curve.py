"""How well one score tells known from unknown samples."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)


@dataclass(frozen=True)
class OpenSetCurve:
    """The curves of one score, known against unknown samples: unknown is positive.

    Attributes
    ----------
    task : str
        What is told.
    unknown : str
        Which unknown samples.
    name : str
        Of the score, or of the classifier whose score it is.
    known_rejected, unknown_rejected : ndarray of shape (n_points,)
        Shares of the known and of the unknown samples that a threshold rejects, which
        are the false and the true positive rate; both rising.
    precision, recall : ndarray of shape (n_thresholds,)
        Share of the unknown among what is rejected, and of the unknown that are.
    roc_auc, average_precision : float
        Areas under both; a score that tells nothing has 0.5, and `prevalence`.
    prevalence : float
        Share of the unknown among all samples.
    threshold : float or None
        Lower scores are rejected; None if this score does not decide.
    quantile : float or None
        Share of known samples that the threshold is to keep.
    at : tuple of (float, float, float) or None
        `known_rejected`, `unknown_rejected` and precision at the threshold; the last is
        NaN where nothing is rejected.

    Examples
    --------
    >>> from mtlearn.inspection import OpenSetCurveDisplay
    >>> display = OpenSetCurveDisplay.from_predictions(
    ...     [-1.0, -2.0, -3.0, -5.0], [-4.0, -6.0], threshold=-3.5
    ... )
    >>> (curve,) = display.curves
    >>> curve.roc_auc, curve.at
    (0.875, (0.25, 1.0, 0.6666666666666666))
    """

    task: str
    unknown: str
    name: str
    known_rejected: np.ndarray
    unknown_rejected: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    roc_auc: float
    average_precision: float
    prevalence: float
    threshold: float | None = None
    quantile: float | None = None
    at: tuple[float, float, float] | None = None


def open_set_curve(
    names: tuple[str, str, str],
    known: np.ndarray,
    unknown: np.ndarray,
    threshold: float | None = None,
    quantile: float | None = None,
) -> OpenSetCurve:
    """Compute the curves.

    Parameters
    ----------
    names : tuple of str
        The task, the set of unknown samples, and what scores them.
    known, unknown : ndarray of shape (n_known,) and (n_unknown,)
        Scores, at least one of each; higher is more known.
    threshold, quantile : float, default=None
        Lower scores are rejected, which is to keep such a share of the known ones.

    Returns
    -------
    OpenSetCurve
        With the point of the threshold, if there is one.
    """
    # No more than the order counts, which ranks of scores that are infinite have too.
    scores = -np.unique(np.concatenate([known, unknown]), return_inverse=True)[1]
    is_unknown = np.repeat([0, 1], [len(known), len(unknown)])
    false, true, _ = roc_curve(is_unknown, scores)
    precision, recall, _ = precision_recall_curve(is_unknown, scores)
    return OpenSetCurve(
        *names,
        false,
        true,
        precision,
        recall,
        float(roc_auc_score(is_unknown, scores)),
        float(average_precision_score(is_unknown, scores)),
        float(is_unknown.mean()),
        threshold,
        quantile,
        None if threshold is None else _at(known, unknown, threshold),
    )


def _at(
    known: np.ndarray, unknown: np.ndarray, threshold: float
) -> tuple[float, float, float]:
    wrong, right = (int((each < threshold).sum()) for each in (known, unknown))
    precision = right / (right + wrong) if right + wrong else float("nan")
    return wrong / len(known), right / len(unknown), precision
