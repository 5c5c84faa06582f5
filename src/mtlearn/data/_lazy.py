"""Images that are read where rows of them are needed, and not before."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidDataError


class LazyImages(ABC):
    """Base of what stands for an array of images and reads them when asked.

    Selecting rows gives the same kind of object and reads nothing, so that the tools
    of scikit-learn split it as an array. One image by its number, `read` and
    `numpy.asarray` read.

    Attributes
    ----------
    shape : tuple (n_samples, height, width, n_channels)
        Of the array that it stands for.
    dtype : dtype
        Of that array.
    """

    ndim = 4
    dtype: np.dtype
    # Whether images that cannot be read are left out, instead of an error.
    skips: bool = False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the array that it stands for."""

    @abstractmethod
    def _take(self, rows: np.ndarray) -> Self:
        """Select rows by their numbers, all of which there are."""

    @abstractmethod
    def _read(self, rows: np.ndarray) -> np.ndarray:
        """Read rows by their numbers, all of which there are."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Tell what would be read, without reading it.

        Returns
        -------
        str
            Another one where another image, or another setting, would be read.
        """

    def read(self, rows: Any = None) -> np.ndarray:
        """Read images.

        Parameters
        ----------
        rows : slice, array-like of int or bool, or None, default=None
            Which ones; None reads all.

        Returns
        -------
        ndarray of shape (n_rows, height, width, n_channels)
            The images.

        Raises
        ------
        InvalidDataError
            If an image cannot be read.
        """
        return self._read(_numbers(slice(None) if rows is None else rows, len(self)))

    def readable(self) -> np.ndarray:
        """Find the images that can be read, by reading those that no one has yet.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            All True of images that are not to be skipped.
        """
        return np.ones(len(self), dtype=bool)

    def read_some(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read those of some images that can be read.

        Parameters
        ----------
        rows : ndarray of int
            Which ones.

        Returns
        -------
        images : ndarray of shape (n_rows, height, width, n_channels)
            Anything where there is none.
        found : ndarray of bool of shape (n_rows,)
            Where there is one.
        """
        return self._read(rows), np.ones(len(rows), dtype=bool)

    def blame(self, row: int) -> str:
        """Say which image a row is, and why it cannot be read.

        Parameters
        ----------
        row : int
            Its number.

        Returns
        -------
        str
            For messages.
        """
        return f"image {row} of X"

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """Read one image by its number, or select rows, which are not read."""
        # scikit-learn writes X[rows, ...].
        if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:
            index = index[0]
        number = _number(index)
        if number is not None:
            if not -len(self) <= number < len(self):
                raise IndexError(
                    f"There is no image {number}: {type(self).__name__} has "
                    f"{len(self)}."
                )
            return self._read(np.array([number % len(self)]))[0]
        return self._take(_numbers(index, len(self)))

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError(
                f"{type(self).__name__} holds no array: to make one, images are read."
            )
        images = self.read()
        return images if dtype is None else images.astype(dtype, copy=False)


def _number(index: Any) -> int | None:
    """Return the number of one row, or None of what selects several, or nothing."""
    # What torch and NumPy compute may be one number without being an int.
    is_one = np.ndim(index) == 0 and hasattr(index, "__index__")
    if not is_one or np.asarray(index).dtype.kind not in "iu":
        return None
    return operator.index(index)


def _numbers(index: Any, n_rows: int) -> np.ndarray:
    """Turn a selection of rows into their numbers."""
    if isinstance(index, slice):
        return np.arange(n_rows)[index]
    chosen = np.asarray(index)
    is_empty = chosen.ndim == 1 and not chosen.size
    if isinstance(index, tuple) or (chosen.dtype.kind not in "iub" and not is_empty):
        raise IndexError(
            "Images are selected by a number, a slice, or one array of numbers or "
            f"booleans. Got {short(index)} instead."
        )
    # Of the wrong length, or beyond the last row: an IndexError, as numpy says it.
    selected = np.arange(n_rows)[chosen.astype(int) if is_empty else chosen]
    if selected.ndim != 1:
        raise IndexError(
            f"Images are selected by one list of numbers. Got an array of shape "
            f"{chosen.shape} instead."
        )
    return selected


class LazyRows:
    """Rows of `LazyImages` as the estimators take them: read where they are indexed.

    Parameters
    ----------
    images : LazyImages
        What the user gave.
    owner : str
        Who asks, for messages.

    Attributes
    ----------
    shape, item_shape, ndim, dtype : object
        Those of the images, and of one of them.
    """

    def __init__(self, images: LazyImages, owner: str) -> None:
        if not len(images):
            raise InvalidDataError(
                f"Found images with 0 sample(s) (shape={images.shape}) while a minimum "
                f"of 1 is required by {owner}."
            )
        self.images = images
        self.shape = images.shape
        self.item_shape = images.shape[1:]
        self.ndim = images.ndim
        self.dtype = images.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read one row by its number, or those of a slice or array of numbers."""
        is_one = not isinstance(index, slice) and np.ndim(index) == 0
        return self.images[index] if is_one else self.images.read(index)


class KnownRows(LazyRows):
    """The same, where images that cannot be read give a row of whatever.

    Attributes
    ----------
    lacking : dict of int to None
        Numbers of those of them that were read so far.
    """

    def __init__(self, images: LazyImages, owner: str) -> None:
        super().__init__(images, owner)
        self.lacking: dict[int, None] = {}

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read the rows of a slice or array of numbers."""
        rows = _numbers(index, len(self))
        images, found = self.images.read_some(rows)
        self.lacking.update(dict.fromkeys(rows[~found].tolist()))
        return images


def open_images(X: Any, owner: str) -> LazyRows | None:
    """Return the rows of images that are read when asked, or None if X is none.

    Parameters
    ----------
    X : object
        What the user gave.
    owner : str
        Who asks, for messages.

    Returns
    -------
    LazyRows or None
        Rows.
    """
    return LazyRows(X, owner) if isinstance(X, LazyImages) else None
