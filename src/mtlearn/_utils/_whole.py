"""A fit that succeeds as a whole, or has not been."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


def copy_of(estimator: Any) -> Any:
    """Make an object with the very same attributes, which are not copied."""
    made = object.__new__(type(estimator))
    vars(made).update(vars(estimator))
    return made


def in_one_step(fit: Method) -> Method:
    """Make a method work on a copy, whose attributes the estimator gets at its end.

    If it fails or is interrupted, the estimator is as it was before. Until it ends,
    other threads see the estimator as it was.

    Parameters
    ----------
    fit : method
        Returns its estimator. What attributes refer to is not copied: it may replace
        them, and must not change them.

    Returns
    -------
    method
        Returns the estimator.
    """

    @functools.wraps(fit)
    def fit_whole(self: Any, *args: Any, **kwargs: Any) -> Any:
        working = copy_of(self)
        before = dict(vars(working))
        fit(working, *args, **kwargs)
        after = vars(working)
        # What another has set meanwhile, such as a parameter, stays.
        changed = {k: v for k, v in after.items() if before.get(k, after) is not v}
        vars(self).update(changed)
        for name in before.keys() - after.keys():
            vars(self).pop(name, None)
        return self

    return cast(Method, fit_whole)
