"""Validation rows that are other numbers than the training rows."""

import math
from typing import Any

import numpy as np

from mtlearn._utils._indexing import evenly_spaced
from mtlearn._utils._warn import warn

# Of each X so many rows are looked at, and fewer if they are long.
_MOST_ROWS, _FEWEST_ROWS, _MOST_VALUES = 256, 16, 2**20
# Sizes of rows that lie apart by this factor, or columns by this share of their width.
_FACTOR, _SHARE = 2.0, 0.5
# No warning where chance alone would bring it about as often.
_CHANCE = 1e-4


def warn_far(X: Any, X_val: Any, counted: Any = None) -> None:
    """Warn if most validation rows lie far outside of the training rows.

    The usual reason is a scaler that only one of them went through.

    Parameters
    ----------
    X, X_val : ndarray of shape (n_samples, ...)
        Numbers, in a file perhaps: few rows are read. Of anything else, such as a
        dataset, none are. NaN is a missing one.
    counted : array-like of bool of shape (n_columns,), default=None
        Which columns of a table are looked at; None for all.

    Warns
    -----
    UserWarning
        If at least half of the validation rows have a largest absolute value, or a
        deviation of their values, that is more than twice that of every training row,
        or less than half of it; or if, in at least half of the columns, at least half
        of them lie outside of the training range by more than half its width. Rows
        drawn alike do so with a chance of a few in 10,000 at most, whatever they are.
    """
    if not (isinstance(X, np.ndarray) and isinstance(X_val, np.ndarray)):
        return
    train, valid = _sample(X), _sample(X_val)
    if counted is not None:
        train, valid = (each[:, np.asarray(counted)] for each in (train, valid))
    if not train.size:
        return
    train, valid = _without_gaps(train, valid)
    if not (_sizes_differ(train, valid) or _columns_differ(train, valid)):
        return
    ranges = [f"from {rows.min():.3g} to {rows.max():.3g}" for rows in (valid, train)]
    warn(
        f"Rows of X_val lie far outside of those of X: their values go {ranges[0]}, "
        f"and those of X {ranges[1]}, in the rows looked at. If X went through a "
        "scaler, X_val must too, or the best epoch is chosen on other numbers: a "
        "Pipeline of mtlearn.pipeline transforms it in fit(X, y, X_val=..., "
        "y_val=...); elsewhere pass scaler.transform(X_val).",
    )


def _sample(X: np.ndarray) -> np.ndarray:
    """Read some rows, evenly spaced, as (n_rows, n_values)."""
    size = math.prod(X.shape[1:])
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_VALUES // size))
    rows = evenly_spaced(len(X), most)
    return np.asarray(X[rows]).reshape(len(rows), -1)


def _without_gaps(
    train: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Put numbers where some are missing: such as are nowhere far."""
    gaps = np.isnan(train)
    if not gaps.any() and not np.isnan(valid).any():
        return train, valid
    n_known = np.maximum((~gaps).sum(axis=0), 1)
    means = np.where(gaps, 0.0, train / n_known).sum(axis=0)
    return np.where(gaps, means, train), np.where(np.isnan(valid), means, valid)


def _sizes_differ(train: np.ndarray, valid: np.ndarray) -> bool:
    return any(
        _apart(of_train, of_valid)
        for of_train, of_valid in zip(_sizes(train), _sizes(valid), strict=True)
    )


def _apart(train: np.ndarray, valid: np.ndarray) -> bool:
    # A row of zeros, or of one number, tells nothing of a scale.
    train, seen = train[train > 0], valid[valid > 0]
    if not len(train):
        return False
    larger = int((seen > _FACTOR * train.max()).sum())
    smaller = int((seen < train.min() / _FACTOR).sum())
    return max(larger, smaller) >= _enough(len(train), len(valid))


def _sizes(rows: np.ndarray) -> np.ndarray:
    """Give the largest absolute value and the deviation of each row, (2, n_rows)."""
    wide = (row.astype(np.float64) for row in rows)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array([(np.abs(row).max(), row.std()) for row in wide]).T


def _columns_differ(train: np.ndarray, valid: np.ndarray) -> bool:
    low, high = train.min(axis=0), train.max(axis=0)
    varies = low < high
    if not varies.any():
        return False
    low, high = (each[varies].astype(np.float64) for each in (low, high))
    margin, rows = _SHARE * (high - low), valid[:, varies]
    outside = ((rows < low - margin).sum(axis=0), (rows > high + margin).sum(axis=0))
    enough = np.maximum(*outside) >= _enough(len(train), len(valid))
    return bool(enough.mean() >= 0.5)


def _enough(n_train: int, n_valid: int) -> float:
    """Give the number of validation rows beyond all training rows that chance excludes.

    Of rows drawn alike, the k outermost are all for validation with the chance
    C(n_valid, k) / C(n_train + n_valid, k).
    """
    for k in range(math.ceil(n_valid / 2), n_valid + 1):
        if math.comb(n_valid, k) < _CHANCE * math.comb(n_train + n_valid, k):
            return k
    return math.inf
