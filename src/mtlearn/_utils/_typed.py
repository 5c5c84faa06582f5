"""scikit-learn's decorators, typed: what they decorate keeps its signature."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn import callback
from sklearn.utils import metaestimators

Method = TypeVar("Method", bound=Callable[..., Any])


def with_callbacks(fit: Method) -> Method:
    """Tell scikit-learn's callbacks of the begin and the end of a fit."""
    return callback.with_callbacks(fit)


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Make a method one that an estimator has where `check` says so."""
    return metaestimators.available_if(check)
