"""Parts of a split, in which none lacks what it could have: arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtlearn._utils._group_stratify import assign_groups
from mtlearn._utils._seats import seat_groups, seat_samples
from mtlearn._utils._strata import Codes
from mtlearn._utils._stratify import assign_folds


def deal_parts(
    strata: Codes,
    shares: NDArray[np.float64],
    seats: Sequence[int],
    rng: np.random.RandomState,
    groups: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Deal samples to training, the first part, and other parts.

    Parameters
    ----------
    strata : Codes
        From `target_strata`.
    shares : ndarray of shape (n_parts,)
        Shares of the parts, which sum to 1. A last one may be that of none of them.
    seats : sequence of int
        How many samples each part may have that are chosen first, so that it does not
        lack what it could have.
    rng : numpy.random.RandomState
        Source of all random choices.
    groups : ndarray of shape (n_samples,), default=None
        Group of each sample, 0, 1, ...: they stay whole, and sizes are as near to the
        shares as that allows. None if each sample is one.

    Returns
    -------
    ndarray of shape (n_samples,)
        Part of each sample.
    """
    codes, needs = strata
    if groups is None or len(np.unique(groups)) == len(groups):
        return assign_folds(codes, shares, rng, seat_samples(needs, seats, rng))
    n_parts = int(np.count_nonzero(shares))
    seated = seat_groups(needs, groups, seats, n_parts, rng)
    return assign_groups(codes, groups, shares, rng, seated)[groups]
