"""Columns with names, in whatever holds them."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from skorch.helper import SliceDict

from mtlearn._utils._exact import are_large
from mtlearn._utils._optional import import_optional
from mtlearn.exceptions import DataTypeError, MissingDependencyError

# By these, and by being a mapping, something says that its columns have names.
_OF_NAMES = ("columns", "column_names", "collect_schema", "__dataframe__")


@dataclass(frozen=True)
class Frame:
    """Columns with names.

    Attributes
    ----------
    keys : tuple of hashable
        Their names.
    library : str
        What holds them: ``"pandas"``, ``"dict"`` for a SliceDict, or another library
        that narwhals knows, such as ``"polars"`` and ``"pyarrow"``.
    levels : tuple
        Names of the levels of the names, in pandas.
    take : callable
        Gives a column by its position: a Series of pandas or narwhals, or an array.
    """

    keys: tuple[Hashable, ...]
    library: str
    levels: tuple[Hashable, ...]
    take: Callable[[int], Any]


def open_frame(value: Any, name: str) -> Frame | None:
    """Find the columns of something whose columns have names.

    Parameters
    ----------
    value : object
        What the user gave.
    name : str
        What it is called, for messages.

    Returns
    -------
    Frame or None
        None where columns have no names.

    Raises
    ------
    DataTypeError
        If there are names that cannot be read: by position, columns might be taken for
        others.
    """
    if isinstance(value, SliceDict):
        keys = tuple(plain(key) for key in value)
        columns = list(value.values())
        return Frame(keys, "dict", (), columns.__getitem__)
    if isinstance(value, Mapping):
        raise DataTypeError(
            f"{name} is a dict, which cannot be sliced by rows. Pass a DataFrame, a "
            f"two-dimensional array or skorch.helper.SliceDict(**{name})."
        )
    if hasattr(value, "iloc"):
        if value.ndim != 2:
            return None
        keys, levels = map(tuple, (map(plain, value.columns), value.columns.names))
        return Frame(keys, "pandas", levels, lambda i: value.iloc[:, i])
    if isinstance(value, np.ndarray) or not any(
        hasattr(type(value), each) for each in _OF_NAMES
    ):
        return None
    frame = nw.from_native(value, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise DataTypeError(
            f"{name} is a {type(value).__module__}.{type(value).__name__}, whose "
            "columns cannot be read by their names. Pass a DataFrame that is in memory "
            "(of pandas, polars or pyarrow), a two-dimensional array or "
            "skorch.helper.SliceDict."
        )
    library = str(frame.implementation.value)
    return Frame(
        tuple(frame.columns), library, (), lambda i: frame[:, i]
    )  # by position, as names may occur twice


def open_series(value: Any) -> Any:
    """Give a Series that narwhals knows as one of narwhals; None for all else."""
    if isinstance(value, np.ndarray | list | tuple) or hasattr(value, "iloc"):
        return None
    series = nw.from_native(value, series_only=True, pass_through=True)
    return series if isinstance(series, nw.Series) else None


def plain(label: Any) -> Any:
    """Give the text of a string; str() of a member of an Enum is another one."""
    return str.__str__(label) if isinstance(label, str) else label


def text(key: Any) -> str:
    """Give a name as text."""
    return str(plain(key))


def make_frame(columns: Mapping[str, np.ndarray], library: str) -> Any:
    """Make a frame of another library than pandas.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Its columns.
    library : str
        As in `Frame`.

    Returns
    -------
    DataFrame or Table
        Of that library.

    Raises
    ------
    MissingDependencyError
        If the library is not installed.
    """
    data = {
        name: values.tolist() if values.dtype.kind in "OU" else values
        for name, values in columns.items()
    }
    try:
        backend: Any = library  # which narwhals lists one by one
        return nw.from_dict(data, backend=backend).to_native()
    except ImportError as error:
        raise MissingDependencyError(
            f"Predicting a frame of {library} needs it, and it is not installed. "
            f"Install it with: python -m pip install {library}"
        ) from error


def spread_frame(frame: Any, known: np.ndarray) -> Any:
    """Put the rows of a frame in places, with nulls between them.

    Parameters
    ----------
    frame : DataFrame or Table
        Of any library.
    known : ndarray of bool of shape (n_samples,)
        The places, as many as there are rows.

    Returns
    -------
    DataFrame or Table
        Of `n_samples` rows.
    """
    places, others = np.flatnonzero(known), np.flatnonzero(~known)
    if hasattr(frame, "iloc"):
        exact = frame.astype(nullable(frame))
        return exact.set_axis(places).reindex(range(len(known)))
    rows = nw.from_native(frame, eager_only=True)
    name = "_".join(["place", *rows.columns])  # of no column
    empty = nw.from_dict({name: others}, backend=rows.implementation)
    # Not joined, as columns of no row may have no type, which none can be joined by.
    every = nw.concat([rows, empty], how="diagonal").drop(name)
    return every[np.argsort(np.append(places, others)).tolist(), :].to_native()


def nullable(frame: Any) -> dict[Any, str]:
    """Name the dtypes of columns that real values would round, where nulls come."""
    return {
        name: {"i": "Int64", "u": "UInt64"}[dtype.kind]
        for name, dtype in frame.dtypes.items()
        if isinstance(dtype, np.dtype) and are_large(frame[name].to_numpy())
    }


def join_frames(parts: Sequence[Any], order: np.ndarray) -> Any:
    """Stack frames, and take the rows in another order.

    Parameters
    ----------
    parts : sequence of DataFrame
        Of one library.
    order : ndarray of int
        Which row of them comes first, second and so on.

    Returns
    -------
    DataFrame
        With a new index.
    """
    if hasattr(parts[0], "iloc"):
        pandas = import_optional("pandas", "pandas", "Predicting a DataFrame")
        return pandas.concat(parts).iloc[order].reset_index(drop=True)
    frames = [nw.from_native(part, eager_only=True) for part in parts]
    return nw.concat(frames)[order.tolist(), :].to_native()
