"""Labels of several parts as one y with holes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from skorch.helper import SliceDict

from mtlearn._utils._exact import are_large, exact_array
from mtlearn._utils._frames import nullable, open_frame, open_series, text
from mtlearn._utils._indexing import is_dataset
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._optional import import_optional
from mtlearn._utils._tensors import without_tensors
from mtlearn.exceptions import DataTypeError, InvalidDataError

OWNER = "join_tasks"


def part_labels(y: Any, name: str) -> Any:
    """Read the y of a part, as columns by the names of tasks.

    Parameters
    ----------
    y : array-like, DataFrame, Series or SliceDict
        What the user gave: of one column, or of several with names.
    name : str
        The part, which is the name of a column that has none.

    Returns
    -------
    DataFrame of pandas, or dict of str to ndarray
        The first if y is of pandas.
    """
    if y is None or is_dataset(y):
        raise DataTypeError(
            f"{OWNER} needs labels y for the part {name!r}: an array, a frame, a "
            f"Series or a SliceDict. Got a {type(y).__name__} instead."
        )
    if hasattr(y, "iloc"):
        # The name of a Series is that of its part.
        return y.to_frame(name) if y.ndim == 1 else _named(y, y.columns, name)
    frame = open_frame(y, f"The y of the part {name!r}")
    if frame is not None:
        columns = [_values(frame.take(i), name) for i in range(len(frame.keys))]
        return _named(dict(zip(frame.keys, columns, strict=True)), frame.keys, name)
    array = _values(y, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InvalidDataError(
            f"{OWNER} takes a y of several columns by their names, which are those of "
            f"tasks. That of the part {name!r} has none, and the shape {array.shape}. "
            "Pass a DataFrame or skorch.helper.SliceDict."
        )
    return {name: array}


def _named(columns: Any, keys: Any, name: str) -> Any:
    names = [text(key) for key in keys]
    if not names or len(set(names)) < len(names):
        raise InvalidDataError(
            f"{OWNER} needs different names for the columns of y of the part {name!r}. "
            f"Got {names} instead."
        )
    if isinstance(columns, dict):
        return dict(zip(names, columns.values(), strict=True))
    return columns.set_axis(names, axis=1)


def _values(column: Any, name: str) -> np.ndarray:
    """Give labels as an array that changes none of them."""
    what = f"The y of the part {name!r}"
    refuse_mask(column, what, "Mark missing labels with NaN: filled(np.nan).")
    series = open_series(column)
    if series is not None:
        return exact_array(series.to_list())
    return exact_array(without_tensors(column, "y"))


def join_labels_of(parts: Mapping[str, Any], n_rows: Sequence[int]) -> Any:
    """Make one y of the labels of all parts, missing where a part has none of a task.

    Parameters
    ----------
    parts : mapping of str to DataFrame or dict
        From `part_labels`.
    n_rows : sequence of int
        Of each part.

    Returns
    -------
    DataFrame of pandas, or SliceDict
        The first if one part is of pandas. Tasks come as they first appear.
    """
    frames = list(parts.values())
    if any(hasattr(each, "iloc") for each in frames):
        pandas = import_optional("pandas", "pandas", OWNER)
        frames = [pandas.DataFrame(each) for each in frames]
        # Whole numbers that real values would round, where a hole makes them such.
        exact = [each.astype(nullable(each)) for each in frames]
        return pandas.concat(exact, ignore_index=True, sort=False)
    names = dict.fromkeys(name for each in frames for name in each)
    return SliceDict(
        **{name: _column([each.get(name) for each in frames], n_rows) for name in names}
    )


def _column(pieces: Sequence[np.ndarray | None], n_rows: Sequence[int]) -> np.ndarray:
    """Join the labels of one task: real values with NaN, or objects with None."""
    there = [each for each in pieces if each is not None]
    kinds = {"f" if each.dtype.kind in "iuf" else each.dtype.kind for each in there}
    whole = len(there) == len(pieces)
    if whole and len(kinds) == 1 and not any(map(are_large, there)):
        return np.concatenate(there)
    if kinds == {"f"} and not any(map(are_large, there)):
        joined = np.full(sum(n_rows), np.nan, dtype=np.result_type(*there, np.float32))
    else:
        joined = np.full(sum(n_rows), None, dtype=object)
    start = 0
    for piece, n in zip(pieces, n_rows, strict=True):
        if piece is not None:
            joined[start : start + n] = piece
        start += n
    return joined
