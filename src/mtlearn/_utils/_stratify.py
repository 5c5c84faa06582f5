"""Stratified splits over several targets at once: arrays in, arrays out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Rounds of swaps; few labels are left uneven after the first.
_MAX_ROUNDS = 5
# Samples of a large fold that are looked at for a swap.
_MAX_CANDIDATES = 2000


def stratum_codes(
    values: NDArray, present: NDArray[np.bool_], kind: str, n_bins: int
) -> NDArray[np.intp]:
    """Encode the strata of one target as whole numbers.

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
    its samples are handed out in the numbers that each fold still lacks. Swaps of
    single samples between folds then take away most of what is left uneven.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_columns) of int
        Stratum of each sample in each column; -1, a missing label, is a stratum of
        its own.
    proportions : array-like of shape (n_folds,)
        Shares of the folds, at least 0; they sum to 1.
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
    labels, totals = _number_labels(codes)
    desire = totals[:, None] * shares
    # The last label is common to all samples: its desire is each fold's free room.
    desire[-1] = _round_to_sum(shares * len(codes))
    state = _State(labels, totals, desire, np.full(len(codes), -1, dtype=np.intp))
    _deal_all(state, shares, rng)
    _correct_sizes(state)
    for _ in range(_MAX_ROUNDS):
        if not _swap_where_uneven(state):
            break
    return state.folds


@dataclass
class _State:
    """Who is in which fold, and what the folds still lack.

    Attributes
    ----------
    labels : ndarray of shape (n_samples, n_columns)
        The labels of each sample.
    totals : ndarray of shape (n_labels,)
        How many samples have each label.
    desire : ndarray of shape (n_labels, n_folds)
        How many more samples of each label each fold should get; below 0 where it
        has too many.
    folds : ndarray of shape (n_samples,)
        Fold of each sample, -1 before it has one.
    """

    labels: NDArray[np.intp]
    totals: NDArray[np.intp]
    desire: NDArray[np.float64]
    folds: NDArray[np.intp]

    def hand_out(self, rows: NDArray[np.intp], folds: NDArray[np.intp]) -> None:
        """Give samples that have no fold one."""
        self.folds[rows] = folds
        np.subtract.at(self.desire, (self.labels[rows], folds[:, None]), 1)

    def best_to_move(
        self, rows: NDArray[np.intp], source: np.intp, target: np.intp
    ) -> np.intp:
        """Find the sample whose move from fold `source` to `target` helps most."""
        pull = (self.desire[:, target] - self.desire[:, source]) / self.totals
        gain = (pull - 1 / self.totals)[self.labels[rows]].sum(axis=1)
        return rows[np.argmax(gain)]

    def move(self, row: np.intp, source: np.intp, target: np.intp) -> float:
        """Move a sample; return by how much that makes the folds more uneven.

        That is half the change in the sum of squared desires, each divided by the
        total of its label: one sample too few of a rare label weighs more.
        """
        labels = self.labels[row]
        before, after = self.desire[labels, source], self.desire[labels, target]
        self.folds[row] = target
        self.desire[labels, source] += 1
        self.desire[labels, target] -= 1
        return float(np.sum((before - after + 1) / self.totals[labels]))


def _number_labels(codes: NDArray[np.integer]) -> tuple[NDArray, NDArray]:
    """Give each (column, code) pair a label, and last all samples a common one.

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


def _round_to_sum(values: NDArray, bonus: NDArray | float = 0.0) -> NDArray[np.intp]:
    """Round to whole numbers of the same sum: largest remainder plus bonus first."""
    # A product such as 0.1 * 30 may be a hair below or above the whole number.
    whole = np.floor(np.round(values, 6)).astype(np.intp)
    missing = round(values.sum()) - whole.sum()
    rank = np.argsort(-np.round(values - whole + bonus, 9), kind="stable")
    whole[rank[:missing]] += 1
    return whole


def _deal_all(
    state: _State, shares: NDArray[np.float64], rng: np.random.RandomState
) -> None:
    """Hand out all samples, label by label, the rarest first."""
    totals, n_columns = state.totals, state.labels.shape[1]
    members = np.split(np.argsort(state.labels, axis=None), np.cumsum(totals)[:-1])
    order = np.argsort(totals + rng.random_sample(len(totals)))
    # A random start of the rounding: no sample is sure of its fold.
    start = rng.random_sample(len(shares))
    # A label of one sample cannot be spread: its other labels say where it goes.
    for label in order[(totals[order] > 1) | (order == len(totals) - 1)]:
        rows = members[label] // n_columns
        rows = rows[state.folds[rows] < 0]
        if len(rows) == 0:
            continue
        room = state.desire[-1]
        surplus = room - shares * room.sum() + start
        counts = _share_out(len(rows), state.desire[label], surplus)
        # Sorted by their labels and dealt in turns, so that other labels are spread.
        rows = rng.permutation(rows)
        rows = rows[np.lexsort(state.labels[rows][:, rng.permutation(n_columns)].T)]
        state.hand_out(rows, _take_turns(counts, rng))


def _share_out(
    n_rows: int, desire: NDArray[np.float64], surplus: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Say how many of a label's `n_rows` samples each fold gets.

    They follow the desire of each fold, where folds that already have too many get
    none; what rounding leaves goes to the folds with the largest remainder plus
    surplus of free room.
    """
    # Shares max(desire - level, 0) of the right sum: the nearest to the desire.
    descending = np.sort(desire)[::-1]
    levels = (np.cumsum(descending) - n_rows) / np.arange(1, len(desire) + 1)
    level = levels[np.flatnonzero(descending > levels)[-1]]
    return _round_to_sum(np.maximum(desire - level, 0), surplus)


def _take_turns(
    counts: NDArray[np.intp], rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Order `counts[f]` turns of each fold f evenly, from a random start."""
    folds = np.repeat(np.arange(len(counts)), counts)
    turn = np.arange(len(folds)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = rng.random_sample(len(counts))
    return folds[np.argsort((turn + start[folds]) / counts[folds], kind="stable")]


def _correct_sizes(state: _State) -> None:
    """Move as few samples as give every fold its exact size."""
    while (room := np.round(state.desire[-1])).any():
        full, free = np.argmin(room), np.argmax(room)
        row = state.best_to_move(np.flatnonzero(state.folds == full), full, free)
        state.move(row, full, free)


def _swap_where_uneven(state: _State) -> bool:
    """Swap two samples for each label of which one fold has too many.

    A swap that makes the folds more uneven on the whole is taken back. Says whether
    one was kept.
    """
    kept = False
    last_labels = state.labels.max(axis=0)
    spread = state.desire.max(axis=1) - state.desire.min(axis=1)
    for label in np.flatnonzero(spread > 2 - 1e-6):
        rich, poor = np.argmin(state.desire[label]), np.argmax(state.desire[label])
        has_label = state.labels[:, np.searchsorted(last_labels, label)] == label
        rows = np.flatnonzero(has_label & (state.folds == rich))
        given = state.best_to_move(rows, rich, poor)
        change = state.move(given, rich, poor)
        rows = np.flatnonzero(state.folds == poor)
        rows = rows[:: 1 + len(rows) // _MAX_CANDIDATES]
        taken = state.best_to_move(rows, poor, rich)
        change += state.move(taken, poor, rich)
        if change < -1e-9:
            kept = True
        else:
            state.move(taken, rich, poor)
            state.move(given, poor, rich)
    return kept
