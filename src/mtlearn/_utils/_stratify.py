"""Stratified splits over several targets at once: arrays in, arrays out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mtlearn._utils._exchange import Exchange, label_counts


def assign_folds(
    codes: NDArray[np.integer],
    proportions: ArrayLike,
    rng: np.random.RandomState,
    seated: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Deal samples into folds so that every stratum of every column is spread.

    This is iterative stratification [1]_ for several columns of strata, with all
    samples of a stratum dealt at once: from the rarest stratum to the most common,
    its samples are handed out in the numbers that each fold still lacks. Where a
    stratum is then more than one sample off, folds swap samples.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_columns) of int
        Stratum of each sample in each column; -1, a missing label, is a stratum of
        its own.
    proportions : array-like of shape (n_folds,)
        Shares of the folds, at least 0; they sum to 1.
    rng : numpy.random.RandomState
        Source of all random choices.
    seated : ndarray of shape (n_samples,) of int, default=None
        Fold of the samples that have theirs already; -1 of the others.

    Returns
    -------
    folds : ndarray of shape (n_samples,)
        Fold of each sample. The folds' sizes are `proportions` times `n_samples`,
        rounded by largest remainder, or more where more samples are seated.

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
    labels, totals = number_labels(codes)
    desire = totals[:, None] * shares
    if seated is None:
        seated = np.full(len(codes), -1, dtype=np.intp)
    # The last label is common to all samples: its desire is each fold's free room.
    desire[-1] = _fold_sizes(shares, seated)
    free = seated < 0
    state = _State(labels, totals, desire, seated.copy(), free, rng)
    state.hand_out(np.flatnonzero(~free), seated[~free])
    _deal_all(state, shares)
    _correct_sizes(state)
    return _within_one(state, shares)


def _fold_sizes(
    shares: NDArray[np.float64], seated: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Round the folds' sizes; no fold has fewer samples than are seated in it."""
    taken = np.bincount(seated[seated >= 0], minlength=len(shares))
    sizes = np.maximum(round_to_sum(shares * len(seated)), taken)
    room = sizes - taken
    n_free = len(seated) - taken.sum()
    return taken + round_to_sum(room * (n_free / max(room.sum(), 1)))


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
    free : ndarray of shape (n_samples,) of bool
        Whether a sample may change its fold.
    rng : numpy.random.RandomState
        Source of all random choices.
    """

    labels: NDArray[np.integer]
    totals: NDArray[np.intp]
    desire: NDArray[np.float64]
    folds: NDArray[np.intp]
    free: NDArray[np.bool_]
    rng: np.random.RandomState

    def hand_out(self, rows: NDArray[np.intp], folds: NDArray[np.intp]) -> None:
        """Give samples that have no fold one."""
        self.folds[rows] = folds
        np.subtract.at(self.desire, (self.labels[rows], folds[:, None]), 1)

    def best_to_move(
        self, rows: NDArray[np.intp], source: np.intp, target: np.intp
    ) -> np.intp:
        """Choose a sample whose move from fold `source` to `target` helps most."""
        pull = (self.desire[:, target] - self.desire[:, source]) / self.totals
        gain = (pull - 1 / self.totals)[self.labels[rows]].sum(axis=1)
        return self.rng.choice(rows[gain >= gain.max() - 1e-9])

    def move(self, row: np.intp, source: np.intp, target: np.intp) -> None:
        """Move a sample from a fold to another one."""
        labels = self.labels[row]
        self.folds[row] = target
        self.desire[labels, source] += 1
        self.desire[labels, target] -= 1


def number_labels(codes: NDArray[np.integer]) -> tuple[NDArray, NDArray]:
    """Give each (column, code) pair a label, and last all samples a common one.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_columns) of int
        Strata.

    Returns
    -------
    labels : ndarray of shape (n_samples, n_columns + 1)
        Labels 0, 1, ... of each sample.
    totals : ndarray of shape (n_labels,)
        How many samples have each.
    """
    labels = np.zeros((len(codes), codes.shape[1] + 1), dtype=np.intp)
    n_labels = 0
    for column, values in enumerate(codes.T):
        unique, inverse = np.unique(values, return_inverse=True)
        labels[:, column] = inverse + n_labels
        n_labels += len(unique)
    labels[:, -1] = n_labels
    totals = np.bincount(labels.ravel(), minlength=n_labels + 1)
    # Short numbers are sorted several times as fast.
    return labels.astype(np.min_scalar_type(n_labels)), totals


def round_to_sum(values: NDArray, bonus: NDArray | float = 0.0) -> NDArray[np.intp]:
    """Round to whole numbers of the same sum: largest remainder plus bonus first.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Not negative; their sum is a whole number.
    bonus : ndarray of shape (n_values,) or float, default=0.0
        Added to the remainders.

    Returns
    -------
    ndarray of shape (n_values,)
        Whole numbers.
    """
    # A product such as 0.1 * 30 may be a hair below or above the whole number.
    whole = np.floor(np.round(values, 6)).astype(np.intp)
    missing = round(values.sum()) - whole.sum()
    rank = np.argsort(-np.round(values - whole + bonus, 9), kind="stable")
    whole[rank[:missing]] += 1
    return whole


def _deal_all(state: _State, shares: NDArray[np.float64]) -> None:
    """Hand out all samples, label by label, the rarest first."""
    totals, n_columns, rng = state.totals, state.labels.shape[1], state.rng
    members = np.split(
        np.argsort(state.labels, axis=None, kind="stable"), np.cumsum(totals)[:-1]
    )
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
    return round_to_sum(np.maximum(desire - level, 0), surplus)


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
        rows = np.flatnonzero(state.free & (state.folds == full))
        state.move(state.best_to_move(rows, full, free), full, free)


def _within_one(state: _State, shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Swap samples until each label of each fold is within one of its share.

    Of the fold's share of the label, and of what a fold of its size has of it: sizes
    are rounded, so that the two may differ by a part of a sample.
    """
    n_samples, n_folds = len(state.folds), len(shares)
    n_labels = len(state.totals)
    counts = np.column_stack(
        [
            np.bincount(state.labels[state.folds == fold].ravel(), minlength=n_labels)
            for fold in range(n_folds)
        ]
    )
    sized = counts[-1] / n_samples
    if np.abs(sized - shares).max() * n_samples >= 1:
        shares = sized  # more samples are seated in a fold than its share
    totals = state.totals[:, np.newaxis]
    desire = totals * (shares + sized) / 2 - counts
    slack = 1 + 1e-6 - totals * np.abs(shares - sized) / 2
    # A label with a sample for each fold is one too few where a fold has none.
    slack[totals * shares < 1 + 1e-6] -= 2e-6
    if (np.abs(desire) <= slack).all():
        return state.folds
    units = label_counts(state.labels, np.arange(n_samples), n_labels)
    ones = np.ones(n_labels)
    return Exchange(
        units, desire, slack, state.folds, state.free, ones, state.rng, moves=False
    ).run(np.flatnonzero(sized))
