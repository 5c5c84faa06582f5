"""How good the surest predictions are, by how many of them are kept."""

from dataclasses import dataclass

import numpy as np

from mtlearn.metrics import ScoredOutputs


@dataclass(frozen=True)
class RejectionCurve:
    """How good the surest predictions of one task are, by how many are kept.

    Attributes
    ----------
    kind : {"accuracy", "error"}
        What is told of predictions that are kept: the accuracy, or the mean absolute
        error in the units of y.
    coverage : ndarray of shape (n_points,)
        Share of the rows, or of their weights, that are kept; rising to 1. Rows that
        are equally sure are kept or rejected together.
    threshold : ndarray of shape (n_points,)
        Lowest confidence that is kept, or largest spread.
    kept : ndarray of shape (n_points,)
        Accuracy, or mean error, of what is kept.

    Examples
    --------
    >>> from mtlearn.inspection import RejectionDisplay
    >>> y_prob = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]]
    >>> display = RejectionDisplay.from_predictions([0, 1, 1, 0], y_prob)
    >>> display.curves[""].kept.round(2)
    array([1.  , 1.  , 0.67, 0.75])
    """

    kind: str
    coverage: np.ndarray
    threshold: np.ndarray
    kept: np.ndarray

    @property
    def risk(self) -> np.ndarray:
        """What is wrong of what is kept, `(n_points,)`: errors."""
        return 1 - self.kept if self.kind == "accuracy" else self.kept

    @property
    def aurc(self) -> float:
        """Area under `risk` over `coverage`, 0 at best; NaN without a label."""
        if not len(self.coverage):
            return float("nan")
        return float(np.diff(self.coverage, prepend=0) @ self.risk)


def of_confidence(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> RejectionCurve:
    """Compute the curve of a task with probabilities.

    Parameters
    ----------
    found : tuple of ndarray of shape (n_predictions,)
        As `confidences` gives them: how sure, whether right, and weights.

    Returns
    -------
    RejectionCurve
        Of the accuracy.
    """
    confidence, right, weight = found
    return _curve("accuracy", confidence, right.astype(np.float64), weight)


def of_spread(scored: ScoredOutputs, spread: np.ndarray) -> RejectionCurve:
    """Compute the curve of values, of which members are surer where they agree.

    Parameters
    ----------
    scored : ScoredOutputs
        Of a task of values.
    spread : ndarray of shape (n_samples, 1)
        Of the members' values.

    Returns
    -------
    RejectionCurve
        Of the mean absolute error.
    """
    errors = np.abs(scored.true.astype(np.float64) - scored.output[:, 0])
    curve = _curve("error", -spread[scored.rows, 0], errors, scored.weight)
    return RejectionCurve("error", curve.coverage, -curve.threshold, curve.kept)


def _curve(
    kind: str, sure: np.ndarray, value: np.ndarray, weight: np.ndarray
) -> RejectionCurve:
    counts = weight > 0
    sure, value, weight = sure[counts], value[counts], weight[counts]
    order = np.argsort(-sure, kind="stable")
    sure, value, weight = sure[order], value[order], weight[order]
    total = weight.cumsum()
    # The last of rows that are equally sure.
    ends = np.flatnonzero(np.diff(sure, append=-np.inf) != 0)
    kept = (weight * value).cumsum()[ends] / total[ends]
    return RejectionCurve(kind, total[ends] / total[-1:], sure[ends], kept)
