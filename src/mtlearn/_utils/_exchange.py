"""Exchanges between folds that make them more even: arrays in, arrays out."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

# Passes over all pairs of folds, each of which makes one exchange at most.
_MAX_ROUNDS = 60
# Units of a fold that a pass looks at.
_MAX_CANDIDATES = 200
# By how much a label that stays uneven gains importance.
_URGENCY = 1.3


def label_counts(
    labels: NDArray[np.integer], units: NDArray[np.intp], n_labels: int
) -> csr_array:
    """Count the samples of each label in each unit.

    Parameters
    ----------
    labels : ndarray of shape (n_samples, n_columns)
        Labels of each sample, 0, 1, ...
    units : ndarray of shape (n_samples,)
        The unit, 0, 1, ..., that each sample belongs to.
    n_labels : int
        How many labels there are.

    Returns
    -------
    sparse array of shape (n_units, n_labels)
        Counts.
    """
    rows = np.repeat(units, labels.shape[1])
    entries = np.ones(labels.size), (rows, labels.ravel().astype(np.intp))
    return csr_array(entries, shape=(units.max() + 1, n_labels))


@dataclass
class Exchange:
    """What folds lack, and the units, samples or groups, that they may exchange.

    Attributes
    ----------
    counts : sparse array of shape (n_units, n_labels)
        From `label_counts`.
    desire : ndarray of shape (n_labels, n_folds)
        How many more samples of each label each fold should get; below 0 where it
        has too many.
    slack : ndarray of shape (n_labels, n_folds)
        How large a desire is no matter, in either direction.
    folds : ndarray of shape (n_units,)
        Fold of each unit.
    free : ndarray of shape (n_units,) of bool
        Whether a unit may change its fold.
    importance : ndarray of shape (n_labels,)
        Factors of the squared desires, whose sum an exchange makes smaller.
    rng : numpy.random.RandomState
        Source of all random choices.
    moves : bool
        Whether a unit may change its fold with none in return, as long as another one
        stays there.
    """

    counts: csr_array
    desire: NDArray[np.float64]
    slack: NDArray[np.float64]
    folds: NDArray[np.intp]
    free: NDArray[np.bool_]
    importance: NDArray[np.float64]
    rng: np.random.RandomState
    moves: bool

    def run(self, allowed: NDArray[np.intp]) -> NDArray[np.intp]:
        """Exchange units until no desire is larger than its slack, or for some rounds.

        What stays uneven becomes more important from round to round, which leads out of
        places where no exchange helps on the whole.

        Parameters
        ----------
        allowed : ndarray of int
            Folds that take part.

        Returns
        -------
        ndarray of shape (n_units,)
            The most even of the folds that were found; the first ones if none is more
            even.
        """
        original = self.importance.copy()
        best, least = self.folds.copy(), np.inf
        for _ in range(_MAX_ROUNDS):
            excess = np.maximum(np.abs(self.desire) - self.slack, 0)[:, allowed]
            total = float(original @ (excess**2).sum(axis=1))
            if total < least:
                best, least = self.folds.copy(), total
            uneven = excess > 0
            if not uneven.any():
                break
            for (i, a), (j, b) in combinations(enumerate(allowed), 2):
                if uneven[:, [i, j]].any():
                    self._improve(a, b)
            self.importance[uneven.any(axis=1)] *= _URGENCY
        return best

    def _improve(self, a: np.intp, b: np.intp) -> None:
        """Make the best exchange between two folds, if one helps."""
        (units, given), (others, taken) = self._candidates(a), self._candidates(b)
        # Half of what each changes, if fold a gives a unit and takes one of fold b.
        lack = self.desire[:, a] - self.desire[:, b]
        scaled = given * self.importance
        changes = (scaled * (given + lack)).sum(axis=1)[:, np.newaxis] + (
            taken * (taken - lack)
        ) @ self.importance
        changes -= 2 * scaled @ taken.T
        if self.moves:
            if np.count_nonzero(self.folds == a) == 1:
                changes[:-1, -1] = np.inf
            if np.count_nonzero(self.folds == b) == 1:
                changes[-1, :-1] = np.inf
        if changes.min(initial=0) > -1e-9:
            return
        i, j = np.unravel_index(changes.argmin(), changes.shape)
        self.folds[units[i : i + 1]] = b
        self.folds[others[j : j + 1]] = a
        self.desire[:, a] += given[i] - taken[j]
        self.desire[:, b] -= given[i] - taken[j]

    def _candidates(self, fold: np.intp) -> tuple[NDArray[np.intp], NDArray]:
        """Choose units of a fold; last, where there are moves, counts of none."""
        units = np.flatnonzero(self.free & (self.folds == fold))
        # In random order: of several that are alike, the first one will go.
        units = self.rng.permutation(units)[:_MAX_CANDIDATES]
        counts = self.counts[units].toarray()
        return units, np.pad(counts, ((0, int(self.moves)), (0, 0)))
