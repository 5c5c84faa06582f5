"""What a meta-estimator hands on to the estimators inside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.utils.metadata_routing import process_routing

from mtlearn._utils._indexing import is_dataset, take_rows


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
        The meta-estimator, whose `get_metadata_routing` knows the members.
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


# What has rows of its own, or none.
_WHOLE = {"X_val", "y_val", "classes"}


def params_of_rows(
    params: Mapping[str, Any], rows: np.ndarray, n_samples: int
) -> dict[str, Any]:
    """Select rows of the keyword arguments that have one for each sample.

    Parameters
    ----------
    params : mapping
        Arguments of `fit`, some of them named behind a step.
    rows : ndarray of shape (n_rows,)
        Their numbers.
    n_samples : int
        How many there are in X.

    Returns
    -------
    dict
        Validation data and what has another length stay as they are.
    """
    return {
        name: take_rows(value, rows)
        if name.rpartition("__")[2] not in _WHOLE and n_rows(value) == n_samples
        else value
        for name, value in params.items()
    }


def n_rows(value: Any) -> int | None:
    """Count the rows of something with rows; None for all else."""
    if is_dataset(value):
        return len(value)
    shape = getattr(value, "shape", None)
    if shape is not None:
        return shape[0] if len(shape) else None
    return len(value) if isinstance(value, list | tuple) else None


@contextmanager
def told_of(context: Any, inner: Any, **data: Any) -> Iterator[None]:
    """Tell scikit-learn's callbacks that an estimator inside begins and ends a fit."""
    with context.propagate_callback_context(inner):
        context.call_on_fit_task_begin(**data)
        yield
    context.call_on_fit_task_end(**data)
