"""Columns of a table: numbers, categories, and where there is nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import narwhals as nw
import numpy as np

from mtlearn._utils._frames import Frame, open_frame, text
from mtlearn._utils._listing import listed
from mtlearn._utils._missing import is_missing
from mtlearn._utils._short import short
from mtlearn._utils._warn import warn
from mtlearn.data._rows import check_frame
from mtlearn.exceptions import DataTypeError

_GUIDE = "See docs/guide/images_and_tables.md."
# Of a column with more categories than this, more than one for two rows, a fit warns.
_MANY = 20


@dataclass(frozen=True)
class TableColumns:
    """What a fit has learned of the columns of X.

    Attributes
    ----------
    categories : tuple of (ndarray or None)
        Of each column the categories, whose place is their code; None of numbers.
    has_missing : ndarray of bool of shape (n_columns,)
        Whether a value was missing.
    means : ndarray of float of shape (n_columns,)
        Of the numbers that were there; 0 where there were none.
    """

    categories: tuple[np.ndarray | None, ...]
    has_missing: np.ndarray
    means: np.ndarray

    @classmethod
    def of(
        cls, X: np.ndarray, categories: Sequence[np.ndarray | None] | None
    ) -> "TableColumns":
        """Learn from rows.

        Parameters
        ----------
        X : ndarray of float of shape (n_samples, n_columns)
            Numbers and codes; NaN where there is nothing.
        categories : sequence of (ndarray or None), or None
            Of each column; None where all are numbers.

        Returns
        -------
        TableColumns
            What there is.
        """
        found = (None,) * X.shape[1] if categories is None else tuple(categories)
        gaps = np.isnan(X)
        n_known = np.maximum(len(X) - gaps.sum(axis=0), 1)
        with np.errstate(over="ignore"):
            means = np.sum(X, axis=0, where=~gaps) / n_known
        for j in np.flatnonzero(np.isinf(means)):  # where no number is
            means[j] = np.sum(X[:, j] / n_known[j], where=~gaps[:, j])
        means[[each is not None for each in found]] = 0.0
        return cls(found, gaps.any(axis=0), means)

    @property
    def numbers(self) -> np.ndarray:
        """Which columns hold numbers, as an array of bool."""
        return np.array([each is None for each in self.categories])

    @property
    def described(self) -> dict[str, tuple[Any, ...]] | None:
        """What a network is told of them; None of numbers that are all there."""
        counts = tuple(0 if each is None else len(each) for each in self.categories)
        if not any(counts) and not self.has_missing.any():
            return None
        gaps = tuple(bool(each) for each in self.has_missing)
        return {"n_categories": counts, "has_missing": gaps}

    def filled(self, X: np.ndarray) -> np.ndarray:
        """Put means where no number was missing in the fit, and now one is.

        Parameters
        ----------
        X : ndarray of float of shape (n_samples, n_columns)
            Rows; not changed.

        Returns
        -------
        ndarray of the same shape
            X itself, if there is nothing to be filled.
        """
        columns = self.numbers & ~self.has_missing
        if not columns.any() or not np.isnan(X).any():
            return X
        return np.where(columns & np.isnan(X), self.means, X)


def open_table(X: Any, owner: str) -> Frame | None:
    """Give the columns of a DataFrame in which some hold other things than numbers.

    Parameters
    ----------
    X : object
        What the user gave.
    owner : str
        Who asks, for messages.

    Returns
    -------
    Frame or None
        None of a DataFrame of numbers, and of anything else.

    Raises
    ------
    DataTypeError
        If a column holds pictures.
    """
    # Of the class: that of a lazy frame would warn, or read a file.
    if not hasattr(type(X), "columns") or not hasattr(X, "__array__"):
        return None
    if hasattr(X, "iloc"):  # without a look at each column
        if not any(map(_is_object, getattr(X, "dtypes", ()))):
            return None
        frame = open_frame(X, "X")
    else:
        frame = open_frame(X, "X")
        places = range(len(frame.keys)) if frame is not None else ()
        if frame is None or all(_is_numeric(frame.take(i)) for i in places):
            return None
    check_frame(X, owner)
    return frame


def known_table(X: Any, owner: str, columns: TableColumns) -> Frame | None:
    """Give the columns of X, which must be a DataFrame if some held categories.

    Parameters
    ----------
    X : object
        What the user gave.
    owner : str
        Who asks, for messages.
    columns : TableColumns
        What a fit has learned.

    Returns
    -------
    Frame or None
        None of numbers that were numbers.

    Raises
    ------
    DataTypeError
        If X is no DataFrame, and some columns held categories.
    """
    frame = open_table(X, owner)
    if frame is not None or columns.numbers.all():
        return frame
    is_frame = hasattr(type(X), "columns") and hasattr(X, "__array__")
    frame = open_frame(X, "X") if is_frame else None
    if frame is None:
        places = np.flatnonzero(~columns.numbers)
        raise DataTypeError(
            f"X of {owner} must be a DataFrame, as in fit: there, column"
            f"{'s' * (len(places) > 1)} {listed(map(str, places))} held categories. "
            f"Got an object of the type {type(X).__name__} instead."
        )
    return frame


def read_table(
    frame: Frame, owner: str, columns: TableColumns | None
) -> tuple[np.ndarray, list[np.ndarray | None]]:
    """Make numbers and codes of the columns of a DataFrame.

    Parameters
    ----------
    frame : Frame
        The columns.
    owner : str
        Who asks, for messages.
    columns : TableColumns or None
        What a fit has learned, which found as many columns; None learns it.

    Returns
    -------
    X : ndarray of float of shape (n_samples, n_columns)
        Codes are places in the categories; NaN is missing, or an unknown category.
    categories : list of (ndarray or None)
        Of each column; None of numbers.

    Raises
    ------
    DataTypeError
        If a column holds what is neither numbers nor categories, or something else than
        it did in the fit.
    """
    read, found = [], []
    for i, key in enumerate(frame.keys):
        what, column = f"Column {key!r} of X of {owner}", frame.take(i)
        if columns is None:
            values, categories = _learned(column, what)
            _warn_many(categories, len(values), what)
        else:
            categories = columns.categories[i]
            values = _values(column, what, categories)
        read.append(values)
        found.append(categories)
    return np.column_stack(read), found


def _learned(column: Any, what: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a column, and tell which categories it has."""
    if _is_numeric(column):
        return _numbers(column, what), None
    labels, codes = _cells(column, what)
    if not _is_declared(column):
        sorts = {_sort(label) for label in labels}
        if sorts <= {"numbers"} and not _is_text(column):
            return _as_numbers(labels, codes), None
        _check_texts(sorts, labels, what)
    # Categories that a dtype declares and no row has would never be learned.
    names = _names(labels)
    seen = sorted({names[code] for code in np.unique(codes[codes >= 0])}, key=_order)
    categories = np.empty(len(seen), dtype=object)
    categories[:] = seen
    return _coded(names, codes, categories), categories


def _warn_many(categories: np.ndarray | None, n_rows: int, what: str) -> None:
    if categories is not None and len(categories) > max(_MANY, n_rows / 2):
        warn(
            f"{what} has {len(categories)} categories in {n_rows} rows, and little can "
            "be learned of each. Leave it out if it only names rows."
        )


def _values(column: Any, what: str, categories: np.ndarray | None) -> np.ndarray:
    """Read a column as a fit has read it."""
    if categories is None:
        if _is_numeric(column):
            return _numbers(column, what)
        labels, codes = _cells(column, what)
        sorts = {_sort(labels[code]) for code in np.unique(codes[codes >= 0])}
        if not sorts <= {"numbers"}:
            raise _changed(what, "numbers", sorts)
        return _as_numbers(labels, codes)
    labels, codes = _cells(column, what)
    names = _names(labels)
    sorts = {_sort(names[code]) for code in np.unique(codes[codes >= 0])}
    before = {_sort(name) for name in categories}
    if sorts and before and not sorts & before:
        raise _changed(what, listed(sorted(before)), sorts)
    return _coded(names, codes, categories)


def _is_object(dtype: Any) -> bool:
    """Tell whether a dtype of pandas is that of objects, texts or categories."""
    return getattr(dtype, "kind", "") == "O"


def _is_numeric(column: Any) -> bool:
    """Tell whether the type of a column says that it holds numbers or truth values."""
    if hasattr(column, "iloc"):
        # Of dates too, which are refused as numbers are read.
        return not _is_object(column.dtype)
    return column.dtype.is_numeric() or column.dtype == nw.Boolean


def _is_declared(column: Any) -> bool:
    """Tell whether the type of a column says that it holds categories."""
    if hasattr(column, "iloc"):
        return hasattr(column, "cat")
    return column.dtype in (nw.Categorical, nw.Enum)


def _is_text(column: Any) -> bool:
    """Tell whether the type of a column says that it holds texts."""
    if hasattr(column, "iloc"):
        return column.dtype != object and str(column.dtype).startswith("str")
    return column.dtype == nw.String


def _numbers(column: Any, what: str) -> np.ndarray:
    if hasattr(column, "iloc"):
        if getattr(column.dtype, "kind", "") not in "biuf":
            raise _neither(what, column.dtype)
        if isinstance(column.dtype, np.dtype):
            return column.to_numpy(dtype=np.float64)
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _cells(column: Any, what: str) -> tuple[list[Any], np.ndarray]:
    """Give different values of a column, and of each row its place among them or -1."""
    if hasattr(column, "cat") and hasattr(column, "iloc"):
        labels = column.cat.categories.tolist()
        return labels, column.cat.codes.to_numpy().astype(np.int64)
    seen: dict[Any, int] = {}
    try:
        places = [
            -1
            if type(value) is not str and is_missing(value)
            else seen.setdefault(value, len(seen))
            for value in column.to_list()
        ]
    except TypeError as error:  # such as a list
        raise _neither(what, error) from error
    return list(seen), np.array(places, dtype=np.int64)


def _as_numbers(labels: Sequence[Any], codes: np.ndarray) -> np.ndarray:
    known = np.array([*map(float, labels), np.nan])
    return known[codes]  # of which -1 is the last


def _coded(
    names: Sequence[Any], codes: np.ndarray, categories: np.ndarray
) -> np.ndarray:
    places = {name: place for place, name in enumerate(categories)}
    known = np.array([*(places.get(name, np.nan) for name in names), np.nan])
    return known[codes].astype(np.float64)


def _names(labels: Sequence[Any]) -> list[Any]:
    """Give categories as what files hold: texts, numbers and truth values."""
    plains = (each.item() if isinstance(each, np.generic) else each for each in labels)
    return [
        label if isinstance(label, bool | int | float) else text(label)
        for label in plains
    ]


def _sort(label: Any) -> str:
    if isinstance(label, str):
        return "texts"
    is_number = isinstance(label, Real | np.bool_) or type(label).__name__ == "Decimal"
    return "numbers" if is_number else type(label).__name__


def _order(name: Any) -> tuple[str, Any]:
    return _sort(name), name


def _check_texts(sorts: set[str], labels: Sequence[Any], what: str) -> None:
    if sorts <= {"texts"}:
        return
    if sorts == {"texts", "numbers"}:
        raise DataTypeError(
            f"{what} holds texts and numbers. Make all of one sort, or declare "
            f"categories: X[...].astype('category'). {_GUIDE}"
        )
    other = next(label for label in labels if _sort(label) not in ("texts", "numbers"))
    raise _neither(what, short(other))


def _neither(what: str, found: Any) -> DataTypeError:
    return DataTypeError(
        f"{what} must hold numbers, texts or categories. Got {found} instead. Make "
        f"numbers of it, or declare categories: X[...].astype('category'). {_GUIDE}"
    )


def _changed(what: str, before: str, sorts: set[str]) -> DataTypeError:
    return DataTypeError(
        f"{what} holds {listed(sorted(sorts))}, and held {before} in fit. Convert it."
    )
