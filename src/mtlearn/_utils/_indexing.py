"""Telling a dataset, and selecting rows of anything that has some."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from skorch.helper import SliceDataset
from torch.utils.data import Dataset, Subset

from mtlearn._utils._sklearn_compat import safe_indexing

# What tells an array or a DataFrame, whatever else it can do.
_OF_ARRAYS = ("__array__", "__array_interface__", "shape", "iloc")


def is_dataset(X: Any) -> bool:
    """Tell whether X is a dataset: items by number, and neither array nor sequence.

    Parameters
    ----------
    X : object
        What the user gave.

    Returns
    -------
    bool
        True for torch's datasets, skorch's SliceDataset and their like.
    """
    if isinstance(X, np.ndarray):  # at once, as it counts where a row is predicted
        return False
    if isinstance(X, Dataset | SliceDataset):
        return True
    if isinstance(X, Sequence | Mapping | type):
        return False
    if any(hasattr(X, name) for name in _OF_ARRAYS):
        return False
    return hasattr(X, "__len__") and hasattr(X, "__getitem__")


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Select rows, of a dataset without reading them.

    Parameters
    ----------
    X : array-like, DataFrame, SliceDict or dataset
        Something with rows.
    rows : ndarray of int
        Their numbers.

    Returns
    -------
    object
        Of the same kind, or a `torch.utils.data.Subset`.
    """
    if is_dataset(X) and not isinstance(X, SliceDataset):
        return Subset(X, np.asarray(rows).tolist())
    return safe_indexing(X, rows)


def evenly_spaced(n_rows: int, most: int) -> np.ndarray:
    """Give the numbers of some rows from the first to the last one, `most` at most."""
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, most)).astype(int))
