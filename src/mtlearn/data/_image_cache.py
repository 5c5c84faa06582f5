"""Decoded images in one file, for the epochs, folds and runs that follow."""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from numbers import Integral
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mtlearn._utils._files import write_atomically
from mtlearn._utils._logging import logger
from mtlearn._utils._short import short
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)

Read = Callable[[slice], tuple[np.ndarray, np.ndarray]]

_SUFFIX = ".images.npy"
_CHUNK_BYTES = 2**25


class ImageCache:
    """A folder with the decoded images of each `ImageFiles` that was read.

    Parameters
    ----------
    folder : str or path-like
        Is made if it is not there.
    max_bytes : int or None, default=None
        What its files may take together. Those that have not been used for the longest
        time are removed where another needs their room. None takes what the disk has.

    Examples
    --------
    >>> from mtlearn.data import ImageCache, ImageFiles
    >>> cache = ImageCache("~/.cache/photographs", max_bytes=20 * 10**9)
    >>> ImageFiles(["a.jpg"], size=224, cache=cache).shape
    (1, 224, 224, 3)
    """

    def __init__(self, folder: Any, max_bytes: int | None = None) -> None:
        if not isinstance(folder, str | os.PathLike):
            raise ParameterTypeError(
                "The 'cache' parameter of ImageFiles must be None, the name of a "
                f"folder, or an ImageCache. Got {short(folder)} instead."
            )
        is_number = isinstance(max_bytes, Integral) and not isinstance(max_bytes, bool)
        if max_bytes is not None and (not is_number or max_bytes < 1):
            raise InvalidParameterError(
                "The 'max_bytes' parameter of ImageCache must be None or a positive "
                f"int. Got {short(max_bytes)} instead."
            )
        self.folder = Path(folder).expanduser()
        self.max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"ImageCache({str(self.folder)!r}, max_bytes={self.max_bytes})"

    def images(
        self, key: str, shape: tuple[int, ...], read: Read
    ) -> tuple[np.ndarray, np.ndarray]:
        """Open the images of a key, decoded now if they are not there.

        Parameters
        ----------
        key : str
            Tells them from others.
        shape : tuple (n_samples, height, width, n_channels)
            Of all of them.
        read : callable
            Decodes the images of a slice, and tells which of them there are.

        Returns
        -------
        images : memmap of uint8
            All of them.
        found : ndarray of bool of shape (n_samples,)
            Which of them there are.

        Raises
        ------
        InvalidDataError
            If there is no room for them, or they do not stay.
        """
        path = self.folder / f"{key[:32]}{_SUFFIX}"
        found = _opened(path, shape)
        if found is None:
            self._write(path, shape, read)
            found = _opened(path, shape)
            if found is None:
                raise InvalidDataError(
                    f"The decoded images in {str(path)!r} were removed as soon as they "
                    "were written, by another process that needs the room. Give its "
                    "ImageCache more max_bytes, or another folder."
                )
        with suppress(OSError):  # on a disk that is read alone
            os.utime(path)
        return found

    def _write(self, path: Path, shape: tuple[int, ...], read: Read) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        n_bytes = int(np.prod(shape))
        self._make_room(n_bytes)
        logger.info("Decoding %d images into %s (%d bytes)", shape[0], path, n_bytes)
        step = max(1, _CHUNK_BYTES // max(1, n_bytes // max(1, shape[0])))

        def write(file: BinaryIO) -> None:
            # Written, not mapped: of a full disk a map tells by killing the process.
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_2_0(file, header)
            known = []
            for start in range(0, shape[0], step):
                images, found = read(slice(start, start + step))
                file.write(images.data)
                known.append(found.tobytes())
            # Behind what the header tells of: a byte for each image.
            file.write(b"".join(known))

        try:
            write_atomically(path, write)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._no_room(n_bytes, "the disk is full") from error

    def _make_room(self, n_bytes: int) -> None:
        """Remove files of others, the longest unused first, as far as there must be."""
        if self.max_bytes is not None:
            if n_bytes > self.max_bytes:
                raise self._no_room(n_bytes, f"max_bytes is {self.max_bytes}")
            others = []
            for each in self.folder.glob(f"*{_SUFFIX}"):
                with suppress(FileNotFoundError):  # another process may remove it
                    status = each.stat()
                    others.append((status.st_mtime_ns, status.st_size, each))
            taken = sum(size for _, size, _ in others)
            for _, size, each in sorted(others):
                if taken + n_bytes <= self.max_bytes:
                    break
                each.unlink(missing_ok=True)
                taken -= size
        free = shutil.disk_usage(self.folder).free
        if n_bytes > free:
            raise self._no_room(n_bytes, f"{free} are free")

    def _no_room(self, n_bytes: int, why: str) -> InvalidDataError:
        return InvalidDataError(
            f"The decoded images take {n_bytes} bytes in the folder "
            f"{str(self.folder)!r} of the cache, where {why}. Take another folder, a "
            "smaller size, or cache=None."
        )


def _opened(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """Map a file of images, or return None if it is not there or not whole."""
    with suppress(OSError, ValueError):
        images = np.load(path, mmap_mode="r")
        if images.shape == shape and images.dtype == np.uint8:
            start = images.offset + images.nbytes
            found = np.fromfile(path, dtype=bool, offset=start)
            if len(found) == shape[0]:
                return images, found
    return None
