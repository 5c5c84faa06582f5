"""What a split is stratified over: arrays in, arrays out."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_BINS = 5


class Codes(NamedTuple):
    """The codes of some strata.

    Attributes
    ----------
    codes : ndarray of shape (n_samples, n_columns)
        Strata of each target, and of whether its label is there where some are not;
        -1 where a label is missing.
    needs : ndarray of shape (n_samples, n_targets)
        What training cannot do without: a code for each class, 0 for any real value,
        -1 where a label is missing.
    """

    codes: NDArray[np.intp]
    needs: NDArray[np.intp]


def target_strata(
    targets: Iterable[tuple[NDArray, NDArray[np.bool_], bool]],
    shares: ArrayLike,
    n_bins: int = N_BINS,
) -> Codes:
    """Encode the strata of several targets.

    Parameters
    ----------
    targets : iterable of (ndarray, ndarray of bool, bool)
        Labels of each column, whether each is there, and whether they are classes; see
        `stratum_codes`.
    shares : array-like of shape (n_parts,)
        Shares of the parts. A bin holds a sample for each part that is not empty, as
        far as the labels reach.
    n_bins : int, default=5
        Number of bins of real values, at most.

    Returns
    -------
    Codes
        Of all targets.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._strata import target_strata
    >>> values = np.array([0.1, 0.2, 0.8, 0.0, 0.9])
    >>> present = np.array([True, True, True, False, True])
    >>> strata = target_strata([(values, present, False)], [0.5, 0.5])
    >>> strata.codes.T
    array([[ 0,  0,  1, -1,  1],
           [ 0,  0,  0, -1,  0]])
    >>> strata.needs.T
    array([[ 0,  0,  0, -1,  0]])
    """
    shares = np.asarray(shares, dtype=np.float64)
    smallest = shares[shares > 0].min(initial=1.0)
    columns, needs = [], []
    for values, present, has_classes in targets:
        # A product such as 0.2 * 35 may be a hair below the whole number.
        enough = int(np.round(present.sum() * smallest, 6))
        codes = stratum_codes(values, present, has_classes, max(1, min(n_bins, enough)))
        is_there = present.astype(np.intp) - 1
        columns.append(codes)
        if codes.max(initial=0) > 0 and not present.all():
            columns.append(is_there)
        needs.append(codes if has_classes else is_there)
    return Codes(np.column_stack(columns), np.column_stack(needs))


def stratum_codes(
    values: NDArray, present: NDArray[np.bool_], has_classes: bool, n_bins: int
) -> NDArray[np.intp]:
    """Encode the strata of one target as whole numbers.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        The target. What stands where `present` is False is not read.
    present : ndarray of shape (n_samples,) of bool
        Whether the label is there.
    has_classes : bool
        A class is a stratum of its own; real values are cut into bins that hold
        about the same number of samples. Equal values share a bin.
    n_bins : int
        Number of bins of real values, at least 1. Fewer come out where many values
        are equal or there are fewer values than bins.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        Strata 0, 1, ...; -1 where the label is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._strata import stratum_codes
    >>> values = np.array([0.1, 0.2, 0.8, 0.0, 0.9])
    >>> present = np.array([True, True, True, False, True])
    >>> stratum_codes(values, present, False, n_bins=2)
    array([ 0,  0,  1, -1,  1])
    """
    codes = np.full(len(values), -1, dtype=np.intp)
    labelled = values[present]
    if not has_classes:
        codes[present] = _quantile_bins(labelled.astype(np.float64), n_bins)
    elif labelled.dtype == object:
        # Labels of mixed types cannot be sorted: number them as they appear.
        seen: dict[object, int] = {}
        codes[present] = [seen.setdefault(label, len(seen)) for label in labelled]
    else:
        codes[present] = np.unique(labelled, return_inverse=True)[1]
    return codes


def _quantile_bins(values: NDArray[np.float64], n_bins: int) -> NDArray[np.intp]:
    """Bin each value by its middle rank, so that equal values stay together."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / max(len(values), 1)
    return np.unique((middle * n_bins).astype(np.intp)[inverse], return_inverse=True)[1]
