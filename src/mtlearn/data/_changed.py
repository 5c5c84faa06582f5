"""Images and datasets that something is done to when they are read."""

import hashlib
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from mtlearn.data._datasets import DatasetRows
from mtlearn.data._lazy import LazyImages

Change = Callable[[np.ndarray], np.ndarray]


class ChangedImages(LazyImages):
    """Images that are changed batch by batch as they are read.

    Parameters
    ----------
    images : LazyImages
        What they are read from.
    change : callable
        Maps images `(n_samples, height, width, n_channels)` to as many changed ones;
        can be pickled.
    key : str
        Tells one change from another.
    """

    def __init__(self, images: LazyImages, change: Change, key: str) -> None:
        self.images = images
        self.change = change
        self.key = key
        self.skips = images.skips
        none = change(np.empty((0, *images.shape[1:]), dtype=images.dtype))
        self.dtype = none.dtype
        self._row = none.shape[1:]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the array that it stands for."""
        height, width, n_channels = self._row
        return len(self.images), height, width, n_channels

    def __repr__(self) -> str:
        return f"{self.images!r}, as {self._row} of {self.dtype}"

    def fingerprint(self) -> str:
        """Tell what would be read.

        Returns
        -------
        str
            Another one where another image, or another change, would be.
        """
        both = f"{self.images.fingerprint()} {self.key}"
        return hashlib.sha256(both.encode()).hexdigest()

    def readable(self) -> np.ndarray:
        """Find the images that can be read.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            As those that are changed say.
        """
        return self.images.readable()

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
        images, found = self.images.read_some(rows)
        return self.change(images), found

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
        return self.images.blame(row)

    def _take(self, rows: np.ndarray) -> Self:
        return type(self)(self.images[rows], self.change, self.key)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        return self.change(self.images.read(rows))


class ChangedDataset:
    """A dataset whose x are changed as they are read; what else it gives stays.

    Parameters
    ----------
    rows : DatasetRows
        Of the dataset.
    change : callable
        Maps rows `(1, ...)` to changed ones.
    """

    def __init__(self, rows: DatasetRows, change: Change) -> None:
        self.rows = rows
        self.change = change

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Any:
        """Give an item: x, or (x, y)."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"There is no item {number} of {len(self)}.")
        x, *labels = self.rows.item(int(number) % len(self))
        changed = self.change(x[np.newaxis])[0]
        return (changed, *labels) if labels else changed
