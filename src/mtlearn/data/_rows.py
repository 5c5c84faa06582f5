"""X in any container, as what the checks of arrays take."""

import array
import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch.utils.data import DataLoader

from mtlearn._utils._indexing import is_dataset
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._missing import is_missing
from mtlearn._utils._short import short
from mtlearn._utils._tensors import as_array
from mtlearn.data._lazy import LazyImages
from mtlearn.data._pictures import (
    check_modes,
    is_picture,
    mode_of,
    shown,
)
from mtlearn.exceptions import DataTypeError, InvalidDataError

_PROTOCOLS = ("__array__", "__array_interface__", "__array_namespace__")
_TEXT = (str, bytes, os.PathLike)
_REMEDY_OF_FILES = (
    "Images on disk are read by mtlearn.data.ImageFiles(files, size=...), or in a "
    "Pipeline by an ImageReader; other files in the __getitem__ of a dataset."
)
_GUIDE = "See docs/guide/out_of_core.md."


def read_rows(X: Any, owner: str) -> Any:
    """Return X as what scikit-learn's check of arrays takes, or say what X may be.

    Parameters
    ----------
    X : object
        What the user gave, and no dataset.
    owner : str
        Who asks, for messages.

    Returns
    -------
    array-like
        A list of arrays, tensors or pictures, or a Series of them, as one array; what
        is an array, a DataFrame or a list of numbers, as it is.

    Raises
    ------
    DataTypeError
        If X is nothing that has rows of numbers, or hides some behind a mask.
    InvalidDataError
        If the arrays of a list differ in shape, or pictures in their mode.
    """
    if type(X) is np.ndarray and X.dtype.kind in "biufc":
        return X
    if isinstance(X, LazyImages):
        raise DataTypeError(
            f"X of {owner} cannot be images on disk ({short(X)}), which are not read "
            "whole. Use MultiTaskImageEstimator, or pass X.read()."
        )
    refuse_mask(X, "X", "Replace what is masked, such as by X.filled(0).")
    if isinstance(X, torch.Tensor):
        return as_array(X, "X")
    if is_picture(X):
        raise InvalidDataError(
            f"X of {owner} is one picture, and its rows would be taken for images. "
            "Pass a list of pictures: [X]."
        )
    # Of the class: that of a lazy frame would warn, or read a file.
    if hasattr(type(X), "columns") and _has_array(X):
        check_frame(X, owner, of_numbers=True)
        return X
    items = _items(X, owner)
    return X if items is None or not len(items) else _joined(X, items, owner)


def selectable_rows(X: Any, owner: str) -> Any:
    """Return X as something whose rows can be selected, or say what X may be.

    Parameters
    ----------
    X : object
        What the user gave.
    owner : str
        Who asks, for messages.

    Returns
    -------
    object
        Datasets, images on disk and names of files as they are, which another step
        may read; of all else what `read_rows` gives.

    Raises
    ------
    DataTypeError, InvalidDataError
        As `read_rows` does.
    """
    if is_dataset(X) or isinstance(X, LazyImages) or has_names(X):
        return X
    return read_rows(X, owner)


def has_names(X: Any) -> bool:
    """Tell whether X holds names of files, by the first row that is not missing.

    Parameters
    ----------
    X : object
        What the user gave.

    Returns
    -------
    bool
        True for a list, an array or a column of them, of any library, and for what
        has one such column.
    """
    if isinstance(X, (LazyImages, torch.Tensor, *_TEXT)):
        return False
    column = X
    # Of the class, as in read_rows.
    if _has_array(type(X)):
        shape = getattr(X, "shape", (0,))
        if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
            return False
        column = np.asarray(X).ravel()
        if column.dtype.kind not in "OUS":
            return False
    elif not isinstance(X, Sequence):
        return False
    first = next((each for each in column if not is_missing(each)), None)
    return isinstance(first, _TEXT)


def _items(X: Any, owner: str) -> Any:
    """Give the rows of a list or of a column of objects; None for other arrays."""
    if issparse(X) or isinstance(X, memoryview | array.array):
        return None
    if _has_array(X):
        if getattr(X, "ndim", 1) != 1:
            return None
        column = np.asarray(X)
        return column if column.dtype.kind in "OUS" and column.ndim == 1 else None
    if isinstance(X, Sequence) and not isinstance(X, _TEXT):
        return X if isinstance(X, list | tuple) else list(X)
    raise _refusal(owner, *_described(X))


def _has_array(X: Any) -> bool:
    return any(hasattr(X, name) for name in _PROTOCOLS)


def _joined(X: Any, items: Sequence[Any], owner: str) -> Any:
    """Make one array of the items, by what the first one is."""
    first = items[0]
    if isinstance(first, _TEXT):
        what = f"names of files or other text ({type(first).__name__})"
        raise _refusal(owner, what, _REMEDY_OF_FILES)
    if is_picture(first) or hasattr(first, "shape"):
        return _stacked(items, owner)
    if isinstance(first, Sequence):
        return _nested(X, items, owner)
    if isinstance(first, numbers.Number):
        return X
    what = f"a {type(X).__name__} whose first entry is a {type(first).__name__}"
    raise _refusal(owner, what, "")


def _stacked(items: Sequence[Any], owner: str) -> np.ndarray:
    arrays, modes = [], []
    for index, item in enumerate(items):
        picture = shown(item)
        modes.append(mode_of(picture))
        arrays.append(_dense(as_array(picture, f"X[{index}]")))
    check_modes(modes, owner)
    shape = arrays[0].shape
    noun = "image" if len(shape) > 1 else "row"
    for index, each in enumerate(arrays):
        if each.dtype == object:
            raise DataTypeError(
                f"{owner} expects {noun}s of numbers. {noun.title()} {index} is a "
                f"{type(items[index]).__name__}, which makes no array of numbers. "
                "Leave it out, or convert it."
            )
        if each.shape != shape:
            raise InvalidDataError(
                f"{owner} expects {noun}s of one shape. {noun.title()} 0 has the shape "
                f"{shape}, {noun} {index} has {each.shape}. Resize or crop them."
            )
    return np.stack(arrays)


def _dense(each: np.ndarray) -> np.ndarray:
    """Make one array of arrays of arrays, as a column of nested lists gives them."""
    is_nested = each.dtype == object and each.ndim == 1 and len(each) > 0
    if not is_nested or not all(isinstance(part, np.ndarray) for part in each):
        return each
    parts = [_dense(part) for part in each]
    return np.stack(parts) if len({part.shape for part in parts}) == 1 else each


def _nested(X: Any, items: Sequence[Any], owner: str) -> Any:
    try:
        joined = np.asarray(list(items))
    except ValueError as error:
        raise InvalidDataError(
            f"X of {owner} is a list of lists that differ in length. Make them alike."
        ) from error
    return joined if joined.dtype.kind in "biufc" else X


def check_frame(X: Any, owner: str, *, of_numbers: bool = False) -> None:
    """Refuse a DataFrame with a column of images.

    Parameters
    ----------
    X : DataFrame
        Of pandas; others are not looked at.
    owner : str
        Who asks, for messages.
    of_numbers : bool, default=False
        Whether one of text alone is refused too.

    Raises
    ------
    DataTypeError
        Which says what to pass.
    """
    if not hasattr(X, "iloc") or not len(X):
        return
    for position, name in enumerate(X.columns):
        if getattr(X.dtypes.iloc[position], "kind", "") != "O":
            continue
        first = X.iloc[0, position]
        if is_picture(first) or np.ndim(first):
            what = f"a DataFrame whose column {name!r} has a {type(first).__name__}"
            raise _refusal(owner, what, f"Pass that column: X[{name!r}].")
        if of_numbers and isinstance(first, _TEXT) and len(X.columns) == 1:
            what = "a DataFrame of names of files or other text"
            raise _refusal(owner, what, _REMEDY_OF_FILES)


def _described(X: Any) -> tuple[str, str]:
    """Say what X is and what to do, without a word of what it holds."""
    what = f"an object of the type {type(X).__name__}"
    if isinstance(X, DataLoader):
        return "a DataLoader", "Pass its dataset: batches are made here."
    if isinstance(X, _TEXT):
        return what, _REMEDY_OF_FILES
    if isinstance(X, Mapping):
        return what, "Pass one of its arrays, or a DataFrame."
    if hasattr(X, "__len__") and hasattr(X, "__getitem__"):
        return what, (
            "If its items are mappings, pass skorch.helper.SliceDataset(X, idx=...) "
            "with the key of the image or row."
        )
    if isinstance(X, Iterable):
        return what, "Pass list(X), or go through it in chunks with partial_fit."
    return what, ""


def _refusal(owner: str, what: str, remedy: str) -> DataTypeError:
    text = (
        f"X of {owner} must be an array, a list of arrays or pictures, a DataFrame of "
        "numbers, a tensor on the CPU, or a dataset with __len__ and __getitem__. Got "
        f"{what} instead."
    )
    return DataTypeError(" ".join(part for part in (text, remedy, _GUIDE) if part))
