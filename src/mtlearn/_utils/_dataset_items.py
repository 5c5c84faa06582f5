"""Items of a dataset: x or (x, y), and what y may be."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from skorch.helper import SliceDict
from torch.utils.data import IterableDataset

from mtlearn._utils._exact import exact_array, exact_join
from mtlearn._utils._frames import text
from mtlearn._utils._listing import listed
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._tensors import as_array
from mtlearn._utils._views import read_item
from mtlearn.exceptions import DataTypeError, InvalidDataError

NO_LABEL = object()
# Labels become an array in pieces of so many.
_PIECE = 1024


def count_items(dataset: Any, owner: str) -> int:
    """Count the items of a dataset, or raise if there is none or no number.

    Parameters
    ----------
    dataset : dataset
        What the user gave.
    owner : str
        Who asks, for messages.

    Returns
    -------
    int
        At least 1.
    """
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise DataTypeError(
            f"{owner} needs a map-style dataset, with __len__ and __getitem__, to draw "
            f"its rows in any order. Got {type(dataset).__name__} instead. Go through "
            "it in chunks with partial_fit."
        )
    n_items = len(dataset)
    if n_items == 0:
        raise InvalidDataError(
            "Found a dataset with 0 sample(s) while a minimum of 1 is required by "
            f"{owner}."
        )
    return n_items


def item_of(dataset: Any, number: int) -> tuple[Any, Any]:
    """Read an item.

    Parameters
    ----------
    dataset : dataset
        Its items are `x` or `(x, y)`.
    number : int
        Of the item.

    Returns
    -------
    x, y : object
        As the dataset gives them; see `label_of`.

    Raises
    ------
    Exception
        See `read_item`.
    """
    item = read_item(dataset, number)
    if not isinstance(item, tuple):
        return item, NO_LABEL
    if len(item) not in (1, 2):
        raise InvalidDataError(
            f"Item {number} of the dataset is a tuple of length {len(item)}; expected "
            "x or (x, y). Give the labels of several tasks as one sequence or mapping "
            "y."
        )
    return item if len(item) == 2 else (item[0], NO_LABEL)


def label_of(label: Any, number: int) -> Any:
    """Check the y of an item.

    Parameters
    ----------
    label : object
        From `item_of`.
    number : int
        Of the item, for messages.

    Returns
    -------
    scalar, list or dict
        A label, a list with one for each task, or a dict of them by name.
    """
    if label is NO_LABEL:
        raise InvalidDataError(
            f"Item {number} of the dataset has no label, and none were passed. Return "
            "(x, y) from __getitem__, or pass y (y_val for X_val)."
        )
    held = list(label.values()) if isinstance(label, Mapping) else label
    refuse_mask(held, f"The y of item {number} of the dataset", "None is missing.")
    if isinstance(label, Mapping):
        return {text(name): _scalar(each, number) for name, each in label.items()}
    is_row = isinstance(label, list | tuple) or np.ndim(label) > 0
    if is_row:
        return [_scalar(each, number) for each in label]
    return _scalar(label, number)


def _scalar(label: Any, number: int) -> Any:
    if isinstance(label, str):
        return label
    array = as_array(label, f"the y of item {number} of the dataset")
    if array.ndim:
        raise InvalidDataError(
            f"The y of item {number} of the dataset holds a {type(label).__name__} of "
            f"shape {array.shape} where one label is expected: y is a label, a "
            "sequence with one for each task, or a mapping of them by name."
        )
    return array[()]


def join_labels(labels: Iterable[Any]) -> Any:
    """Make one y of the labels of all items.

    Parameters
    ----------
    labels : iterable
        From `label_of`, at least one. They become arrays in pieces: as objects they
        would take many times the memory.

    Returns
    -------
    ndarray of shape (n_items,) or (n_items, n_tasks), or SliceDict
        Labels; a SliceDict where they have names.
    """
    parts: list[Any] = []
    piece: list[Any] = []
    expected = None
    for number, label in enumerate(labels):
        found = _layout_of(label)
        expected = expected or found
        if found != expected:
            raise InvalidDataError(
                f"The y of item {number} of the dataset is {found}, and that of item 0 "
                f"is {expected}. Give each item a label for each task; None is a "
                "missing one."
            )
        piece.append(label)
        if len(piece) == _PIECE:
            parts.append(_columns_of(piece))
            piece = []
    if piece:
        parts.append(_columns_of(piece))
    if not isinstance(parts[0], dict):
        return exact_join(parts)
    return SliceDict(
        **{key: exact_join([part[key] for part in parts]) for key in parts[0]}
    )


def _columns_of(labels: list[Any]) -> Any:
    if not isinstance(labels[0], dict):
        return exact_array(labels)
    return {key: exact_array([each[key] for each in labels]) for key in labels[0]}


def _layout_of(label: Any) -> str:
    if isinstance(label, dict):
        return f"a mapping of {listed(sorted(label))}"
    return f"a sequence of {len(label)}" if isinstance(label, list) else "one label"


def dataset_labels(dataset: Any) -> Any:
    """Make one y of a dataset whose items are labels.

    Parameters
    ----------
    dataset : dataset
        Such as ``SliceDataset(pairs, idx=1)``.

    Returns
    -------
    ndarray or SliceDict
        See `join_labels`.
    """
    numbers = range(count_items(dataset, "y"))
    return join_labels(
        label_of(read_item(dataset, number), number) for number in numbers
    )
