"""Training of members, wherever joblib says."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.parallel import Parallel, delayed

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


def routed_params(
    owner: Any,
    method: str,
    members: dict[str, Any],
    sample_weight: Any,
    params: dict[str, Any],
) -> list[dict[str, Any]]:
    """Give each member's keyword arguments.

    With scikit-learn's metadata routing, members get what they request. Without, all
    of them get everything, and a Pipeline the weights of its last step.

    Parameters
    ----------
    owner : estimator
        The ensemble, whose `get_metadata_routing` knows the members.
    method : {"fit", "partial_fit"}
        What is called.
    members : dict of str to estimator
        By their names in the routing.
    sample_weight : array-like or None
        Weights of samples.
    params : dict
        Other arguments.

    Returns
    -------
    list of dict
        In the order of the members.
    """
    if get_config()["enable_metadata_routing"]:
        if sample_weight is not None:
            params = {**params, "sample_weight": sample_weight}
        if not params:
            return [{} for _ in members]
        routed = process_routing(owner, method, **params)
        return [routed[name][method] for name in members]
    if sample_weight is None:
        return [params] * len(members)
    return [
        {**params, _weights_name(member): sample_weight} for member in members.values()
    ]


def _weights_name(estimator: Any) -> str:
    """Name the weights as the estimator's `fit` wants them."""
    if hasattr(estimator, "_outputs"):
        return "sample_weight"
    if hasattr(estimator, "steps"):
        step, last = estimator.steps[-1]
        return f"{step}__{_weights_name(last)}"
    return _weights_name(estimator.estimator)  # a search passes its arguments on


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
        params = {
            name: safe_indexing(value, rows)
            if name.rpartition("__")[2] == "sample_weight"
            else value
            for name, value in params.items()
        }
    data = {"estimator": owner, "X": X, "y": y}
    with context.propagate_callback_context(member):
        context.call_on_fit_task_begin(**data)
        member.fit(X, y, **params)
    context.call_on_fit_task_end(**data)
    # A member from another process has no optimiser state; so that more training is
    # the same wherever it was fitted, none of them has.
    unwrap(member)._forget_optimizer()
    return member
