"""Stratified splits over several targets at once: arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Deals tried per label; the one that leaves the other columns most even is kept.
_N_DEALS = 8
# A fold lacks a whole sample; the hair below 1 allows for rounding.
_WHOLE = 1 - 1e-6
_N_PASSES=3
_POW=1.


def stratum_codes(
    values: NDArray, present: NDArray[np.bool_], kind: str, n_bins: int
) -> NDArray[np.intp]:
    """Number the strata of one target.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        The target. What stands where `present` is False is not read.
    present : ndarray of shape (n_samples,) of bool
        Whether the label is there.
    kind : {"classification", "regression"}
        A class is a stratum of its own; real values are cut into bins that hold
        about the same number of samples. Equal values share a bin.
    n_bins : int
        Number of bins of a regression, at least 1. Fewer come out where many values
        are equal or there are fewer values than bins.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        Strata 0, 1, ...; -1 where the label is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._stratify import stratum_codes
    >>> values = np.array([0.1, 0.2, 0.8, 0.0, 0.9])
    >>> present = np.array([True, True, True, False, True])
    >>> stratum_codes(values, present, "regression", n_bins=2)
    array([ 0,  0,  1, -1,  1])
    """
    codes = np.full(len(values), -1, dtype=np.intp)
    labelled = values[present]
    if kind == "regression":
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


def assign_folds(
    codes: NDArray[np.integer],
    proportions: ArrayLike,
    rng: np.random.RandomState,
) -> NDArray[np.intp]:
    """Deal samples into folds so that every stratum of every column is spread.

    This is iterative stratification [1]_ for several columns of strata, with all
    samples of a stratum dealt at once: from the rarest stratum to the most common,
    its samples are handed out in the numbers that each fold still lacks.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_columns) of int
        Stratum of each sample in each column; -1, a missing label, is a stratum of
        its own.
    proportions : array-like of shape (n_folds,)
        Positive shares of the folds; they sum to 1.
    rng : numpy.random.RandomState
        Source of all random choices.

    Returns
    -------
    folds : ndarray of shape (n_samples,)
        Fold of each sample. The folds' sizes are `proportions` times `n_samples`,
        rounded by largest remainder.

    References
    ----------
    .. [1] K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of
       Multi-Label Data", ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._stratify import assign_folds
    >>> codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2)
    >>> folds = assign_folds(codes, [0.5, 0.5], np.random.RandomState(0))
    >>> np.unique(codes[folds == 0], axis=0)
    array([[0, 0],
           [0, 1],
           [1, 0],
           [1, 1]])
    """
    shares = np.asarray(proportions, dtype=np.float64)
    sizes = _round_to_sum(shares * len(codes), np.zeros(len(shares)))
    labels, totals = _number_labels(codes)
    desire = totals[:, None] * shares
    # The last label is common to all samples: its desire is each fold's free room.
    desire[-1] = sizes
    members = np.split(np.argsort(labels, axis=None), np.cumsum(totals)[:-1])
    folds = np.full(len(codes), -1, dtype=np.intp)
    order = np.argsort(totals + rng.random_sample(len(totals)))
    for label in order[totals[order] > 1]:  # a label of one sample cannot be spread
        rows = members[label] // labels.shape[1]
        rows = rows[folds[rows] < 0]
        if len(rows) == 0:
            continue
        surplus = desire[-1] - shares * desire[-1].sum()
        counts = _share_out(len(rows), desire[label], surplus, rng)
        touched, local = np.unique(labels[rows], return_inverse=True)
        local = local.reshape(len(rows), -1)
        folds[rows], dealt = _deal(local, counts, desire[touched], shares, rng)
        desire[touched] -= dealt
    _correct_sizes(folds, labels, desire, rng)
    for _ in range(_N_PASSES):
        _swap_where_lacking(folds, labels, desire, rng, 1/totals**_POW)
    return folds


def _number_labels(codes: NDArray[np.integer]) -> tuple[NDArray, NDArray]:
    """Number all (column, code) pairs, and last one label common to all samples.

    Returns the labels `(n_samples, n_columns + 1)` and each label's total.
    """
    labels = np.zeros((len(codes), codes.shape[1] + 1), dtype=np.intp)
    n_labels = 0
    for column, values in enumerate(codes.T):
        unique, inverse = np.unique(values, return_inverse=True)
        labels[:, column] = inverse + n_labels
        n_labels += len(unique)
    labels[:, -1] = n_labels
    return labels, np.bincount(labels.ravel(), minlength=n_labels + 1)


def _round_to_sum(values: NDArray, bonus: NDArray) -> NDArray[np.intp]:
    """Round to whole numbers of the same sum: largest remainder plus bonus first."""
    # Rounded first: 0.1 * 30 may be a hair below or above 3.
    whole = np.floor(np.round(values, 6)).astype(np.intp)
    missing = round(values.sum()) - whole.sum()
    rank = np.argsort(-np.round(values - whole + bonus, 9), kind="stable")
    whole[rank[:missing]] += 1
    return whole


def _share_out(
    n_rows: int, desire: NDArray, surplus: NDArray, rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Say how many of a label's `n_rows` samples each fold gets.

    They follow the desire of each fold, where folds that already have too many get
    none; what rounding leaves goes to the folds with the largest remainder plus
    surplus of free room, ties at random.
    """
    # Shares max(desire - level, 0) of the right sum: the nearest to the desire.
    descending = np.sort(desire)[::-1]
    levels = (np.cumsum(descending) - n_rows) / np.arange(1, len(desire) + 1)
    level = levels[np.flatnonzero(descending > levels)[-1]]
    wanted = np.maximum(desire - level, 0)
    return _round_to_sum(wanted, surplus + 1e-6 * rng.random_sample(len(desire)))


def _deal(
    labels: NDArray[np.intp],
    counts: NDArray[np.intp],
    desire: NDArray,
    shares: NDArray,
    rng: np.random.RandomState,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose which samples each fold gets, so that their other labels are spread.

    The samples are sorted by their labels and dealt to the folds in turns. Of some
    such deals, each with another order of the folds and of the columns, the best
    stays.

    Parameters
    ----------
    labels : ndarray of shape (n_rows, n_columns)
        Labels of the samples, as positions in `desire`.
    counts : ndarray of shape (n_folds,)
        How many samples each fold gets.
    desire : ndarray of shape (n_labels, n_folds)
        How many more samples of each label each fold should get.
    shares : ndarray of shape (n_folds,)
        Proportions of the folds.
    rng : numpy.random.RandomState
        Source of all random choices.

    Returns
    -------
    folds : ndarray of shape (n_rows,)
        Fold of each sample.
    dealt : ndarray of shape (n_labels, n_folds)
        How many samples of each label each fold got.
    """
    n_rows, n_columns = labels.shape
    shuffled = rng.permutation(n_rows)
    lack = desire - shares * desire.sum(axis=1, keepdims=True)
    best = np.inf
    for _ in range(_N_DEALS):
        keys = labels[shuffled][:, rng.permutation(n_columns)].T
        candidate = np.empty(n_rows, dtype=np.intp)
        candidate[shuffled[np.lexsort(keys)]] = _take_turns(counts, rng)
        cells = (labels * len(shares) + candidate[:, None]).ravel()
        got = np.bincount(cells, minlength=desire.size).reshape(desire.shape)
        uneven = lack + shares * got.sum(axis=1, keepdims=True) - got
        if (error := np.sum(uneven**2)) < best:
            best, folds, dealt = error, candidate, got
    return folds, dealt


def _take_turns(
    counts: NDArray[np.intp], rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Order `counts[f]` turns of each fold f evenly, from a random start."""
    folds = np.repeat(np.arange(len(counts)), counts)
    turn = np.arange(len(folds)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = rng.random_sample(len(counts))
    return folds[np.argsort((turn + start[folds]) / counts[folds], kind="stable")]


def _correct_sizes(
    folds: NDArray[np.intp],
    labels: NDArray[np.intp],
    desire: NDArray,
    rng: np.random.RandomState,
) -> None:
    """Move, in place, as few samples as give every fold its exact size."""
    while (room := np.round(desire[-1])).any():
        full, free = np.argmin(room), np.argmax(room)
        row = _best_to_move(folds == full, full, free, labels, desire, rng)
        _move(row, full, free, folds, labels, desire)


def _swap_where_lacking(
    folds: NDArray[np.intp],
    labels: NDArray[np.intp],
    desire: NDArray,
    rng: np.random.RandomState,
    weight=None,
) -> None:
    """Swap samples, in place, where a fold lacks a whole sample of a label.

    A swap that would leave the labels less even on the whole is not made.
    """
    for label, poor in np.argwhere(desire > _WHOLE):
        rich = np.argmin(desire[label])
        has_label = (labels == label).any(axis=1)
        give = (folds == rich) & has_label
        take = (folds == poor) & ~has_label
        if desire[label, poor] <= _WHOLE or not (give.any() and take.any()):
            continue
        given = _best_to_move(give, rich, poor, labels, desire, rng,weight)
        d=_move(given, rich, poor, folds, labels, desire,weight)
        taken = _best_to_move(take, poor, rich, labels, desire, rng,weight)
        d+=_move(taken, poor, rich, folds, labels, desire,weight)
        if d>=-1e-9:
            _move(given, poor, rich, folds, labels, desire)
            _move(taken, rich, poor, folds, labels, desire)


def _best_to_move(
    candidates: NDArray[np.bool_],
    source: np.intp,
    target: np.intp,
    labels: NDArray[np.intp],
    desire: NDArray,
    rng: np.random.RandomState,weight=1.
) -> np.intp:
    """Find the sample that the target fold desires most and the source least."""
    rows = rng.permutation(np.flatnonzero(candidates))
    gain = (weight*(desire[:, target] - desire[:, source]-1))[labels[rows]].sum(axis=1)
    return rows[np.argmax(gain)]


def _move(
    row: np.intp,
    source: np.intp,
    target: np.intp,
    folds: NDArray[np.intp],
    labels: NDArray[np.intp],
    desire: NDArray,weight=1.
) -> None:
    folds[row] = target
    w=weight[labels[row]] if np.ndim(weight) else 1.
    d=np.sum(w*(desire[labels[row], source]-desire[labels[row], target]+1))
    desire[labels[row], source] += 1
    desire[labels[row], target] -= 1
    return d
