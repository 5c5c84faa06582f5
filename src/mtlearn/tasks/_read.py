"""Reading y, whatever holds it, as columns of labels with a mask."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from skorch.helper import SliceDict

from mtlearn.exceptions import DataTypeError, InvalidDataError

_TEXT = (str, bytes)


@dataclass(frozen=True)
class RawColumn:
    """One column of y as it was found.

    Attributes
    ----------
    key : hashable
        Its name in a DataFrame or SliceDict, else its position.
    values : ndarray of shape (n_samples,)
        Labels; where `present` is false, a placeholder of the same type.
    present : ndarray of shape (n_samples,)
        False where the label is missing.
    discrete : bool
        Whether the container declares it a category.
    dtype : object
        The column's own dtype, to give predictions the same.
    """

    key: Hashable
    values: np.ndarray
    present: np.ndarray
    discrete: bool
    dtype: Any


@dataclass(frozen=True)
class RawTargets:
    """All columns of y, and what held them.

    Attributes
    ----------
    container : {"1d", "2d", "frame", "dict"}
        A one-dimensional or two-dimensional array, a DataFrame or a SliceDict.
    columns : tuple of RawColumn
        In the order of y.
    name : str or None
        Name of a Series.
    """

    container: str
    columns: tuple[RawColumn, ...]
    name: str | None = None

    def __len__(self) -> int:
        return len(self.columns[0].values)


def read_raw(y: Any) -> RawTargets:
    """Read y into columns.

    Parameters
    ----------
    y : array-like, DataFrame, Series or SliceDict
        Labels of shape `(n_samples,)` or `(n_samples, n_tasks)`. NaN, None and
        `pandas.NA` are missing labels.

    Returns
    -------
    RawTargets
        The columns.

    Raises
    ------
    DataTypeError, InvalidDataError
        If y cannot be read.
    """
    if y is None:
        raise InvalidDataError(
            "This estimator requires y to be passed, but the target y is None."
        )
    if issparse(y):
        raise DataTypeError("y is a sparse matrix; pass a dense array: y.toarray().")
    if isinstance(y, SliceDict):
        columns = [_column(key, values) for key, values in y.items()]
        return RawTargets("dict", _checked(columns))
    if isinstance(y, dict):
        raise DataTypeError(
            "y is a dict, which cannot be sliced by rows. Pass a DataFrame, a "
            "two-dimensional array or skorch.helper.SliceDict(**y)."
        )
    if hasattr(y, "iloc") and hasattr(y, "columns"):
        columns = [_column(key, y.iloc[:, i]) for i, key in enumerate(y.columns)]
        return RawTargets("frame", _checked(columns))
    if hasattr(y, "iloc"):
        name = y.name if isinstance(y.name, str) and "__" not in y.name else None
        return RawTargets("1d", _checked([_column(0, y)]), name or None)
    array = _as_array(y)
    if array.ndim == 1:
        return RawTargets("1d", _checked([_column(0, array)]))
    if array.ndim == 2:
        columns = [_column(i, array[:, i]) for i in range(array.shape[1])]
        return RawTargets("2d", _checked(columns))
    raise InvalidDataError(
        "y should be a 1d array of shape (n_samples,) or a 2d array of shape "
        f"(n_samples, n_tasks), got an array of shape {array.shape} instead."
    )


def _as_array(y: Any) -> np.ndarray:
    """Return an array in which a missing label has not become text."""
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise InvalidDataError(
            "y cannot be read as an array: its rows have different lengths."
        ) from error
    if array.dtype.kind in "US" and not isinstance(y, np.ndarray):
        array = np.asarray(y, dtype=object)
    return array


def _checked(columns: list[RawColumn]) -> tuple[RawColumn, ...]:
    if not columns:
        raise InvalidDataError("y has no column: expected at least one task's labels.")
    lengths = {column.key: len(column.values) for column in columns}
    if len(lengths) < len(columns):
        keys = [column.key for column in columns]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        raise InvalidDataError(
            f"y has duplicate column names: {', '.join(twice)}. Rename them."
        )
    if len(set(lengths.values())) > 1:
        raise InvalidDataError(
            f"The columns of y have different numbers of rows: {lengths}."
        )
    return tuple(columns)


def _column(key: Hashable, raw: Any) -> RawColumn:
    dtype = raw.dtype if hasattr(raw, "dtype") else None
    declared = not isinstance(dtype, np.dtype) and getattr(dtype, "name", "") in (
        "category",
        "boolean",
    )
    if isinstance(dtype, np.dtype) or dtype is None:
        values = np.asarray(raw)
    else:  # a pandas extension type; as objects, its missing values stay apart
        values = np.asarray(raw, dtype=object)
    if values.ndim != 1:
        raise InvalidDataError(
            f"Column {key!r} of y has shape {values.shape}; expected (n_samples,)."
        )
    if values.dtype.kind not in "biufOUS":
        raise DataTypeError(
            f"Column {key!r} of y has dtype {values.dtype}, which is neither numbers "
            "nor labels. Convert it first."
        )
    if values.dtype.kind == "O":
        values, present = _narrow(values, key)
    else:
        present = (
            ~np.isnan(values)
            if values.dtype.kind == "f"
            else np.ones(len(values), bool)
        )
    if values.dtype.kind == "f":
        _check_finite(values, present, key)
    discrete = declared or values.dtype.kind in "bOUS"
    return RawColumn(key, values, present, discrete, dtype)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(value != value)


def _narrow(values: np.ndarray, key: Hashable) -> tuple[np.ndarray, np.ndarray]:
    """Give an object column the type of its labels, with a mask of those there are."""
    present = np.array([not _is_missing(value) for value in values], dtype=bool)
    labels = values[present].tolist()
    if all(isinstance(label, _TEXT) for label in labels):
        dtype: Any = object
    elif all(isinstance(label, bool | np.bool_) for label in labels):
        dtype = bool
    elif all(isinstance(label, int | np.integer) for label in labels):
        dtype = np.int64
    elif all(np.isscalar(label) and np.isreal(label) for label in labels) and not any(
        isinstance(label, _TEXT) for label in labels
    ):
        dtype = np.float64
    else:
        kinds = sorted({type(label).__name__ for label in labels})
        raise InvalidDataError(
            f"Column {key!r} of y mixes labels of the types {', '.join(kinds)}, or "
            "holds something that is no label. Pass strings, booleans or numbers."
        )
    narrowed = np.full(len(values), "" if dtype is object else 0, dtype=dtype)
    narrowed[present] = np.array(labels, dtype=dtype)
    return narrowed, present


def _check_finite(values: np.ndarray, present: np.ndarray, key: Hashable) -> None:
    infinite = np.flatnonzero(np.isinf(values) & present)
    if infinite.size:
        raise InvalidDataError(
            f"Input y contains infinity: row {infinite[0]} of column {key!r}. Only "
            "NaN, None and pandas.NA mark a missing label."
        )
