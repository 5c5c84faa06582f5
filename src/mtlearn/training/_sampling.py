"""How often each row is drawn."""

import numpy as np
import torch
from torch import Tensor

from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import EncodedTargets, Tasks

BALANCED = "balanced"
# Far more than it takes where classes of different tasks are drawn apart.
_ROUNDS = 50


def row_chances(
    sampler: str | None, targets: EncodedTargets, tasks: Tasks, owner: str
) -> np.ndarray | None:
    """Give each row's chance to be drawn, relative to the mean row's.

    Chances are such that the classes of a task get the same share of its labels'
    weight in the loss; for several tasks, as nearly as the rows allow. They are found
    by scaling the rows of each class, task by task, again and again [1]_.

    Parameters
    ----------
    sampler : str or None
        ``"balanced"`` for all classifications, the name of one, or None.
    targets : EncodedTargets
        The rows.
    tasks : Tasks
        Fitted tasks.
    owner : str
        The estimator, for messages.

    Returns
    -------
    ndarray of shape (n_samples,) or None
        Not negative, with mean 1; zero for rows without any label. None draws each
        row once.

    Raises
    ------
    InvalidParameterError
        If there is no such classification.

    References
    ----------
    .. [1] W. E. Deming, F. F. Stephan, "On a Least Squares Adjustment of a Sampled
       Frequency Table When the Expected Marginal Totals are Known", Annals of
       Mathematical Statistics 11, 1940.
    """
    if sampler is None:
        return None
    columns = {
        name: (targets.values[i], targets.loss_weights[:, i])
        for i, (name, task) in enumerate(tasks.items())
        if task.kind == "classification"
    }
    if sampler in columns:  # also a task that is called "balanced"
        columns = {sampler: columns[sampler]}
    elif sampler != BALANCED or not columns:
        raise InvalidParameterError(
            f"The 'sampler' parameter of {owner} must be None, 'balanced' or the name "
            f"of a classification, of which there are {list(columns)}. "
            f"Got {sampler!r} instead."
        )
    chances = targets.loss_weights.any(axis=1).astype(float)
    # A single task needs one round.
    for _ in range(_ROUNDS if len(columns) > 1 else 1):
        for values, weights in columns.values():
            _balance(chances, values, weights)
    return chances / chances.mean()


def _balance(chances: np.ndarray, values: np.ndarray, weights: np.ndarray) -> None:
    """Scale the chances of labelled rows so that all classes weigh the same."""
    rows = np.flatnonzero(weights)
    if len(rows):
        sums = np.bincount(values[rows], weights=(chances * weights)[rows])
        share = sums.sum() / np.count_nonzero(sums)
        factors = np.divide(share, sums, out=np.ones_like(sums), where=sums > 0)
        chances[rows] *= factors[values[rows]]


def draw_order(
    n_rows: int, chances: np.ndarray | None, generator: torch.Generator
) -> Tensor:
    """Draw which rows an epoch trains on, and in which order.

    Parameters
    ----------
    n_rows : int
        How many.
    chances : ndarray of shape (n_rows,) or None
        From `row_chances`.
    generator : torch.Generator
        Draws.

    Returns
    -------
    Tensor of int64 of shape (n_rows,)
        With chances, some rows come several times and others not at all.
    """
    if chances is None:
        return torch.randperm(n_rows, generator=generator)
    # Not torch.multinomial, which takes at most 2**24 rows.
    ends = torch.from_numpy(np.cumsum(chances))
    points = torch.rand(n_rows, generator=generator, dtype=torch.float64) * ends[-1]
    return torch.searchsorted(ends, points, right=True).clamp_(max=n_rows - 1)
