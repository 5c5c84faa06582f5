"""Images that cannot be read and are to be skipped: in no fit, and not predicted."""

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.utils import check_consistent_length
from skorch.helper import SliceDict

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._row_plan import chosen_plan, planned_rows
from mtlearn._utils._warn import warn
from mtlearn.data._lazy import KnownRows, LazyImages, LazyRows
from mtlearn.data._samples import Rows
from mtlearn.exceptions import InvalidDataError

Method = TypeVar("Method", bound=Callable[..., Any])


def on_readable_rows(fit: Method) -> Method:
    """Let a fit see the rows alone whose images can be read.

    Parameters
    ----------
    fit : method
        Takes X, y and sample_weight, perhaps X_val and y_val; of an estimator that
        checks labels in `_check_labels`.

    Returns
    -------
    method
        The same; it warns of the images that it leaves out.
    """

    @functools.wraps(fit)
    def fit_readable(
        self: Any, X: Any, y: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        labels = {"y": y, "sample_weight": sample_weight, "y_val": kwargs.get("y_val")}
        some_val = None
        if kwargs.get("X_val") is not None:
            held_out = kwargs["X_val"], kwargs.get("y_val")
            (kwargs["X_val"], kwargs["y_val"]), some_val = readable(
                *held_out, name="X_val"
            )
        n_samples = len(X) if isinstance(X, LazyImages) else 0
        (X, y, sample_weight), rows = readable(X, y, sample_weight)
        plan: AbstractContextManager[None] = nullcontext()
        if rows is not None:
            plan = planned_rows(chosen_plan(n_samples, rows))
        try:
            with plan:
                return fit(self, X, y, sample_weight, **kwargs)
        except InvalidDataError:
            if rows is not None or some_val is not None:
                # Which says where in all rows, if it is the labels.
                self._check_labels(**labels, anew=fit.__name__ == "fit")
            raise

    return cast(Method, fit_readable)


def readable(
    X: Any, *others: Any, name: str = "X"
) -> tuple[list[Any], np.ndarray | None]:
    """Leave out the rows whose images cannot be read, if that is asked for.

    Parameters
    ----------
    X : object
        Samples.
    *others : object
        With a row for each of them, or None.
    name : str, default="X"
        What the user calls X.

    Returns
    -------
    chosen : list
        X and the others.
    rows : ndarray of int or None
        The rows that are left; None if all are.

    Raises
    ------
    InvalidDataError
        If none can be read.

    Warns
    -----
    UserWarning
        How many are left out, and which is the first of them.
    """
    if not isinstance(X, LazyImages) or not X.skips or not len(X):
        return [X, *others], None
    if not all(each is None or _has_rows(each, len(X)) for each in others):
        return [X, *others], None  # what they are for says what is wrong with them
    found = X.readable()
    if found.all():
        return [X, *others], None
    first = X.blame(int(np.argmin(found)))
    if not found.any():
        raise InvalidDataError(f"No image of {name} can be read. The first is {first}.")
    warn(
        f"{(~found).sum()} of {len(X)} images of {name} cannot be read, and are left "
        f"out: the first is {first}. mtlearn.data.check_files lists all of them.",
    )
    rows = np.flatnonzero(found)
    return [None if each is None else take_rows(each, rows) for each in (X, *others)], (
        rows
    )


def _has_rows(value: Any, n_rows: int) -> bool:
    """Tell whether so many rows can be selected from."""
    if isinstance(value, Mapping) and not isinstance(value, SliceDict):
        return False
    try:
        check_consistent_length(range(n_rows), value)
    except (TypeError, ValueError):
        return False
    return True


def known_rows(X: Rows, owner: str) -> Rows:
    """Return X as what gives a row of whatever for images that are to be skipped.

    Parameters
    ----------
    X : ndarray, DatasetRows or LazyRows
        Samples.
    owner : str
        Who asks, for messages.

    Returns
    -------
    ndarray, DatasetRows or LazyRows
        X itself, or `KnownRows`, which remember of which images they do so.
    """
    if isinstance(X, LazyRows) and X.images.skips:
        return KnownRows(X.images, owner)
    return X


def may_lack(X: Rows) -> bool:
    """Tell whether there may be rows that are lacking.

    Parameters
    ----------
    X : ndarray, DatasetRows or LazyRows
        The rows, as `known_rows` returns them.

    Returns
    -------
    bool
        True of images that are to be skipped where they cannot be read.
    """
    return isinstance(X, KnownRows)


def found_rows(X: Rows) -> np.ndarray:
    """Tell which rows there are, of those that were asked for.

    Parameters
    ----------
    X : ndarray, DatasetRows or LazyRows
        The rows, as `known_rows` returns them.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        False of those that are lacking.
    """
    found = np.ones(len(X), dtype=bool)
    if isinstance(X, KnownRows):
        found[list(X.lacking)] = False
    return found


def only_found(output: np.ndarray, X: Rows, start: int | None = None) -> np.ndarray:
    """Make NaN what was computed of rows that are lacking.

    Parameters
    ----------
    output : ndarray of shape (n_samples, n_outputs)
        Of all rows, or of a batch; changed in place.
    X : ndarray, DatasetRows or LazyRows
        The rows, as `known_rows` returns them.
    start : int or None, default=None
        The row that a batch begins with; None of all rows.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        The same.
    """
    if not isinstance(X, KnownRows):
        return output
    if start is None:
        output[list(X.lacking)] = np.nan
    else:
        rows = range(start, start + len(output))
        output[[row - start for row in rows if row in X.lacking]] = np.nan
    return output


def warn_lacking(X: Rows) -> None:
    """Warn of images that nothing is predicted for.

    Parameters
    ----------
    X : ndarray, DatasetRows or LazyRows
        The rows, as `known_rows` returns them, after all have been asked for.

    Warns
    -----
    UserWarning
        How many there are, and which is the first.
    """
    if isinstance(X, KnownRows) and X.lacking:
        first = X.images.blame(min(X.lacking))
        warn(
            f"{len(X.lacking)} of {len(X)} images of X cannot be read, and nothing is "
            f"predicted for them: the first is {first}. mtlearn.data.check_files lists "
            "all of them.",
        )
