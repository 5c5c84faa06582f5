"""Reading y, whatever holds it, as columns of labels with a mask."""

from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from scipy.sparse import issparse
from skorch.helper import SliceDict

from mtlearn._utils._dataset_items import dataset_labels
from mtlearn._utils._exact import exact_array
from mtlearn._utils._frames import open_frame, open_series, plain, text
from mtlearn._utils._indexing import is_dataset
from mtlearn._utils._listing import listed
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._tensors import without_tensors
from mtlearn.exceptions import DataTypeError, InvalidDataError
from mtlearn.tasks._narrow import narrow


class RawColumn:
    """One column of y as it was found, read as labels when it is asked for.

    Parameters
    ----------
    key : hashable
        Its name in a DataFrame or SliceDict, else its position.
    held : array-like
        What the container holds.
    mixed : bool, default=False
        Whether there may be text as well as numbers, which is an error otherwise.
    """

    def __init__(self, key: Hashable, held: Any, *, mixed: bool = False) -> None:
        self.key = key
        self.held = held
        self.mixed = mixed

    @cached_property
    def _labels(self) -> "_Labels":
        return _read_labels(self.key, self.held, self.mixed)

    @property
    def values(self) -> np.ndarray:
        """Labels `(n_samples,)`; where one is missing, a placeholder of its type."""
        return self._labels.values

    @property
    def present(self) -> np.ndarray:
        """Mask `(n_samples,)`, false where the label is missing."""
        return self._labels.present

    @property
    def discrete(self) -> bool:
        """Whether the container declares categories or truth values."""
        return self._labels.discrete

    @property
    def dtype(self) -> Any:
        """The column's own dtype, to give predictions the same."""
        return self._labels.dtype


class _Labels(NamedTuple):
    values: np.ndarray
    present: np.ndarray
    discrete: bool
    dtype: Any


@dataclass(frozen=True)
class RawTargets:
    """The columns of y, each of which is read when it is asked for, and what held them.

    Attributes
    ----------
    container : {"1d", "2d", "frame", "dict"}
        A one-dimensional or two-dimensional array, a DataFrame or a SliceDict.
    keys : tuple of hashable
        Names in a DataFrame or SliceDict, else positions.
    take : callable
        Gives what a column holds, by its position.
    name : str or None
        Name of a Series.
    library : str
        Of a DataFrame; see `Frame`.
    levels : tuple
        Names of the levels of the names, in pandas.
    """

    container: str
    keys: tuple[Hashable, ...]
    take: Callable[[int], Any]
    name: str | None = None
    library: str = ""
    levels: tuple[Hashable, ...] = ()
    _read: dict[int, RawColumn] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the columns."""
        return len(self.keys)

    @property
    def is_named(self) -> bool:
        """Whether the columns have names of their own."""
        return self.container in ("frame", "dict")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns as text, which those of tasks are."""
        return tuple(map(text, self.keys))

    def column(self, place: int) -> RawColumn:
        """Read a column; others may hold what is no label."""
        if place not in self._read:
            self._read[place] = RawColumn(self.keys[place], self.take(place))
        return self._read[place]

    def mix(self, place: int) -> None:
        """Let a column hold text as well as numbers."""
        self.replace(place, RawColumn(self.keys[place], self.take(place), mixed=True))

    def replace(self, place: int, column: RawColumn) -> None:
        """Have a column be read in the place of another."""
        self._read[place] = column


def read_raw(y: Any) -> RawTargets:
    """Find the columns of y.

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
    frame = open_frame(y, "y")
    if frame is not None:
        _check_lengths(y)
        container = "dict" if frame.library == "dict" else "frame"
        return _with_columns(
            RawTargets(
                container,
                frame.keys,
                frame.take,
                library=frame.library,
                levels=frame.levels,
            )
        )
    series = y if hasattr(y, "iloc") else open_series(y)
    if series is not None:
        name = series.name if isinstance(series.name, str) else ""
        kept = plain(name) if name and "__" not in name else None
        return RawTargets("1d", (0,), lambda _: series, kept)
    array = _as_array(y)
    if array.ndim == 1:
        return RawTargets("1d", (0,), lambda _: array)
    if array.ndim == 2:
        keys = tuple(range(array.shape[1]))
        return _with_columns(RawTargets("2d", keys, lambda i: array[:, i]))
    raise InvalidDataError(
        "y should be a 1d array of shape (n_samples,) or a 2d array of shape "
        f"(n_samples, n_tasks), got an array of shape {array.shape} instead."
    )


def _with_columns(raw: RawTargets) -> RawTargets:
    if not len(raw):
        raise InvalidDataError("y has no column: expected at least one task's labels.")
    return raw


def _check_lengths(y: Any) -> None:
    if isinstance(y, SliceDict):
        lengths = {key: len(values) for key, values in y.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidDataError(
                "The columns of y have different numbers of rows: "
                f"{listed(f'{key!r} has {n}' for key, n in lengths.items())}."
            )


def _as_array(y: Any) -> np.ndarray:
    """Return an array in which a missing label has not become text."""
    refuse_mask(y, "y", "Mark missing labels with NaN: y.astype(float).filled(np.nan).")
    y = without_tensors(y, "y")
    try:
        return exact_array(y)
    except ValueError as error:
        raise InvalidDataError(
            "y cannot be read as an array: its rows have different lengths. If they "
            "are sets of labels, pass pandas.Series(y), or sets in place of lists."
        ) from error


def _read_labels(key: Hashable, raw: Any, mixed: bool) -> _Labels:
    what = f"Column {key!r} of y"
    if hasattr(raw, "iloc"):
        values, dtype = _of_pandas(raw)
        discrete = getattr(dtype, "name", "") in ("category", "boolean")
        discrete = discrete and not isinstance(dtype, np.dtype)
    elif (series := open_series(raw)) is not None:
        values, dtype, discrete = _of_narwhals(series, what)
    else:
        values = _as_array(raw)
        dtype, discrete = values.dtype, False
    if values.ndim != 1:
        raise InvalidDataError(
            f"{what} has shape {values.shape}; expected (n_samples,)."
        )
    if values.dtype.kind == "c":
        raise InvalidDataError(
            f"Complex data not supported: column {key!r} of y has dtype "
            f"{values.dtype}. Pass its real and imaginary parts as two columns."
        )
    if values.dtype.kind not in "biufOU":
        raise _no_labels(what, values.dtype)
    present = np.ones(len(values), bool)
    if values.dtype.kind == "O":
        values, present = narrow(values, what, mixed=mixed)
    elif values.dtype.kind == "f":
        present = ~np.isnan(values)
    if values.dtype.kind == "f":
        _check_finite(values, present, key)
    return _Labels(values, present, discrete or values.dtype.kind == "b", dtype)


def _no_labels(what: str, dtype: Any) -> DataTypeError:
    return DataTypeError(
        f"{what} has dtype {dtype}, which is neither numbers nor labels. Convert it "
        "first."
    )


def _of_pandas(series: Any) -> tuple[np.ndarray, Any]:
    """Give the values of a Series, and its dtype."""
    if isinstance(series.dtype, np.dtype):
        return np.asarray(series), series.dtype
    # An extension type: as objects, its missing values stay apart.
    return np.asarray(series, dtype=object), series.dtype


def _of_narwhals(series: Any, what: str) -> tuple[np.ndarray, np.dtype, bool]:
    """Give values, their dtype in numpy, and whether they are categories."""
    dtype = series.dtype
    categories = isinstance(dtype, nw.Categorical | nw.Enum | nw.Boolean)
    textual = isinstance(dtype, nw.String | nw.Object | nw.Unknown)
    is_number = dtype.is_numeric() and not isinstance(dtype, nw.Decimal)
    if not (categories or textual or is_number):
        raise _no_labels(what, dtype)
    values = np.empty(len(series), dtype=object)
    values[:] = series.to_list()
    if isinstance(dtype, nw.Boolean):
        return values, np.dtype(bool), True
    own = np.dtype(object)
    if is_number:
        with suppress(TypeError):  # numpy has no numbers of 128 bits
            own = np.dtype(str(dtype).lower())
        if own.kind != "O" and not series.null_count():
            return series.to_numpy(), own, False
    return values, own, categories


def _check_finite(values: np.ndarray, present: np.ndarray, key: Hashable) -> None:
    infinite = np.flatnonzero(np.isinf(values) & present)
    if infinite.size:
        raise InvalidDataError(
            f"Input y contains infinity: row {infinite[0]} of column {key!r}. Only "
            "NaN, None and pandas.NA mark a missing label."
        )
