"""Setting validation rows aside."""

import numpy as np

from mtlearn._utils._stratify import assign_folds
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import EncodedTargets, Tasks


def validation_rows(
    targets: EncodedTargets, tasks: Tasks, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows at random, stratified over the classification tasks.

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

    Returns
    -------
    train, valid : ndarray of int
        Sorted row numbers.

    Raises
    ------
    InvalidDataError
        If one side would be empty.
    """
    columns = [
        np.where(weight > 0, values, -1)
        for task, values, weight in zip(
            tasks, targets.values, targets.weights.T, strict=True
        )
        if task.kind == "classification"
    ]
    codes = np.empty((len(targets), 0), dtype=np.int64)
    if columns:
        codes = np.column_stack(columns)
    folds = assign_folds(codes, [1 - fraction, fraction], np.random.RandomState(seed))
    train, valid = np.flatnonzero(folds == 0), np.flatnonzero(folds == 1)
    if not len(train) or not len(valid):
        raise InvalidDataError(
            f"With n_samples={len(targets)} and validation_fraction={fraction} the "
            f"split has {len(train)} rows to train on and {len(valid)} to validate. "
            "Pass more rows, change validation_fraction, or pass X_val and y_val."
        )
    return train, valid
