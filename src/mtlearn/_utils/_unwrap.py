"""From a Pipeline or a search to the estimator of this package inside."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


def unwrap(estimator: Any) -> Any:
    """Find the multi-task estimator that a Pipeline or a search ends in.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    estimator or None
        The estimator of this package; None if there is none.
    """
    while estimator is not None and not hasattr(estimator, "_outputs"):
        estimator = _next_inside(estimator)
    return estimator


def _next_inside(estimator: Any) -> Any:
    """Give what a search has found, or is to train, or what a Pipeline ends in."""
    if hasattr(estimator, "best_estimator_"):
        return estimator.best_estimator_
    if hasattr(estimator, "steps"):
        return estimator.steps[-1][1]
    return estimator.estimator if hasattr(estimator, "refit") else None


def reach(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Find the fitted multi-task estimator, and X as it gets there.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.
    X : array-like
        Samples, as it takes them.

    Returns
    -------
    estimator, X
        What `unwrap` finds, and X through the steps of Pipelines before it.
    """
    while not hasattr(estimator, "_outputs"):
        if isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
            continue
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
            continue
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator[-1]
    return estimator, X


def single_networks(estimator: Any) -> Iterator[Any]:
    """Give the fitted estimators of one network each: one, or an ensemble's members.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.

    Yields
    ------
    estimator
        With a `history_`.
    """
    inner = unwrap(estimator)
    if hasattr(inner, "history_"):
        yield inner
        return
    for inside in inner._fitted():
        yield from single_networks(inside)


def reach_network(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Find the first fitted estimator of one network, and X as it gets there.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.
    X : array-like
        Samples, as it takes them.

    Returns
    -------
    estimator, X
        One with a `history_`, and X through the steps of Pipelines before it.
    """
    inner, X = reach(estimator, X)
    while not hasattr(inner, "history_"):
        inner, X = reach(inner._fitted()[0], X)
    return inner, X


def task_outputs(estimator: Any, X: Any, change: Any = None) -> list[np.ndarray]:
    """Compute each task's activations, also behind a Pipeline or a search.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like
        Samples, as it takes them.
    change : callable or None, default=None
        What each network inside sees its batches through.

    Returns
    -------
    list of ndarray of shape (n_samples, n_outputs)
        Probabilities or values in the units of y, in task order.
    """
    inner, X = reach(estimator, X)
    return inner._outputs(X, change=change)


def aligned_outputs(
    member: Any, X: Any, tasks: Any, change: Any = None
) -> list[np.ndarray]:
    """Compute the outputs of a member, for the classes of the ensemble.

    Parameters
    ----------
    member : estimator
        Fitted.
    X : array-like
        Samples.
    tasks : Tasks
        Of the ensemble.
    change : callable or None, default=None
        As in `task_outputs`.

    Returns
    -------
    list of ndarray of shape (n_samples, n_outputs)
        In the order of `tasks`.
    """
    return align_outputs(member, task_outputs(member, X, change), tasks)


def align_outputs(
    member: Any, found: Sequence[np.ndarray], tasks: Any
) -> list[np.ndarray]:
    """Bring the outputs of a member to the classes of the ensemble.

    Parameters
    ----------
    member : estimator
        Fitted.
    found : sequence of ndarray of shape (n_samples, n_outputs)
        Its outputs, in its own order.
    tasks : Tasks
        Of the ensemble.

    Returns
    -------
    list of ndarray of shape (n_samples, n_outputs)
        In the order of `tasks`.
    """
    own = unwrap(member).tasks_.labelled
    outputs = dict(zip(own.names, found, strict=True))
    return [
        task.align(outputs[name], own[name]) for name, task in tasks.labelled.items()
    ]


def forget_optimizer(estimator: Any) -> None:
    """Leave the optimiser inside without state, unless it is frozen.

    Parameters
    ----------
    estimator : estimator
        Fitted: of this package, or a Pipeline or search that ends in one.
    """
    while not isinstance(estimator, FrozenEstimator):
        if hasattr(estimator, "_outputs"):
            estimator._forget_optimizer()
            return
        estimator = _next_inside(estimator)


def check_multi_task(estimator: Any, name: str, owner: str) -> None:
    """Raise if there is no estimator of this package in it."""
    if unwrap(estimator) is None or isinstance(estimator, type):
        raise ParameterTypeError(
            f"The {name!r} parameter of {owner} must be an estimator of mtlearn, or a "
            f"Pipeline or search that ends in one. Got {short(estimator)} instead."
        )
    while not hasattr(estimator, "_outputs"):
        if getattr(estimator, "refit", None) is False:
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} has a search with refit=False, "
                "which cannot predict. Set refit=True, or name the score to refit by."
            )
        estimator = _next_inside(estimator)


def check_inside(estimator: Any, name: str, owner: str) -> None:
    """Raise if it is no estimator that may be inside of another one of this package."""
    check_multi_task(estimator, name, owner)
    if getattr(unwrap(estimator), "_tells_unknown", False):
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must not be an OpenSetClassifier: what "
            "is around it would predict its unknown samples as known ones. Put the "
            f"OpenSetClassifier around the {owner}."
        )
