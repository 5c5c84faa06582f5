"""What a task promises, and what comes true."""

from dataclasses import dataclass

import numpy as np

from mtlearn.inspection._coverage import interval_factors
from mtlearn.metrics import ScoredOutputs, calibration_bins, calibration_error

N_BINS = 15
_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class CalibrationCurve:
    """What one task promises, and what comes true.

    Attributes
    ----------
    kind : {"confidence", "coverage"}
        What is promised: the confidence in classes, or the coverage of intervals.
    expected : ndarray of shape (n_points,)
        Mean confidence of each bin, NaN where it is empty; or nominal levels.
    observed : ndarray of shape (n_points,)
        Accuracy of each bin, NaN where it is empty; or the share of true values inside
        of the interval of each level.
    share : ndarray of shape (n_points,)
        Share of the rows, or of their weights, in each bin; NaN for levels.
    error : float
        The expected calibration error of the bins; or the mean distance of `observed`
        from `expected` over levels. NaN without a label.

    Examples
    --------
    >>> from mtlearn.inspection import CalibrationDisplay
    >>> display = CalibrationDisplay.from_predictions(
    ...     [0, 1], [[0.8, 0.2], [0.6, 0.4]], n_bins=2
    ... )
    >>> display.curves[""].observed
    array([nan, 0.5])
    """

    kind: str
    expected: np.ndarray
    observed: np.ndarray
    share: np.ndarray
    error: float


def reliability(
    found: tuple[np.ndarray, np.ndarray, np.ndarray], n_bins: int = N_BINS
) -> CalibrationCurve:
    """Compute the curve of a task with probabilities.

    Parameters
    ----------
    found : tuple of ndarray of shape (n_predictions,)
        As `confidences` gives them: how sure, whether right, and weights.
    n_bins : int, default=15
        Bins of equal width.

    Returns
    -------
    CalibrationCurve
        Of confidence.
    """
    return CalibrationCurve(
        "confidence",
        *calibration_bins(*found, n_bins),
        calibration_error(*found, n_bins),
    )


def coverage(
    scored: ScoredOutputs, spread: np.ndarray, members: np.ndarray
) -> CalibrationCurve:
    """Count the true values within intervals around the predicted ones.

    Parameters
    ----------
    scored : ScoredOutputs
        Of a regression.
    spread : ndarray of shape (n_samples, 1)
        Of the members' values.
    members : ndarray of shape (n_members,)
        Their weights.

    Returns
    -------
    CalibrationCurve
        Of coverage.
    """
    levels, nothing = np.array(_LEVELS), np.full(len(_LEVELS), np.nan)
    if not len(scored.true):
        return CalibrationCurve("coverage", levels, nothing, nothing, float("nan"))
    distance = np.abs(scored.true.astype(float) - scored.output[:, 0])
    reach = interval_factors(members, levels) * spread[scored.rows, 0, np.newaxis]
    inside = distance[:, np.newaxis] <= reach
    observed = np.average(inside, axis=0, weights=scored.weight)
    error = float(np.abs(observed - levels).mean())
    return CalibrationCurve("coverage", levels, observed, nothing, error)


def bin_edges(n_bins: int) -> np.ndarray:
    """Give the ends of bins of equal width between 0 and 1."""
    return np.linspace(0, 1, n_bins + 1)
