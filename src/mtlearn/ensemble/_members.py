"""Training of members, wherever joblib says."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from mtlearn._utils._routing import weights_of_rows
from mtlearn._utils._sklearn_compat import safe_indexing
from mtlearn._utils._unwrap import unwrap


def prepared(estimator: Any, seed: int | None = None) -> Any:
    """Clone an estimator for the place of a member.

    Parameters
    ----------
    estimator : estimator
        It, or the parts of a Pipeline, may have a `random_state` and `n_threads`.
    seed : int or None
        What to set every `random_state` to; None leaves them.

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
        names = (name for name in params if name.rpartition("__")[2] == "random_state")
        changes |= dict.fromkeys(names, seed)
    return member.set_params(**changes)


def fit_members(
    members: Sequence[Any],
    X: Any,
    y: Any,
    params: Sequence[dict[str, Any]],
    *,
    rows: Sequence[np.ndarray | None],
    contexts: Sequence[Any],
    owner: Any,
) -> list[Any]:
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
    list of estimator
        Fitted members, which may be copies.
    """
    if isinstance(X, torch.Tensor):
        X = X.numpy()  # which joblib can map into the memory of workers
    # Callbacks see the ensemble without what an earlier fit has learned.
    caller = clone(owner)
    return Parallel(n_jobs=owner.n_jobs, verbose=owner.verbose)(
        delayed(_fit_member)(member, X, y, given, chosen, context, caller)
        for member, given, chosen, context in zip(
            members, params, rows, contexts, strict=True
        )
    )


def _fit_member(
    member: Any,
    X: Any,
    y: Any,
    params: dict[str, Any],
    rows: np.ndarray | None,
    context: Any,
    owner: Any,
) -> Any:
    if rows is not None:
        X, y = safe_indexing(X, rows), safe_indexing(y, rows)
        params = weights_of_rows(params, rows)
    data = {"estimator": owner, "X": X, "y": y}
    with context.propagate_callback_context(member):
        context.call_on_fit_task_begin(**data)
        member.fit(X, y, **params)
    context.call_on_fit_task_end(**data)
    # A member from another process has no optimiser state; so that more training is
    # the same wherever it was fitted, none of them has.
    unwrap(member)._forget_optimizer()
    return member
