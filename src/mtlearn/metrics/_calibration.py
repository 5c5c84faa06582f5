"""Whether probabilities come true."""

from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from mtlearn._utils._listing import bracketed
from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import InvalidDataError
from mtlearn.metrics._paired import (
    check_one_type,
    refuse_masked_predictions,
    weight_column,
)


def expected_calibration_error(
    y_true: Any,
    y_prob: Any,
    *,
    labels: Any = None,
    n_bins: int = 15,
    sample_weight: Any = None,
) -> float:
    """Compute how far confidence and accuracy lie apart.

    Samples are sorted into bins by the probability of the predicted class, the
    confidence. The error is the mean over bins, weighted by their samples, of the
    distance between mean confidence and accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, none of them missing. One that is not among `labels` counts as
        wrong.
    y_prob : array-like of shape (n_samples, n_classes)
        Probabilities, which sum to one.
    labels : array-like of shape (n_classes,), default=None
        Label of each column. None takes the sorted labels of `y_true`, which must then
        have every class.
    n_bins : int, default=15
        Bins of equal width between 0 and 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    float
        In [0, 1]; 0 is best. NaN without a sample that has a weight.

    Raises
    ------
    InvalidDataError
        If the labels do not match the columns or each other's type, or the
        probabilities or weights are none.
    InvalidParameterError, ParameterTypeError
        If `n_bins` is not a positive integer.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern
       Neural Networks", ICML 2017.

    Examples
    --------
    >>> from mtlearn.metrics import expected_calibration_error
    >>> y_prob = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]
    >>> round(expected_calibration_error([0, 0, 1, 0], y_prob), 3)
    0.2
    """
    n_bins = check_integer(n_bins, "n_bins", "expected_calibration_error", low=1)
    confidence, right, weight = confidences(y_true, y_prob, labels, sample_weight)
    return calibration_error(confidence, right, weight, n_bins)


def confidences(
    y_true: Any, y_prob: Any, labels: Any = None, sample_weight: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check labels and probabilities, and give what calibration is computed from.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, none of them missing.
    y_prob : array-like of shape (n_samples, n_classes)
        Probabilities, which sum to one.
    labels : array-like of shape (n_classes,), default=None
        Label of each column; None takes the sorted labels of `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    confidence, right, weight : ndarray of shape (n_samples,)
        Probability of the predicted class, whether it is the true one, and weights.

    Raises
    ------
    InvalidDataError
        If the labels do not match the columns or each other's type, or the
        probabilities or weights are none.
    """
    refuse_masked_predictions(y_true=y_true, y_prob=y_prob, sample_weight=sample_weight)
    y_true = column_or_1d(y_true)
    y_prob = check_array(y_prob, dtype=np.float64)
    labels = np.unique(y_true) if labels is None else column_or_1d(labels)
    if len(labels) != y_prob.shape[1]:
        raise InvalidDataError(
            f"y_prob has {y_prob.shape[1]} columns for {len(labels)} labels: "
            f"{bracketed(labels.tolist())}. Pass labels=, one for each column."
        )
    check_one_type(y_true=y_true, labels=labels)
    sums = y_prob.sum(axis=1)
    wrong = np.flatnonzero((y_prob < 0).any(axis=1) | ~np.isclose(sums, 1, atol=1e-4))
    if len(wrong):
        raise InvalidDataError(
            f"Row {wrong[0]} of y_prob must have probabilities that sum to one. "
            f"Got {bracketed(y_prob[wrong[0]].tolist())} instead."
        )
    weight = weight_column(sample_weight, len(y_true))
    check_consistent_length(y_true, y_prob, weight)
    right = labels[y_prob.argmax(axis=1)] == y_true
    return y_prob.max(axis=1), right, weight


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, weight: np.ndarray, n_bins: int = 15
) -> float:
    """Compute the error from what is known of each sample; NaN without a weight."""
    total = weight.sum()
    if not total:
        return float("nan")
    bins = _bin_numbers(confidence, n_bins)
    gaps = np.bincount(bins, weights=weight * (right - confidence))
    return float(np.abs(gaps).sum() / total)


def calibration_bins(
    confidence: np.ndarray, right: np.ndarray, weight: np.ndarray, n_bins: int = 15
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute what the error adds up.

    Parameters
    ----------
    confidence, right, weight : ndarray of shape (n_samples,)
        Probability of the predicted class, whether it is the true one, and weights.
    n_bins : int, default=15
        Bins of equal width between 0 and 1.

    Returns
    -------
    confidence, accuracy, share : ndarray of shape (n_bins,)
        Mean confidence and accuracy of each bin, NaN where it is empty, and its share
        of the weights, NaN without any.
    """
    bins = _bin_numbers(confidence, n_bins)
    sums = [
        np.bincount(bins, weights=weight * values, minlength=n_bins)
        for values in (confidence, right, np.ones(len(bins)))
    ]
    weights, empty = sums[2], np.full(n_bins, np.nan)
    means = [
        np.divide(each, weights, out=empty.copy(), where=weights > 0) for each in sums
    ]
    total = weights.sum()
    return means[0], means[1], weights / total if total else empty


def _bin_numbers(confidence: np.ndarray, n_bins: int) -> np.ndarray:
    """Sort into bins, which hold their upper edge: full confidence is in the last."""
    return np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
