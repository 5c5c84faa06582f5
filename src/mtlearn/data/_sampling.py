"""How often each row is drawn."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._listing import bracketed
from mtlearn._utils._short import short
from mtlearn._utils._warn import warn
from mtlearn.data._rarity import RaritySampler, rarity_chances
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import EncodedTargets, Tasks, with_label

BALANCED = "balanced"
TASKS = "tasks"
# Times the mean: of n rows drawn, at least n / 100 then count as different ones.
_LIMIT = 100.0
# Far more than it takes where classes of different tasks are drawn apart.
_ROUNDS = 50
# Of the share that is due to it, what each class must get.
_ENOUGH = 0.9
# Share of the rows that draws should count as, and a number for where these are few:
# so many do they count as where a single one of them makes half of an epoch.
_FEW, _FEWEST = 0.02, 4.0

_Column = tuple[np.ndarray, np.ndarray]


def row_chances(
    sampler: str | RaritySampler | None,
    targets: EncodedTargets,
    tasks: Tasks,
    owner: str,
) -> np.ndarray | None:
    """Give each row's chance to be drawn, relative to the mean row's.

    Chances are such that the classes of a task get the same share of its labels'
    weight in the loss. For several tasks they are found by scaling the rows of each
    class, task by task, again and again [1]_, where no row gets more than a hundred
    times the mean, or than the rarest class alone would ask for. The rows of a class
    are drawn by how rare their labels are, of tasks that may have several each; see
    `RaritySampler`.

    ``"tasks"`` draws as if a task was drawn first, all of them alike, and then one of
    the rows that have a label of it, all of these alike.

    Where that does not balance them, as with many rare classes, each row is drawn as
    often as the rarest of its own classes alone asks for: as in [2]_, but for the root
    that is taken there. The same where the rows that are drawn count as few different
    ones (the square of the sum of chances, over the sum of their squares): as less than
    a fiftieth of the rows, and half of what is left by balancing one task alone.

    Parameters
    ----------
    sampler : str, RaritySampler or None
        ``"balanced"`` for all tasks with classes or labels, the name of one,
        ``"tasks"``, or None.
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
        If there is no such task.

    Warns
    -----
    UserWarning
        If the classes of several tasks are not balanced, or if the rows that are drawn
        count as less than a fiftieth of all, or less than four (a fifth of them).

    References
    ----------
    .. [1] W. E. Deming, F. F. Stephan, "On a Least Squares Adjustment of a Sampled
       Frequency Table When the Expected Marginal Totals are Known", Annals of
       Mathematical Statistics 11, 1940.
    .. [2] A. Gupta, P. Dollár, R. Girshick, "LVIS: A Dataset for Large Vocabulary
       Instance Segmentation", CVPR 2019.
    """
    if sampler is None:
        return None
    names = _names(sampler, tasks, owner)
    if not names:
        return _by_task(targets, owner)
    if isinstance(sampler, RaritySampler):
        return _by_rarity(sampler, targets, tasks, names, owner)
    columns = _balanced_columns(targets, tasks, names)
    rest = [name for name in names if name not in columns]
    if not columns:
        return _by_rarity(RaritySampler(), targets, tasks, names, owner)
    if rest:
        start = rarity_chances(RaritySampler(), targets, tasks, rest)
    else:
        start = np.any([with_label(each) for each in targets.loss_weights], axis=0)
    alone = [column for own in columns.values() for column in own]
    chances = _chances(start.astype(float), alone, owner)
    return chances / chances.mean()


def _names(sampler: str | RaritySampler, tasks: Tasks, owner: str) -> list[str]:
    """Name the tasks whose labels decide; none where it is all that have any."""
    able = [name for name, task in tasks.items() if task.is_balanced]
    is_value = isinstance(sampler, RaritySampler)
    wanted = sampler.task if isinstance(sampler, RaritySampler) else sampler
    if wanted in able:  # also a task that is called "balanced"
        return [wanted]
    if able and wanted == (None if is_value else BALANCED):
        return able
    if wanted == TASKS and not is_value:
        return []
    if is_value:
        what = f"'task' parameter of the RaritySampler of {owner} must be None"
    else:
        what = (
            f"'sampler' parameter of {owner} must be None, 'balanced', 'tasks', a "
            "RaritySampler"
        )
    raise InvalidParameterError(
        f"The {what} or the name of a task with classes or labels, of which there are "
        f"{bracketed(able)}. Got {short(wanted)} instead."
    )


def _by_task(targets: EncodedTargets, owner: str) -> np.ndarray:
    """Draw rows by how few others have labels of their tasks."""
    chances = np.zeros(len(targets))
    for weights in targets.loss_weights:
        there = with_label(weights)
        if there.any():
            chances += there / there.sum()
    chances /= chances.mean()
    if _different(chances) < _few(chances):
        warn(
            f"The sampler of {owner} draws few rows again and again: an epoch of "
            f"{len(chances)} rows counts as {_different(chances):.0f} different ones. "
            "Use a weight of the task with few labels instead, or pass more of them.",
        )
    return chances


def _by_rarity(
    sampler: RaritySampler,
    targets: EncodedTargets,
    tasks: Tasks,
    names: list[str],
    owner: str,
) -> np.ndarray:
    """Draw rows by how rare their labels are; warn where these are few rows."""
    chances = rarity_chances(sampler, targets, tasks, names)
    if _different(chances) < _few(chances):
        warn(
            f"The sampler of {owner} draws few rows again and again: an epoch of "
            f"{len(chances)} rows counts as {_different(chances):.0f} different ones. "
            "Use a smaller power of the RaritySampler, weights in the loss, or pass "
            "more rows with the rarest label.",
        )
    return chances


def sampling_of(
    chances: np.ndarray | None, targets: EncodedTargets, tasks: Tasks
) -> dict[str, Any] | None:
    """Tell what is expected of an epoch of drawn rows.

    Parameters
    ----------
    chances : ndarray of shape (n_samples,) or None
        From `row_chances`.
    targets : EncodedTargets
        The rows.
    tasks : Tasks
        Fitted tasks.

    Returns
    -------
    dict or None
        ``n_rows`` and ``effective_rows``, the number of rows that, drawn equally often,
        would say as much; ``labelled``, the share of those drawn that have a label, by
        task; ``prevalence`` and ``drawn``, by task with the share of
        each class or label in the rows and in those that are drawn. None without
        chances.
    """
    if chances is None:
        return None
    prevalence: dict[str, np.ndarray] = {}
    drawn: dict[str, np.ndarray] = {}
    labelled = {
        name: float(chances[with_label(weight)].sum() / chances.sum())
        for name, weight in zip(tasks.names, targets.weights, strict=True)
    }
    rows = zip(tasks.items(), targets.values, targets.weights, strict=True)
    for (name, task), values, weight in rows:
        if values is None or not task.is_balanced:
            continue
        by_row = chances.reshape(-1, *[1] * (weight.ndim - 1))
        for shares, counted in ((prevalence, weight), (drawn, weight * by_row)):
            found = task.present_labels(values, counted)
            if found is not None:
                shares[name] = found.prevalence
    return {
        "n_rows": len(chances),
        "effective_rows": _different(chances),
        "labelled": labelled,
        "prevalence": prevalence,
        "drawn": drawn,
    }


def _balanced_columns(
    targets: EncodedTargets, tasks: Tasks, names: list[str]
) -> dict[str, list[_Column]]:
    """Ask tasks which classes are to be drawn equally often."""
    rows = zip(tasks.items(), targets.values, targets.loss_weights, strict=True)
    asked = {
        name: [] if values is None else task.balanced(values, weight)
        for (name, task), values, weight in rows
        if name in names
    }
    return {name: columns for name, columns in asked.items() if columns}


def _chances(labelled: np.ndarray, columns: list[_Column], owner: str) -> np.ndarray:
    """Balance one task or several; warn where that is not what one would expect."""
    alone = [labelled.copy() for _ in columns]
    for chances, column in zip(alone, columns, strict=True):
        _balance(chances, *column)
    few = _few(labelled)
    if len(columns) == 1:
        chances = alone[0]
    else:
        limit = max(_LIMIT, *(each.max() for each in alone))
        chances, is_even = _balance_all(labelled.copy(), columns, limit)
        least = min(few, min(map(_different, alone)) / 2)
        if not is_even or _different(chances) < least:
            chances = _rarest(alone, columns, labelled)
            warn(
                f"The sampler of {owner} cannot draw the classes of all {len(columns)} "
                "tasks equally often, or only by drawing few rows again and again. It "
                "draws each row as often as the rarest of its classes alone asks for: "
                f"an epoch of {len(chances)} rows counts as {_different(chances):.0f} "
                "different ones. Use class_weight='balanced' of the tasks instead, "
                "or name one task as the sampler.",
            )
            return chances
    if _different(chances) < few:
        warn(
            f"The sampler of {owner} draws few rows again and again: an epoch of "
            f"{len(chances)} rows counts as {_different(chances):.0f} different ones. "
            "Use class_weight='balanced' of the task instead, or pass more rows of the "
            "rarest class.",
        )
    return chances


def _different(chances: np.ndarray) -> float:
    """Tell how many rows, drawn equally often, would say as much."""
    return float(chances.sum() ** 2 / (chances**2).sum())


def _few(chances: np.ndarray) -> float:
    """Tell as how many different rows draws should count at least."""
    return max(_FEW * len(chances), min(_FEWEST, len(chances) / 5))


def _balance(chances: np.ndarray, values: np.ndarray, weights: np.ndarray) -> float:
    """Scale the chances of labelled rows so that all classes weigh the same.

    Returns the smallest share that a class had, of the one that is due to it.
    """
    rows = np.flatnonzero(weights)
    if not len(rows):
        return 1.0
    sums = np.bincount(values[rows], weights=(chances * weights)[rows])
    share = sums.sum() / np.count_nonzero(sums)
    factors = np.divide(share, sums, out=np.ones_like(sums), where=sums > 0)
    chances[rows] *= factors[values[rows]]
    return float(1 / factors.max())


def _balance_all(
    chances: np.ndarray, columns: list[_Column], limit: float
) -> tuple[np.ndarray, bool]:
    """Balance task by task, again and again, and tell whether that came to an end."""
    n_labelled = np.count_nonzero(chances)
    lacks = before = 1.0
    for number in range(_ROUNDS):
        np.minimum(chances, limit * chances.sum() / n_labelled, out=chances)
        lacks = 1 - min(_balance(chances, *column) for column in columns)
        # A solution is nearer at every round; without one, the rows only become fewer.
        stands_still = number > 4 and lacks > max(0.99 * before, 1 - _ENOUGH)
        if lacks < 1e-9 or stands_still:
            break
        before = lacks
    return chances, lacks <= 1 - _ENOUGH


def _rarest(
    alone: list[np.ndarray], columns: list[_Column], labelled: np.ndarray
) -> np.ndarray:
    """Give each row the highest of the chances by its classes, task by task."""
    masked = [
        np.where(weights > 0, chances, 0.0)
        for chances, (_, weights) in zip(alone, columns, strict=True)
    ]
    highest = np.max(masked, axis=0)
    return np.where(highest > 0, highest, labelled)


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
        return torch.randperm(n_rows, generator=generator, device="cpu")
    # Not torch.multinomial, which takes at most 2**24 rows.
    ends = torch.from_numpy(np.cumsum(chances))
    drawn = torch.rand(n_rows, generator=generator, dtype=torch.float64, device="cpu")
    points = drawn * ends[-1]
    return torch.searchsorted(ends, points, right=True).clamp_(max=n_rows - 1)
