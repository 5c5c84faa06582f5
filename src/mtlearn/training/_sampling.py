"""How often each row is drawn."""

import numpy as np
import torch
from torch import Tensor

from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import EncodedTargets, Task, Tasks

BALANCED = "balanced"


def row_chances(
    sampler: str | None, targets: EncodedTargets, tasks: Tasks, owner: str
) -> np.ndarray | None:
    """Give each row's chance to be drawn, relative to the mean row's.

    A row's chance for one task is one over its class's share of the labels' weight, so
    that every class that is there comes equally often. For several tasks it is the
    mean over those for which the row has a label.

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
        Positive numbers; None draws each row once.

    Raises
    ------
    InvalidParameterError
        If there is no such classification.
    """
    if sampler is None:
        return None
    named = {
        name: (task, targets.values[i], targets.weights[:, i])
        for i, (name, task) in enumerate(tasks.items())
        if task.kind == "classification" and sampler in (BALANCED, name)
    }
    if not named:
        names = [n for n, t in tasks.items() if t.kind == "classification"]
        raise InvalidParameterError(
            f"The 'sampler' parameter of {owner} must be None, 'balanced' or the name "
            f"of a classification, of which there are {names}. Got {sampler!r} instead."
        )
    if sampler in named:  # also of a task that is called "balanced"
        named = {sampler: named[sampler]}
    columns = np.stack([_chances(*column) for column in named.values()])
    labelled = np.stack([weight > 0 for _, _, weight in named.values()])
    counts = labelled.sum(axis=0)
    totals = (columns * labelled).sum(axis=0)
    return np.divide(totals, counts, out=np.ones(len(targets)), where=counts > 0)


def _chances(task: Task, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    present = weights > 0
    sums = np.bincount(
        values[present], weights=weights[present], minlength=task.n_outputs
    )
    shares = sums / sums.sum() * np.count_nonzero(sums) if present.any() else sums
    chances = np.divide(1, shares, out=np.ones(len(shares)), where=shares > 0)
    # Where a label is missing, the value is no class.
    return chances[np.where(present, values, 0)]


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
