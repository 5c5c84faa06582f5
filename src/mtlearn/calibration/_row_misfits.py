"""How ill the labels of samples fit, where they count."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.metrics import has_spread
from mtlearn.tasks import Target, Task, Tasks, has_output, with_label


def check_regions(fitted: Any, tasks: Tasks, normalize: bool, owner: str) -> bool:
    """Raise if no task has a region, or if there is no spread to count errors in.

    Parameters
    ----------
    fitted : estimator
        Fitted.
    tasks : Tasks
        Its tasks that read y.
    normalize : bool
        Whether errors are to be counted in units of a spread.
    owner : str
        The class, for messages.

    Returns
    -------
    bool
        Whether there are errors that are.
    """
    regions = {task.region for task in tasks}
    if regions <= {None}:
        raise InvalidDataError(
            f"{owner} finds no task that has sets or intervals: pass an estimator "
            "with a classification, several labels, or a task of one value."
        )
    if not normalize or "interval" not in regions:
        return False
    if not has_spread(fitted):
        raise InvalidParameterError(
            f"The 'normalize' parameter of {owner} must be False without the "
            "spread of two members or more. Got True instead. Pass a SeedEnsemble "
            "or VotingEnsemble, or set it to False."
        )
    return True


def misfits_of(
    task: Task,
    target: Target,
    weight: np.ndarray,
    output: np.ndarray,
    of_classes: Callable[[np.ndarray], np.ndarray],
    spread: np.ndarray | None,
) -> np.ndarray:
    """Tell how ill the labels of one task fit.

    Parameters
    ----------
    task : Task
        Fitted, with a region.
    target : Target
        Its labels.
    weight : ndarray of the shape of the labels
        Zero where one is missing.
    output : ndarray of shape (n_samples, n_outputs)
        Activations.
    of_classes : callable
        How ill each class fits.
    spread : ndarray of shape (n_samples, n_outputs) or None
        Of members.

    Returns
    -------
    ndarray of shape (n_samples, n_parts)
        NaN where a label is missing or not known, and where there is no output.
    """
    rows = np.flatnonzero(with_label(weight) & has_output(output))
    labels = target.values[rows]
    if len(rows):
        task.check_labels(labels, target.name)
    known = weight[rows] * task.knows(labels)
    own = with_label(known)
    rows, labels, known = rows[own], labels[own], known[own]
    apart = None if spread is None else spread[rows]
    found = task.misfits(labels, known, output[rows], of_classes, apart)
    misfits = np.full((len(output), found.shape[1]), np.nan)
    misfits[rows] = found
    return misfits


def refuse_weights(weights: Sequence[np.ndarray], owner: str) -> None:
    """Raise if weights say more than which labels count.

    Parameters
    ----------
    weights : sequence of ndarray
        Of the labels of each task.
    owner : str
        The class, for the message.
    """
    positive = np.concatenate([each[each > 0] for each in weights])
    if len(positive) and positive.min() != positive.max():
        raise InvalidDataError(
            f"{owner} does not train a FrozenEstimator, and ranks samples, which count "
            "one each: sample_weight must be zero, which equals absence, or the same "
            f"for all. Got weights from {positive.min():g} to {positive.max():g}."
        )
