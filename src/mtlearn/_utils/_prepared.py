"""Clones with seeds, whose bits do not depend on where they train."""

from collections import Counter
from typing import Any

import numpy as np
from sklearn.base import clone


def prepared(estimator: Any, seed: int | None = None) -> Any:
    """Clone an estimator, for one fit of several.

    Parameters
    ----------
    estimator : estimator
        It, or what is inside, may have a `random_state` and `n_threads`.
    seed : int or None
        What to set the `random_state` to; None leaves it. Where several stand side by
        side, as in a Pipeline or a VotingEnsemble, the last one gets it and the others
        seeds that follow from it.

    Returns
    -------
    estimator
        Not fitted. It computes with one thread where it left the number open, so that
        its bits do not depend on `n_jobs`.
    """
    member = clone(estimator)
    params = member.get_params(deep=True)
    changes: dict[str, Any] = {
        name: 1
        for name, value in params.items()
        if name.rpartition("__")[2] == "n_threads" and value is None
    }
    if seed is not None:
        names = [name for name in params if name.rpartition("__")[2] == "random_state"]
        at_depth: Counter[int] = Counter()
        for name in reversed(names):
            depth = name.count("__")
            changes[name] = _nth_seed(seed, at_depth[depth])
            at_depth[depth] += 1
    if changes:
        member.set_params(**changes)
    return member


def _nth_seed(seed: int, position: int) -> int:
    if position == 0:
        return seed
    return int(np.random.SeedSequence([seed, position]).generate_state(1)[0])
