"""What a caller of `fit` knows of the rows and `fit` itself cannot see.

A context rather than an argument, so that it reaches an estimator through Pipelines and
searches. It holds for data of the same number of rows: a search inside, whose folds
have fewer, does not see it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np


class RowPlan(NamedTuple):
    """What is known of rows.

    Attributes
    ----------
    n_samples : int
        How many rows there are.
    origins : ndarray of shape (n_samples,) or None
        Which row each is a copy of, so that copies are not torn apart; None if all
        differ.
    held_out : ndarray of int or None
        Sorted numbers of the rows to validate on, where some are to be held out; None
        leaves the choice.
    """

    n_samples: int
    origins: np.ndarray | None = None
    held_out: np.ndarray | None = None


_plan: ContextVar[RowPlan | None] = ContextVar("_plan", default=None)


@contextmanager
def planned_rows(plan: RowPlan) -> Iterator[None]:
    """Let fits inside know of their rows.

    Parameters
    ----------
    plan : RowPlan
        Of their rows.
    """
    token = _plan.set(plan)
    try:
        yield
    finally:
        _plan.reset(token)


def plan_of(n_samples: int) -> RowPlan:
    """Give what is known of some rows.

    Parameters
    ----------
    n_samples : int
        How many there are.

    Returns
    -------
    RowPlan
        Empty if nothing is known of so many.
    """
    plan = _plan.get()
    if plan is None or plan.n_samples != n_samples:
        return RowPlan(n_samples)
    return plan


def chosen_plan(n_samples: int, rows: np.ndarray) -> RowPlan:
    """Give what is known of some rows, where the others are left out.

    Parameters
    ----------
    n_samples : int
        How many there are.
    rows : ndarray of int
        Sorted numbers of those that stay.

    Returns
    -------
    RowPlan
        Of these.
    """
    plan = plan_of(n_samples)
    origins = None if plan.origins is None else plan.origins[rows]
    held_out = None
    if plan.held_out is not None:
        held_out = np.flatnonzero(np.isin(rows, plan.held_out))
    return RowPlan(len(rows), origins, held_out)


def resampled_plan(n_samples: int, rows: np.ndarray | None) -> RowPlan:
    """Give what is known of rows that are taken from others.

    Parameters
    ----------
    n_samples : int
        How many rows they are taken from.
    rows : ndarray of int or None
        Which ones, some of them several times; None takes all.

    Returns
    -------
    RowPlan
        To hand to `planned_rows`, also in another process.
    """
    plan = plan_of(n_samples)
    if rows is None:
        return plan
    origins = rows if plan.origins is None else plan.origins[rows]
    return RowPlan(len(rows), origins)
