"""Map-style datasets, read one batch at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlearn._utils._dataset_items import (
    NO_LABEL,
    count_items,
    item_of,
    join_labels,
    label_of,
)
from mtlearn._utils._indexing import is_dataset
from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._tensors import as_array
from mtlearn.data._pictures import mode_of, shown
from mtlearn.exceptions import DataTypeError, InvalidDataError


class DatasetRows:
    """The x of each item of a dataset, as an array that is read where it is indexed.

    Parameters
    ----------
    dataset : dataset
        Its items are `x` or `(x, y)`.
    owner : str
        Who asks, for messages.
    layouts : dict of int to str
        What an item may be, by its number of dimensions.
    dtype : dtype or None, default=None
        What rows are cast to; None leaves them.

    Attributes
    ----------
    shape : tuple of int
        Of all rows, as that of an array; images have a channel axis.
    item_shape : tuple of int
        That of each x as the dataset gives it.
    dtype : dtype
        Of the rows.

    Raises
    ------
    InvalidDataError, DataTypeError
        If the first item is not what it must be, or there is none.
    """

    def __init__(
        self,
        dataset: Any,
        owner: str,
        layouts: Mapping[int, str],
        dtype: Any = None,
    ) -> None:
        self.dataset = dataset
        self.owner = owner
        n_items = count_items(dataset, owner)
        first = self._read(0)
        if first.ndim not in layouts or not first.size:
            raise InvalidDataError(
                f"{owner} expects items of shape {' or '.join(layouts.values())}. "
                f"Item 0 of the dataset has the shape {first.shape} instead."
            )
        self._item = first.shape, first.dtype
        self.dtype = first.dtype if dtype is None else np.dtype(dtype)
        self.item_shape = first.shape
        row = (*first.shape, 1) if first.ndim == 2 else first.shape
        self.shape = (n_items, *row)
        self.ndim = len(self.shape)
        self.first = first.reshape(1, *row)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read one row by its number, or those of a slice or array of numbers."""
        if isinstance(index, slice):
            index = range(*index.indices(len(self)))
        elif np.ndim(index) == 0:
            return self[[index]][0]
        rows = np.empty((len(index), *self.shape[1:]), dtype=self.dtype)
        for row, number in zip(rows, index, strict=True):
            row[...] = self._checked(int(number)).reshape(row.shape)
        return rows

    def item(self, number: int) -> tuple[Any, ...]:
        """Read an item.

        Parameters
        ----------
        number : int
            Of the item.

        Returns
        -------
        x : ndarray of the shape `item_shape`
            Checked.
        y : object
            As the dataset gives it, if it does.
        """
        x, label = item_of(self.dataset, number)
        array = self._as_array(x, number)
        self._check(array, number)
        return (array,) if label is NO_LABEL else (array, label)

    def labels(self) -> Any:
        """Read the y of every item, and check every x.

        Returns
        -------
        ndarray or SliceDict
            See `join_labels`.
        """
        return join_labels(self._label(number) for number in range(len(self)))

    def _label(self, number: int) -> Any:
        labels = self.item(number)[1:]
        return label_of(labels[0] if labels else NO_LABEL, number)

    def _checked(self, number: int) -> np.ndarray:
        x = self._read(number)
        self._check(x, number)
        return x

    def _read(self, number: int) -> np.ndarray:
        return self._as_array(item_of(self.dataset, number)[0], number)

    def _as_array(self, x: Any, number: int) -> np.ndarray:
        """Return x as an array of finite real numbers."""
        refuse_mask(
            x,
            f"The x of item {number} of the dataset",
            "Replace what is masked in __getitem__.",
        )
        picture = shown(x)
        self._check_mode(mode_of(picture), number)
        try:
            array = as_array(picture, "x")
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataTypeError(
                f"Item {number} of the dataset cannot be read as an array: {error}"
            ) from error
        if array.dtype.kind not in "biuf":
            raise DataTypeError(
                f"{self.owner} expects items x or (x, y) with an array x of real "
                f"numbers. The x of item {number} of the dataset is a "
                f"{type(x).__name__} of dtype {array.dtype} instead. Convert it in "
                "__getitem__."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            at = np.argwhere(~np.isfinite(array))[0]
            name = "NaN" if np.isnan(array[tuple(at)]) else "infinity"
            raise InvalidDataError(
                f"Input X contains {name}: item {number} of the dataset, at position "
                f"{tuple(at.tolist())}. {self.owner} accepts finite numbers only."
            )
        return array

    def _check_mode(self, mode: str | None, number: int) -> None:
        if number == 0:
            self._mode = mode
        elif None not in (mode, self._mode) and mode != self._mode:
            raise InvalidDataError(
                f"{self.owner} expects pictures of one mode. Item 0 of the dataset has "
                f"the mode {self._mode}, item {number} has {mode}. Convert them in "
                "__getitem__, such as by picture.convert('RGB')."
            )

    def _check(self, x: np.ndarray, number: int) -> None:
        shape, dtype = self._item
        if x.shape != shape:
            raise InvalidDataError(
                f"{self.owner} expects items of one shape. Item 0 of the dataset has "
                f"the shape {shape}, item {number} has {x.shape}. Make them alike in "
                "__getitem__."
            )
        if x.dtype != dtype:
            raise InvalidDataError(
                f"{self.owner} expects items of one dtype. Item 0 of the dataset has "
                f"the dtype {dtype}, item {number} has {x.dtype}. Make them alike in "
                "__getitem__."
            )


def open_dataset(
    X: Any, owner: str, layouts: Mapping[int, str], dtype: Any = None
) -> DatasetRows | None:
    """Return the rows of a dataset, or None if X is none.

    Parameters
    ----------
    X : object
        What the user gave.
    owner, layouts, dtype : object
        See `DatasetRows`.

    Returns
    -------
    DatasetRows or None
        Rows that are read where they are indexed.

    Raises
    ------
    InvalidDataError, DataTypeError
        If the first item is not what it must be, there is none, or X is the list of
        all items.
    """
    if is_dataset(X):
        return DatasetRows(X, owner, layouts, dtype)
    first = X[0] if isinstance(X, list) and X else None
    if isinstance(first, tuple) and len(first) == 2 and _is_pair(*first):
        raise InvalidDataError(
            f"X of {owner} is a list of pairs (x, y), as scikit-learn's tools make of "
            "a dataset. Give them skorch.helper.SliceDataset(dataset) as X, and the "
            "labels as y."
        )
    return None


def item_labels(X: Any, y: Any) -> Any:
    """Return y, or the labels of a dataset's items where y is None.

    Parameters
    ----------
    X : object
        Samples: a dataset, DatasetRows of one, or anything else.
    y : object
        Labels.

    Returns
    -------
    object
        None if X is no dataset and y is None.

    Raises
    ------
    InvalidDataError
        If an item has no label, or another number of labels than the first one.
    """
    if y is not None:
        return y
    if isinstance(X, DatasetRows):
        return X.labels()
    if not is_dataset(X):
        return None
    numbers = range(count_items(X, "This estimator"))
    return join_labels(label_of(item_of(X, number)[1], number) for number in numbers)


def row_dims(dataset: Any) -> int:
    """Count the dimensions of a dataset's rows, by the first one.

    Parameters
    ----------
    dataset : dataset
        Its items are `x` or `(x, y)`.

    Returns
    -------
    int
        1 for a table.
    """
    count_items(dataset, "This estimator")
    return np.ndim(item_of(dataset, 0)[0])


def _is_pair(x: Any, y: Any) -> bool:
    """Tell an item (x, y) from an image or row of two entries, which are alike."""
    return np.ndim(x) > 0 and np.shape(x) != np.shape(y)
