"""The weight of each label."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array

from mtlearn._utils._masks import refuse_mask
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._infer import TargetColumn


def label_weights(
    columns: Sequence[TargetColumn], sample_weight: Any = None
) -> np.ndarray:
    """Give the weight of each label, zero where it is missing.

    Parameters
    ----------
    columns : sequence of TargetColumn
        The labels.
    sample_weight : array-like, default=None
        Shape `(n_samples,)`, or `(n_samples, n_tasks)` in the order of y's columns; not
        negative.

    Returns
    -------
    ndarray of shape (n_samples, n_tasks)
        Weights in float64, in the order of `columns`.
    """
    present = np.column_stack([column.present for column in columns])
    if sample_weight is None:
        return present.astype(np.float64)
    if hasattr(sample_weight, "iloc") and hasattr(sample_weight, "columns"):
        sample_weight = _in_task_order(sample_weight, columns)
    refuse_mask(
        sample_weight,
        "sample_weight",
        "A weight of zero equals absence: sample_weight.filled(0).",
    )
    weights = check_array(
        sample_weight,
        ensure_2d=False,
        allow_nd=True,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weights.ndim == 1 and len(weights) == len(present):
        weights = weights[:, np.newaxis]
    elif weights.shape != present.shape:
        n_samples, n_tasks = present.shape
        raise InvalidDataError(
            f"sample_weight has shape {weights.shape}; expected ({n_samples},) or "
            f"({n_samples}, {n_tasks}), one column a task."
        )
    if (weights < 0).any():
        row = int(np.flatnonzero((weights < 0).any(axis=1))[0])
        raise InvalidDataError(
            f"Row {row} of sample_weight is negative ({weights[row].min()}). Weights "
            "must be zero, which equals absence, or positive."
        )
    with np.errstate(over="ignore"):
        if np.isinf(weights.sum(axis=0)).any():
            raise InvalidDataError(
                f"sample_weight has values up to {weights.max():.3g}, whose sum is too "
                "large to compute with. Divide them by their mean."
            )
    if weights.shape[1] > 1:
        ranks = np.argsort(np.argsort([column.position for column in columns]))
        weights = weights[:, ranks]
    return present * weights


def _in_task_order(frame: Any, columns: Sequence[TargetColumn]) -> Any:
    places = {column.name: column.position for column in columns}
    names = list(places)
    if not any(isinstance(key, str) for key in frame.columns):
        return frame  # numbered columns are in the order of y's
    if set(names) != set(frame.columns):
        raise InvalidDataError(
            f"sample_weight has the columns {list(frame.columns)}; expected one for "
            f"each task: {names}."
        )
    return frame[sorted(names, key=lambda name: places[name])]
