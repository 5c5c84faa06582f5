"""Which samples have their part before a split is drawn: arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def seat_samples(
    needs: NDArray[np.intp], seats: Sequence[int], rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Choose samples so that no part of a split lacks what it could have.

    Training, the first part, gets a sample of each class and a label of each target;
    then the others get a label of each target, as far as there are some left. What is
    rarest is seated first. All else is chosen at random.

    Parameters
    ----------
    needs : ndarray of shape (n_samples, n_targets)
        From `target_strata`.
    seats : sequence of int
        How many samples each part takes at most.
    rng : numpy.random.RandomState
        Source of all random choices.

    Returns
    -------
    ndarray of shape (n_samples,)
        Part of each sample that was chosen; -1 of all others.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._seats import seat_samples
    >>> needs = np.array([[0, -1], [0, -1], [1, -1], [0, 0]])
    >>> seat_samples(needs, [3, 1], np.random.RandomState(0))[2:]
    array([0, 0])
    """
    parts = np.full(len(needs), -1, dtype=np.intp)
    for part, n_seats in enumerate(seats):
        # Any label will do, but for training, which is to see each class.
        wanted = needs if part == 0 else np.minimum(needs, 0)
        _fill(parts, part, n_seats, wanted, rng, len(seats) - part - 1)
    return parts


def seat_groups(
    needs: NDArray[np.intp],
    groups: NDArray[np.intp],
    seats: Sequence[int],
    n_parts: int,
    rng: np.random.RandomState,
) -> NDArray[np.intp]:
    """Choose groups, which stay whole, so that no part lacks what it could have.

    As `seat_samples` does, where a part after training only takes a group that is not
    larger than what it has left. A group is left for each part that has none.

    Parameters
    ----------
    needs : ndarray of shape (n_samples, n_targets)
        From `target_strata`.
    groups : ndarray of shape (n_samples,)
        Group of each sample: 0, 1, ...
    seats : sequence of int
        How many samples each part takes; the last group may have more.
    n_parts : int
        How many parts need a group, one that has no seats perhaps among them.
    rng : numpy.random.RandomState
        Source of all random choices.

    Returns
    -------
    ndarray of shape (n_groups,)
        Part of each group that was chosen; -1 of all others.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn._utils._seats import seat_groups
    >>> needs, groups = np.array([[0], [0], [0], [1]]), np.array([0, 1, 2, 2])
    >>> seat_groups(needs, groups, [2, 2], 2, np.random.RandomState(0))[2:]
    array([0])
    """
    sizes = np.bincount(groups)
    parts = np.full(len(sizes), -1, dtype=np.intp)
    for part, n_seats in enumerate(seats):
        wanted = needs if part == 0 else np.minimum(needs, 0)
        holders = [
            np.unique(groups[rows]) for codes in wanted.T for rows in _members(codes)
        ]
        rarity = [len(each) for each in holders] + rng.random_sample(len(holders))
        n_later = n_parts - np.count_nonzero(seats[: part + 1])
        for each in (holders[i] for i in np.argsort(rarity)):
            if (parts[each] == part).any():
                continue
            each = each[parts[each] < 0]
            if part > 0:
                each = each[sizes[each] <= n_seats]
            if n_seats <= 0 or not len(each) or np.sum(parts < 0) <= n_later:
                continue
            group = rng.choice(each)
            parts[group] = part
            n_seats -= sizes[group]
    return parts


def _fill(
    parts: NDArray[np.intp],
    part: int,
    n_seats: int,
    wanted: NDArray[np.intp],
    rng: np.random.RandomState,
    n_later: int,
) -> None:
    """Seat samples in one part, for the rarest code first."""
    labelled = wanted >= 0
    groups = [rows for codes in wanted.T for rows in _members(codes)]
    sizes = np.array([len(rows) for rows in groups])
    scarce = n_seats < len(groups)
    unmet = np.ones(wanted.shape[1], dtype=bool)
    left = labelled[parts < 0].sum(axis=0)
    for position in np.argsort(sizes + rng.random_sample(len(sizes))):
        rows = groups[position]
        if n_seats == 0 or (parts[rows] == part).any():
            continue
        rows = rows[parts[rows] < 0]
        if len(rows) == 0:
            continue
        # The last labels of a target that this part has are for the parts after it.
        last = ~unmet & (left <= n_later)
        loss = (labelled[rows] & last).sum(axis=1)
        rows = rows[loss == loss.min()]
        if scarce:  # a sample with labels of several targets serves all of them
            gain = (labelled[rows] & unmet).sum(axis=1)
            rows = rows[gain == gain.max()]
        row = rng.choice(rows)
        parts[row] = part
        unmet &= ~labelled[row]
        left -= labelled[row]
        n_seats -= 1


def _members(codes: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """List the samples of each code, without those of a missing label."""
    order = np.argsort(codes, kind="stable")
    order = order[np.count_nonzero(codes < 0) :]
    if len(order) == 0:
        return []
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
