"""Images of several parts, one after another, without a copy."""

import hashlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from mtlearn.data._lazy import LazyImages

_CHUNK_BYTES = 2**24


class JoinedImages(LazyImages):
    """Images of several parts as one array, each read where it is.

    Parameters
    ----------
    parts : mapping of str to ndarray or LazyImages
        By name: images `(n_samples, height, width, n_channels)` of one size and dtype.
        Arrays are not copied.
    rows : tuple of ndarray or None, default=None
        Of each row the number of its part, and its place there; None takes all, part by
        part.

    Attributes
    ----------
    shape : tuple (n_samples, height, width, n_channels)
        Of the array that it stands for.
    dtype : dtype
        Of that array.
    """

    def __init__(
        self,
        parts: Mapping[str, Any],
        rows: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self.parts = dict(parts)
        first, *_ = self.parts.values()
        self.dtype = first.dtype
        self._row = tuple(first.shape[1:])
        self.skips = any(_skips(images) for images in self.parts.values())
        if rows is None:
            sizes = [len(images) for images in self.parts.values()]
            rows = (
                np.repeat(np.arange(len(sizes)), sizes),
                np.concatenate([np.arange(size) for size in sizes]),
            )
        self._part, self._place = rows

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the array that it stands for."""
        height, width, n_channels = self._row
        return len(self._part), height, width, n_channels

    def __repr__(self) -> str:
        sizes = np.bincount(self._part, minlength=len(self.parts)).tolist()
        of_parts = zip(self.parts, sizes, strict=True)
        told = ", ".join(f"{name!r}: {size}" for name, size in of_parts)
        return f"JoinedImages({told}, as {self._row} of {self.dtype})"

    def fingerprint(self) -> str:
        """Tell what would be read, by reading arrays and asking others.

        Returns
        -------
        str
            Another one where another image would be.
        """
        digest = hashlib.sha256()
        for name, images in self.parts.items():
            digest.update(f"{name!r} {images.shape} {images.dtype} ".encode())
            if isinstance(images, LazyImages):
                digest.update(images.fingerprint().encode())
                continue
            step = max(1, _CHUNK_BYTES // max(1, images[:1].nbytes))
            for start in range(0, len(images), step):
                piece = np.ascontiguousarray(images[start : start + step])
                digest.update(piece.reshape(-1).view(np.uint8).data)
        for rows in (self._part, self._place):
            digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
        return digest.hexdigest()

    def readable(self) -> np.ndarray:
        """Find the images that can be read.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            As each part says.
        """
        found = np.ones(len(self), dtype=bool)
        for images, here, places in self._by_part(np.arange(len(self))):
            if _skips(images):
                found[here] = images[places].readable()
        return found

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
        read = np.empty((len(rows), *self._row), dtype=self.dtype)
        found = np.ones(len(rows), dtype=bool)
        for images, here, places in self._by_part(rows):
            if _skips(images):
                read[here], found[here] = images.read_some(places)
            else:
                read[here] = _read_places(images, places)
        return read, found

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
        name = list(self.parts)[self._part[row]]
        images, place = self.parts[name], int(self._place[row])
        lazy = isinstance(images, LazyImages)
        told = images.blame(place) if lazy else f"image {place} of X"
        return f"{told} (of part {name!r})"

    def _take(self, rows: np.ndarray) -> Self:
        return type(self)(self.parts, (self._part[rows], self._place[rows]))

    def _read(self, rows: np.ndarray) -> np.ndarray:
        read = np.empty((len(rows), *self._row), dtype=self.dtype)
        for images, here, places in self._by_part(rows):
            read[here] = _read_places(images, places)
        return read

    def _by_part(self, rows: np.ndarray) -> list[tuple[Any, np.ndarray, np.ndarray]]:
        """Give the parts that rows are of: which of the rows, and where there."""
        part, place = self._part[rows], self._place[rows]
        found = []
        for number, images in enumerate(self.parts.values()):
            here = np.flatnonzero(part == number)
            if len(here):
                found.append((images, here, place[here]))
        return found


def _skips(images: Any) -> bool:
    return isinstance(images, LazyImages) and images.skips


def _read_places(images: Any, places: np.ndarray) -> np.ndarray:
    return images.read(places) if isinstance(images, LazyImages) else images[places]
