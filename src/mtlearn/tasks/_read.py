"""Reading y, whatever holds it, as columns of labels with a mask."""

import numbers
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from skorch.helper import SliceDict

from mtlearn._utils._dataset_items import dataset_labels
from mtlearn._utils._datasets import is_dataset
from mtlearn._utils._exact import exact_array
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._tensors import without_tensors
from mtlearn.exceptions import DataTypeError, InvalidDataError


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

    @property
    def is_named(self) -> bool:
        """Whether the columns have names of their own."""
        return self.container in ("frame", "dict")


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
    if is_dataset(y):
        y = dataset_labels(y)
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
    refuse_mask(y, "y", "Mark missing labels with NaN: y.astype(float).filled(np.nan).")
    y = without_tensors(y, "y")
    try:
        return exact_array(y)
    except ValueError as error:
        raise InvalidDataError(
            "y cannot be read as an array: its rows have different lengths."
        ) from error


def _checked(columns: list[RawColumn]) -> tuple[RawColumn, ...]:
    if not columns:
        raise InvalidDataError("y has no column: expected at least one task's labels.")
    # Tasks have names that are strings, so columns 1 and "1" are the same to them.
    lengths = {str(column.key): len(column.values) for column in columns}
    if len(lengths) < len(columns):
        keys = [str(column.key) for column in columns]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise InvalidDataError(
            f"y has duplicate column names: {', '.join(twice)}. Rename them."
        )
    if len(set(lengths.values())) > 1:
        raise InvalidDataError(
            f"The columns of y have different numbers of rows: {lengths}."
        )
    return tuple(columns)


def _column(key: Hashable, raw: Any) -> RawColumn:
    if not hasattr(raw, "iloc"):
        raw = _as_array(raw)
    dtype = raw.dtype
    declared = not isinstance(dtype, np.dtype) and getattr(dtype, "name", "") in (
        "category",
        "boolean",
    )
    if isinstance(dtype, np.dtype):
        values = np.asarray(raw)
    else:  # a pandas extension type; as objects, its missing values stay apart
        values = np.asarray(raw, dtype=object)
    if values.ndim != 1:
        raise InvalidDataError(
            f"Column {key!r} of y has shape {values.shape}; expected (n_samples,)."
        )
    if values.dtype.kind == "c":
        raise InvalidDataError(
            f"Complex data not supported: column {key!r} of y has dtype "
            f"{values.dtype}. Pass its real and imaginary parts as two columns."
        )
    if values.dtype.kind not in "biufOU":
        raise DataTypeError(
            f"Column {key!r} of y has dtype {values.dtype}, which is neither numbers "
            "nor labels. Convert it first."
        )
    if values.dtype.kind == "O":
        values, present = narrow(values, f"Column {key!r} of y")
    else:
        present = (
            ~np.isnan(values)
            if values.dtype.kind == "f"
            else np.ones(len(values), bool)
        )
    if values.dtype.kind == "f":
        _check_finite(values, present, key)
    discrete = declared or values.dtype.kind in "bOU"
    return RawColumn(key, values, present, discrete, dtype)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(value != value)


def _label_type(label: Any) -> Any:
    if isinstance(label, str):
        return object
    if isinstance(label, bool | np.bool_):
        return bool
    if isinstance(label, numbers.Integral):
        return np.int64
    return np.float64 if isinstance(label, numbers.Real) else None


def narrow(values: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Give an object array the type of its labels, with a mask of those there are."""
    present = np.array([not _is_missing(value) for value in values], dtype=bool)
    # A numpy string is a string; its own type would show in predictions.
    labels = [str(v) if isinstance(v, str) else v for v in values[present].tolist()]
    types = {_label_type(label) for label in labels}
    if types == {np.int64, np.float64}:
        _check_exact(labels, what)
        types = {np.float64}
    if len(types) > 1 or None in types:
        kinds = sorted({type(label).__name__ for label in labels})
        raise InvalidDataError(
            f"{what} mixes labels of the types {', '.join(kinds)}, or holds something "
            "that is no label. Pass strings, booleans or numbers."
        )
    dtype = types.pop() if types else object
    narrowed = np.full(len(values), "" if dtype is object else 0, dtype=dtype)
    try:
        narrowed[present] = np.array(labels, dtype=dtype)
    except OverflowError as error:
        raise InvalidDataError(
            f"{what} has a whole number that does not fit into 64 bits. Pass "
            "floating-point numbers, or strings if they are labels."
        ) from error
    return narrowed, present


def _check_exact(labels: list[Any], what: str) -> None:
    """Raise if a whole number among real ones is no float."""
    for label in labels:
        if isinstance(label, numbers.Integral) and not _is_float(int(label)):
            raise InvalidDataError(
                f"{what} has real values and the whole number {label}, which a float "
                "of 64 bits would round. Pass whole numbers only, or strings if they "
                "are labels, or round it yourself."
            )


def _is_float(whole: int) -> bool:
    try:
        return int(float(whole)) == whole
    except OverflowError:
        return False


def _check_finite(values: np.ndarray, present: np.ndarray, key: Hashable) -> None:
    infinite = np.flatnonzero(np.isinf(values) & present)
    if infinite.size:
        raise InvalidDataError(
            f"Input y contains infinity: row {infinite[0]} of column {key!r}. Only "
            "NaN, None and pandas.NA mark a missing label."
        )
