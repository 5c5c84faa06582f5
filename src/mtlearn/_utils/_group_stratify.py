"""Stratified splits that keep groups whole: arrays in, arrays out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from mtlearn._utils._exchange import Exchange, label_counts
from mtlearn._utils._stratify import number_labels


def assign_groups(
    codes: NDArray[np.integer],
    groups: NDArray[np.intp],
    proportions: ArrayLike,
    rng: np.random.RandomState,
    seated: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Deal groups into folds so that every stratum of every column is spread.

    From the largest group to the smallest, each goes to the fold that lacks most of
    what it has, in proportion to the fold's share. Groups then change folds, alone or
    in exchange, as long as that makes them more even. A rare stratum weighs more, and
    the number of samples as much as all strata together.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_columns) of int
        Stratum of each sample in each column; see `assign_folds`.
    groups : ndarray of shape (n_samples,)
        Group of each sample: 0, 1, ... up to as many as there are.
    proportions : array-like of shape (n_folds,)
        Shares of the folds, at least 0; they sum to 1.
    rng : numpy.random.RandomState
        Source of all random choices.
    seated : ndarray of shape (n_groups,) of int, default=None
        Fold of the groups that have theirs already; -1 of the others.

    Returns
    -------
    ndarray of shape (n_groups,)
        Fold of each group. No fold with a share is empty if there are enough groups.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._group_stratify import assign_groups
    >>> codes = np.array([[0], [0], [1], [0], [1], [0], [0], [1], [1]])
    >>> groups = np.array([0, 0, 0, 1, 1, 2, 3, 4, 4])
    >>> folds = assign_groups(codes, groups, [0.5, 0.5], np.random.RandomState(0))
    >>> [int(codes[folds[groups] == fold].sum()) for fold in range(2)]
    [2, 2]
    """
    shares = np.asarray(proportions, dtype=np.float64)
    labels, totals = number_labels(codes)
    counts = label_counts(labels, groups, len(totals))
    importance = 1 / totals
    importance[-1] *= max(codes.shape[1], 1)
    if seated is None:
        seated = np.full(counts.shape[0], -1, dtype=np.intp)
    desire = totals[:, None] * shares
    for fold in range(len(shares)):
        desire[:, fold] -= counts[np.flatnonzero(seated == fold)].sum(axis=0)
    folds = seated.copy()
    _deal(counts, desire, folds, shares, importance, rng)
    # To the nearest whole number.
    slack = np.full_like(desire, 0.5 + 1e-6)
    exchange = Exchange(
        counts, desire, slack, folds, seated < 0, importance, rng, moves=True
    )
    return exchange.run(np.flatnonzero(shares > 0))


def _deal(
    counts: csr_array,
    desire: NDArray[np.float64],
    folds: NDArray[np.intp],
    shares: NDArray[np.float64],
    importance: NDArray[np.float64],
    rng: np.random.RandomState,
) -> None:
    """Give each group without a fold one; `desire` and `folds` change in place."""
    # Between folds that are alike chance decides, and which turns a small one gets.
    order = rng.permutation(np.flatnonzero(shares > 0))
    start = rng.random_sample()
    weights = (counts * counts) @ importance
    free = rng.permutation(np.flatnonzero(folds < 0))
    free = free[np.argsort(-weights[free], kind="stable")]
    empty = ~np.isin(order, folds)
    for n_left, group in zip(range(len(free), 0, -1), free, strict=True):
        inside = slice(*counts.indptr[group : group + 2])
        own, labels = counts.data[inside], counts.indices[inside]
        lack = (own * importance[labels]) @ desire[np.ix_(labels, order)]
        helps = lack > weights[group] / 2
        if n_left <= np.count_nonzero(empty):
            score = np.where(empty, lack, -np.inf)
        elif helps.any():
            score = (lack - start * weights[group]) / shares[order]
            score[~helps] = -np.inf
        else:  # it is too large for every fold: where it does least harm
            score = lack
        place = np.argmax(score)
        empty[place] = False
        folds[group] = order[place]
        desire[labels, order[place]] -= own
