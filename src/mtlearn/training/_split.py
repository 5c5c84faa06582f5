"""Setting validation rows aside."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtlearn._utils._deal import deal_parts
from mtlearn._utils._strata import target_strata
from mtlearn._utils._stratify import round_to_sum
from mtlearn.data import Labels
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import EncodedTargets, Tasks


def validation_rows(
    targets: EncodedTargets,
    tasks: Tasks,
    fraction: float,
    seed: int,
    *,
    origins: np.ndarray | None = None,
    parameter: str = "validation_fraction",
    remedy: str = "validation_fraction, or pass X_val and y_val",
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows at random, stratified over all tasks.

    Training keeps a row of each class and a label of each task. Of what is left,
    validation gets a label of each task, as far as its size allows.

    Parameters
    ----------
    targets : EncodedTargets
        Labels of all rows.
    tasks : Tasks
        Fitted tasks.
    fraction : float
        Share of the rows for validation, in (0, 1).
    seed : int
        Seed of the split.
    origins : ndarray of shape (n_samples,), default=None
        Which row each is a copy of: copies, which have the same labels, stay together.
        None if all differ.
    parameter : str
        Whose value the share is, for the message.
    remedy : str
        What to change where that cannot be done, for the message.

    Returns
    -------
    train, valid : ndarray of int
        Sorted row numbers.

    Raises
    ------
    InvalidDataError
        If one side would be empty, or validation without a label.
    """
    shares = np.array([1 - fraction, fraction])
    rng = np.random.RandomState(seed)
    strata = target_strata(
        [
            strata
            for task, values, weight in zip(
                tasks, targets.values, targets.weights, strict=True
            )
            if values is not None
            for strata in task.strata(values, weight > 0)
        ],
        shares,
    )
    groups = None
    if origins is not None:
        groups = np.unique(origins, return_inverse=True)[1]
        # Rows that come once and rows that come often are spread, as all else.
        often = np.bincount(groups)[groups]
        strata = strata._replace(codes=np.column_stack([strata.codes, often]))
    # Training may take what it needs; validation, what it is to have.
    seats = [len(targets), round_to_sum(shares * len(targets))[1]]
    folds = deal_parts(strata, shares, seats, rng, groups)
    train, valid = np.flatnonzero(folds == 0), np.flatnonzero(folds == 1)
    if not len(train) or not len(valid):
        raise InvalidDataError(
            f"With n_samples={len(targets)} and {parameter}={fraction} the "
            f"split has {len(train)} rows to train on and {len(valid)} to validate; "
            "the only row of a class is for training. Pass more rows, change "
            f"{remedy}."
        )
    if not any(
        weight[valid].any()
        for values, weight in zip(targets.values, targets.weights, strict=True)
        if values is not None
    ):
        raise InvalidDataError(
            "There is no label to validate on: the only label of a task, and the only "
            f"row of a class, are for training. Pass more labels, change {remedy}."
        )
    return train, valid


def unlabelled_tasks(weights: Sequence[Any], tasks: Tasks) -> list[str]:
    """Name the tasks that have no label.

    Parameters
    ----------
    weights : sequence of ndarray or Tensor
        By task; zero where a label is missing.
    tasks : Tasks
        The tasks.

    Returns
    -------
    list of str
        Their names, in task order.
    """
    pairs = zip(tasks.names, weights, strict=True)
    return [name for name, weight in pairs if not (weight > 0).any()]


def undefined_metrics(labels: Labels, tasks: Tasks) -> list[str]:
    """Name the tasks whose default metric no predictions of these labels would have.

    Parameters
    ----------
    labels : Labels
        Such as those of validation rows.
    tasks : Tasks
        Fitted tasks.

    Returns
    -------
    list of str
        Their names, in task order: without a label, or R² of values that do not vary.
    """
    undefined = []
    for (name, task), target, weight in zip(
        tasks.items(), labels.values, labels.weights, strict=True
    ):
        if target is None:
            continue
        # Of any predictions: zeros, which take no memory for each row and class.
        output = weight.new_zeros(1, task.n_outputs).expand(len(weight), -1)
        sums = task.statistics(task.link(output), target, weight).cpu().numpy()
        if np.isnan(task.metric_from(sums)):
            undefined.append(name)
    return undefined
