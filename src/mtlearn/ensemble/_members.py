"""Training of members, wherever joblib says."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from mtlearn._utils._datasets import take_rows
from mtlearn._utils._routing import params_of_rows
from mtlearn._utils._unwrap import forget_optimizer
from mtlearn.training import kept_checkpoints


def prepared(estimator: Any, seed: int | None = None) -> Any:
    """Clone an estimator for the place of a member.

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


def fit_members(
    members: Sequence[Any],
    X: Any,
    y: Any,
    params: Sequence[dict[str, Any]],
    *,
    rows: Sequence[np.ndarray | None],
    contexts: Sequence[Any],
    owner: Any,
) -> tuple[list[Any], list[Path]]:
    """Fit all members, in parallel if `n_jobs` says so.

    Parameters
    ----------
    members : sequence of estimator
        Not fitted.
    X, y : array-like
        Training data.
    params : sequence of dict
        Each member's keyword arguments.
    rows : sequence of ndarray or None
        The rows that each one trains on; None for all.
    contexts : sequence of CallbackContext
        Of scikit-learn's callbacks, one a member.
    owner : estimator
        The ensemble.

    Returns
    -------
    members : list of estimator
        Fitted members, which may be copies.
    checkpoints : list of Path
        Of members that have ended; a run after a crash need not train them again.
    """
    if isinstance(X, torch.Tensor) and X.device.type == "cpu" and not X.requires_grad:
        X = X.numpy()  # which joblib can map into the memory of workers
    # Callbacks see the ensemble without what an earlier fit has learned.
    caller = clone(owner)
    fitted = Parallel(n_jobs=owner.n_jobs, verbose=owner.verbose)(
        delayed(_fit_member)(member, X, y, given, chosen, context, caller)
        for member, given, chosen, context in zip(
            members, params, rows, contexts, strict=True
        )
    )
    return [member for member, _ in fitted], [
        file for _, files in fitted for file in files
    ]


def _fit_member(
    member: Any,
    X: Any,
    y: Any,
    params: dict[str, Any],
    rows: np.ndarray | None,
    context: Any,
    owner: Any,
) -> tuple[Any, list[Path]]:
    if rows is not None:
        params = params_of_rows(params, rows, len(rows))
        X, y = take_rows(X, rows), take_rows(y, rows)
    data = {"estimator": owner, "X": X, "y": y}
    with context.propagate_callback_context(member), kept_checkpoints() as files:
        context.call_on_fit_task_begin(**data)
        member.fit(X, y, **params)
    context.call_on_fit_task_end(**data)
    # A member from another process has no optimiser state; so that more training is
    # the same wherever it was fitted, none of them has.
    forget_optimizer(member)
    return member, files
