"""Clones of an estimator that are trained with something changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from skorch.callbacks import Callback

from mtlearn._utils._unwrap import check_multi_task, unwrap
from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)


def trainable(estimator: Any, owner: str) -> tuple[Any, str]:
    """Clone what is to be trained, and tell how its parameters are named.

    Parameters
    ----------
    estimator : estimator
        Of this package, a Pipeline that ends in one, or a fitted search over either,
        of which the best is taken.
    owner : str
        Who asks, for messages.

    Returns
    -------
    estimator, prefix
        Not fitted, and what goes before a parameter's name, such as ``"last__"``.

    Raises
    ------
    ParameterTypeError
        If there is no estimator of this package in it, or several networks.
    InvalidParameterError
        If there is a search that is not fitted.
    """
    check_multi_task(estimator, "estimator", owner)
    last, prefix = estimator, ""
    if hasattr(last, "best_estimator_"):
        last = estimator = estimator.best_estimator_
    while hasattr(last, "steps"):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    if not hasattr(last, "_outputs"):
        raise InvalidParameterError(
            f"The 'estimator' parameter of {owner} has a search that is not fitted, or "
            "one inside of a Pipeline. Pass its best_estimator_."
        )
    check_one_network(last, owner)
    return clone(estimator), prefix


def check_one_network(inner: Any, owner: str) -> None:
    """Raise if an estimator of this package has no network of its own.

    Parameters
    ----------
    inner : estimator
        What `unwrap` finds.
    owner : str
        Who asks, for the message.
    """
    if not hasattr(inner, "_labelled"):
        raise ParameterTypeError(
            f"The 'estimator' parameter of {owner} must have one network. Got "
            f"{type(inner).__name__} instead: pass the estimator inside, or one of its "
            "members."
        )


def fit_arguments(prefix: str, **given: Any) -> dict[str, Any]:
    """Name arguments of `fit` as a Pipeline wants them; None are left out.

    Parameters
    ----------
    prefix : str
        As from `trainable`.
    **given : object
        Arguments of the last step's `fit`.

    Returns
    -------
    dict
        With scikit-learn's metadata routing, under their own names.
    """
    if get_config()["enable_metadata_routing"]:
        prefix = ""
    return {
        f"{prefix}{name}": value for name, value in given.items() if value is not None
    }


def chosen_rows(n_rows: int, max_samples: int, seed: int) -> np.ndarray:
    """Choose rows at random, in an order at random.

    Parameters
    ----------
    n_rows : int
        Of how many.
    max_samples : int
        How many at most.
    seed : int
        Of the choice.

    Returns
    -------
    ndarray of int
        Their numbers.
    """
    return np.random.default_rng(seed).permutation(n_rows)[:max_samples]


@contextmanager
def naming_rows_of(estimator: Any, X: Any) -> Iterator[None]:
    """Let an error in rows that were drawn from X name those of X.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like
        All rows, as it takes them.
    """
    try:
        yield
    except InvalidDataError:
        estimator.predict(X)  # which says where in X
        raise


def check_max_samples(value: Any, owner: str) -> int:
    """Check how many rows to look at."""
    return check_integer(value, "max_samples", owner, low=1)


def fit_recorded(
    estimator: Any,
    prefix: str,
    recorder: Callback,
    X: Any,
    y: Any,
    arguments: dict[str, Any],
) -> None:
    """Train with one more callback, which is taken away then.

    Parameters
    ----------
    estimator : estimator
        As from `trainable`.
    prefix : str
        As from `trainable`.
    recorder : skorch callback
        Comes after all others. There are no checkpoints, which would have to keep what
        it has recorded.
    X, y : array-like
        Training data.
    arguments : dict
        Of the last step's `fit`.
    """
    inner = unwrap(estimator)
    before = {"callbacks": inner.callbacks, "checkpoint_dir": inner.checkpoint_dir}
    callbacks = [*(inner.callbacks or ()), recorder]
    inner.set_params(callbacks=callbacks, checkpoint_dir=None)
    estimator.fit(X, y, **fit_arguments(prefix, **arguments))
    unwrap(estimator).set_params(**before)
