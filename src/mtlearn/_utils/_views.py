"""Items through the views that torch and skorch make of datasets."""

import bisect
import numbers
from collections.abc import Mapping
from typing import Any

from skorch.helper import SliceDataset
from torch.utils.data import ConcatDataset, StackDataset, Subset

from mtlearn._utils._errors import reworded
from mtlearn._utils._listing import listed
from mtlearn.exceptions import InvalidDataError


def read_item(dataset: Any, number: int) -> Any:
    """Read an item of a dataset, or of a view of one.

    By itself, a `SliceDataset` takes ``item[0]`` of whatever the dataset gives: of an
    image that comes without a label, that is the first row.

    Parameters
    ----------
    dataset : dataset
        What the user gave.
    number : int
        Of the item.

    Returns
    -------
    object
        The item, or the part of it that a `SliceDataset` is asked for.

    Raises
    ------
    Exception
        Of the class that the dataset raises, with the number of the item in its
        message; an InvalidDataError where the class takes no message.
    """
    try:
        return _read(dataset, number)
    except Exception as error:
        message = f"Item {number} of the dataset cannot be read: {error}"
        raise reworded(error, message) from error


def _read(dataset: Any, number: int) -> Any:
    cls = type(dataset)
    # A subclass that reads in a way of its own does so.
    if isinstance(dataset, SliceDataset) and _reads_as(cls, SliceDataset):
        item = _read(dataset.dataset, int(dataset.indices_[number]))
        return dataset.transform(_part(item, dataset.idx))
    if isinstance(dataset, Subset) and _reads_as(cls, Subset):
        return _read(dataset.dataset, dataset.indices[number])
    if isinstance(dataset, ConcatDataset) and _reads_as(cls, ConcatDataset):
        ends = dataset.cumulative_sizes
        which = bisect.bisect_right(ends, number)
        start = ends[which - 1] if which else 0
        return _read(dataset.datasets[which], number - start)
    if isinstance(dataset, StackDataset) and _reads_as(cls, StackDataset):
        parts = dataset.datasets
        if isinstance(parts, dict):
            return {name: _read(part, number) for name, part in parts.items()}
        return tuple(_read(part, number) for part in parts)
    return dataset[number]


def _reads_as(cls: type, base: type) -> bool:
    names = ("__getitem__", "_select_item")
    return all(getattr(cls, name, None) is getattr(base, name, None) for name in names)


def _part(item: Any, idx: Any) -> Any:
    """Take the part that is asked for; what is no tuple or mapping has none."""
    if isinstance(item, Mapping):
        if idx in item:
            return item[idx]
        has = f"is a mapping of {listed(item)}"
    elif isinstance(item, tuple):
        if isinstance(idx, numbers.Integral) and -len(item) <= int(idx) < len(item):
            return item[int(idx)]
        has = f"is a tuple of length {len(item)}"
    elif idx == 0:
        return item
    else:
        has = f"is a {type(item).__name__} and no tuple, so that it is x alone"
    raise InvalidDataError(
        f"it {has}, and SliceDataset is asked for idx={idx!r}. Pass "
        "SliceDataset(dataset, idx=...) with one that the items have."
    )
