"""Training of members, wherever joblib says."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._routing import n_rows, params_of_rows, told_of
from mtlearn._utils._row_plan import RowPlan, planned_rows, resampled_plan
from mtlearn._utils._unwrap import forget_optimizer, unwrap
from mtlearn.ensemble._together import fits_together
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import as_member, has_group, inner_place, kept_checkpoints


def fit_members(
    members: Sequence[Any],
    X: Any,
    y: Any,
    params: Sequence[dict[str, Any]],
    *,
    rows: Sequence[np.ndarray | None],
    contexts: Sequence[Any],
    owner: Any,
    vectorized: bool | str = False,
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
    vectorized : bool or "auto", default=False
        Whether those that train in one place are trained together.

    Returns
    -------
    members : list of estimator
        Fitted members, which may be copies.
    checkpoints : list of Path
        Of members that have ended; a run after a crash need not train them again.
    """
    if isinstance(X, torch.Tensor) and X.device.type == "cpu" and not X.requires_grad:
        X = X.numpy()  # which joblib can map into the memory of workers
    n_samples = n_rows(X) or 0
    # Callbacks see the ensemble without what an earlier fit has learned.
    caller = clone(owner)
    calls = [
        (
            member,
            X,
            y,
            given,
            chosen,
            context,
            caller,
            (inner_place(number), resampled_plan(n_samples, chosen)),
        )
        for number, (member, given, chosen, context) in enumerate(
            zip(members, params, rows, contexts, strict=True)
        )
    ]
    vectorized = _checked_vectorized(vectorized, type(owner).__name__)
    parallel = Parallel(n_jobs=owner.n_jobs, verbose=owner.verbose)
    if vectorized is False:
        fitted = parallel(delayed(_fit_member)(*call) for call in calls)
    else:
        n_parts = min(len(calls), effective_n_jobs(owner.n_jobs))
        parts = [
            [calls[number] for number in part]
            for part in np.array_split(np.arange(len(calls)), n_parts)
        ]
        done = parallel(delayed(_fit_together)(part, vectorized) for part in parts)
        fitted = [each for part in done for each in part]
    return [member for member, _ in fitted], [
        file for _, files in fitted for file in files
    ]


def _checked_vectorized(value: bool | str, owner: str) -> bool | str:
    """Train members apart where each of them is trained by several processes."""
    if value is True and has_group():
        raise InvalidParameterError(
            f"The 'vectorized' parameter of {owner} must be False or 'auto' in a group "
            "of processes, which train one member after the other. Set "
            "vectorized=False, or train the ensemble in one process."
        )
    return False if has_group() else value


def seed_of(member: Any) -> Any:
    """Give the `random_state` of the estimator of this package inside."""
    return getattr(unwrap(member), "random_state", None)


def _fit_together(
    calls: Sequence[tuple[Any, ...]], vectorized: bool | str
) -> list[tuple[Any, list[Path]]]:
    """Fit members here, those that are alike in one pass through their batches."""
    n_threads = getattr(unwrap(calls[0][0]), "n_threads", None)
    return fits_together(
        [partial(_fit_member, *call) for call in calls],
        required=vectorized is True,
        n_threads=n_threads,
    )


def _fit_member(
    member: Any,
    X: Any,
    y: Any,
    params: dict[str, Any],
    rows: np.ndarray | None,
    context: Any,
    owner: Any,
    known: tuple[tuple[int, ...], RowPlan],
) -> tuple[Any, list[Path]]:
    if rows is not None:
        params = params_of_rows(params, rows, len(rows))
        X, y = take_rows(X, rows), take_rows(y, rows)
    place, plan = known
    data = {"estimator": owner, "X": X, "y": y}
    with (
        told_of(context, member, **data),
        kept_checkpoints() as files,
        planned_rows(plan),
        as_member(place, seed_of(member)),
    ):
        member.fit(X, y, **params)
    # A member from another process has no optimiser state; so that more training is
    # the same wherever it was fitted, none of them has.
    forget_optimizer(member)
    return member, files
