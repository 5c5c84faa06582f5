"""Images on disk as X."""

import hashlib
import os
from numbers import Integral
from typing import Any, Self

import joblib
import numpy as np

from mtlearn._utils._pool import for_each
from mtlearn._utils._short import short
from mtlearn.data._decode import CHANNELS, read_image
from mtlearn.data._image_cache import ImageCache
from mtlearn.data._lazy import LazyImages
from mtlearn.data._paths import list_folder, read_paths
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
    ParameterTypeError,
)

_FITS = ("crop", "pad", "stretch")
# Part of what images are known by: another one, if they come to be read otherwise.
_READER = 1
# More threads than this wait for one another's memory.
_MOST_WORKERS = 16


class ImageFiles(LazyImages):
    """Images on disk, read batch by batch while a network computes.

    It stands for an array `(n_samples, height, width, n_channels)` of uint8: the
    estimators, Pipelines of this package and scikit-learn's tools take it as they take
    that. Selecting rows, as splits do, reads nothing.

    Parameters
    ----------
    files : array-like of shape (n_samples,)
        Names or paths: a list, an array, a Series, or a DataFrame of one column.
    size : int or tuple (height, width)
        That all images get; an int is both.
    mode : {"RGB", "L"}, default="RGB"
        Three channels, or one of grey.
    fit : {"crop", "pad", "stretch"}, default="crop"
        How an image of other proportions gets that size: by its middle part, with a
        black margin, or stretched.
    root : str, path-like or None, default=None
        Folder that `files` are relative to.
    cache : str, path-like, ImageCache or None, default=None
        Folder in which all of the decoded images are kept, in one file: written when
        the first of them is read, and read from then on, by later runs too. It goes by
        names, sizes and times of the files, as they are when it is first asked for, and
        by the other parameters.
    n_workers : int or None, default=None
        Threads that read and decode. None takes as many as there are processors, 16 at
        most. It changes no value.

    Attributes
    ----------
    shape : tuple (n_samples, height, width, n_channels)
        Of the array that it stands for.
    dtype : dtype
        uint8.
    files : ndarray of shape (n_samples,)
        Names of the files, `root` in front.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If `size`, `mode`, `fit`, `root` or `n_workers` is not what it must be.
    DataTypeError, InvalidDataError
        If `files` are no names of files.

    See Also
    --------
    check_files : Finds the files that cannot be read.

    Notes
    -----
    Needs Pillow (``pip install 'mtlearn[images]'``), and reads what it reads: JPEG,
    PNG, WebP, BMP, TIFF and others, the first frame of animations. With simplejpeg
    installed, JPEGs are decoded a third faster, to the same values. JPEGs more than
    four times as large as `size` are decoded at a half, a quarter or an eighth of
    their size. Sizes change with antialiasing (bilinear).

    Photographs are turned upright as their EXIF data says. What is transparent is laid
    over white. Images of 16 bits are read from 0 to 65535, and those of real values
    from 0 to 1, as black to white; colour profiles are not applied.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from mtlearn.data import ImageFiles
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name, color in [("a.png", "red"), ("b.png", "blue")]:
    ...     Image.new("RGB", (40, 30), color).save(Path(folder.name) / name)
    >>> X = ImageFiles(["a.png", "b.png"], size=24, root=folder.name)
    >>> X.shape
    (2, 24, 24, 3)
    >>> X[0][0, 0]
    array([255,   0,   0], dtype=uint8)
    >>> X[1:].read().mean(axis=(0, 1, 2))
    array([  0.,   0., 255.])
    >>> folder.cleanup()
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        files: Any,
        *,
        size: int | tuple[int, int],
        mode: str = "RGB",
        fit: str = "crop",
        root: Any = None,
        cache: Any = None,
        n_workers: int | None = None,
    ) -> None:
        self.size = _read_size(size)
        self.mode = _one_of(mode, "mode", tuple(CHANNELS))
        self.fit = _one_of(fit, "fit", _FITS, " ('image_fit' of ImageReader)")
        self.n_workers = _read_workers(n_workers)
        self.files = read_paths(files, root)
        # As the user counts them, whatever is selected.
        self._rows = np.arange(len(self.files))
        self._kept = None if cache is None else _Kept(_read_cache(cache), self.files)

    @classmethod
    def from_folder(cls, folder: Any, **kwargs: Any) -> tuple[Self, np.ndarray]:
        """Take the images of a tree, with the names of its folders as labels.

        Parameters
        ----------
        folder : str or path-like
            Has a folder for each label, with images at any depth. Hidden files are
            left out.
        **kwargs : object
            `size` and the other parameters, less `files` and `root`.

        Returns
        -------
        X : ImageFiles
            In the order of their names.
        y : ndarray of shape (n_samples,)
            Labels.

        Raises
        ------
        InvalidDataError
            If there is no folder, or none with an image.
        """
        files, labels = list_folder(folder)
        return cls(files, **kwargs), np.array(labels)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the array that it stands for."""
        return (len(self.files), *self.size, CHANNELS[self.mode])

    def __repr__(self) -> str:
        return (
            f"ImageFiles({len(self)} files, size={self.size}, mode={self.mode!r}, "
            f"fit={self.fit!r})"
        )

    def fingerprint(self) -> str:
        """Tell what would be read, by names, sizes and times of the files.

        Returns
        -------
        str
            Another one where a file or a setting is another.
        """
        digest = hashlib.sha256(
            repr((_READER, self.size, self.mode, self.fit)).encode()
        )
        for row, file in enumerate(self.files):
            try:
                status = os.stat(file)
            except OSError as error:
                raise self._error(row, error) from error
            about = os.path.abspath(file), status.st_size, status.st_mtime_ns
            digest.update(repr(about).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def problems(self) -> list[tuple[int, str]]:
        """Read all images, and say which cannot be read and why.

        Returns
        -------
        list of tuple (int, str)
            The row, from 0, and what is wrong with its file.
        """
        found: dict[int, str] = {}

        def read(row: int) -> None:
            try:
                self._decoded(row)
            except MissingDependencyError:
                raise
            except Exception as error:
                found[row] = problem_of(self.files[row], error)

        for_each(read, range(len(self)), self._n_threads())
        return sorted(found.items())

    def _take(self, rows: np.ndarray) -> Self:
        taken = object.__new__(type(self))
        taken.__dict__.update(self.__dict__)
        taken.files, taken._rows = self.files[rows], self._rows[rows]
        return taken

    def _read(self, rows: np.ndarray) -> np.ndarray:
        if self._kept is not None:
            return self._kept.all_images(self)[self._rows[rows]]
        images = np.empty((len(rows), *self.shape[1:]), dtype=np.uint8)

        def read(at: int) -> None:
            images[at] = self._image(rows[at])

        for_each(read, range(len(rows)), self._n_threads())
        return images

    def _image(self, row: int) -> np.ndarray:
        try:
            return self._decoded(row)
        except MissingDependencyError:
            raise
        except Exception as error:
            raise self._error(row, error) from error

    def _n_threads(self) -> int:
        if self.n_workers is not None:
            return self.n_workers
        return min(joblib.cpu_count(), _MOST_WORKERS)

    def _decoded(self, row: int) -> np.ndarray:
        return read_image(self.files[row], self.size, self.mode, self.fit)

    def _error(self, row: int, error: Exception) -> InvalidDataError:
        return InvalidDataError(
            f"Image {self._rows[row]} of X, the file {self.files[row]!r}, cannot be "
            f"read: {problem_of(self.files[row], error)}. Mend it or leave it out; "
            "mtlearn.data.check_files(X) lists all of these."
        )


class _Kept:
    """Where the decoded images of some files are kept."""

    key: str | None = None

    def __init__(self, cache: ImageCache, files: np.ndarray) -> None:
        self.cache = cache
        self.files = files

    def all_images(self, part: ImageFiles) -> np.ndarray:
        """Open the images of all files, by the settings of a part of them."""
        every = object.__new__(ImageFiles)
        every.__dict__.update(part.__dict__)
        every.files, every._rows = self.files, np.arange(len(self.files))
        every._kept = None
        if self.key is None:
            self.key = every.fingerprint()
        return self.cache.images(self.key, every.shape, every.read)


def problem_of(file: str, error: Exception) -> str:
    """Say what is wrong with a file.

    Parameters
    ----------
    file : str
        Its name.
    error : Exception
        What reading it raised.

    Returns
    -------
    str
        Without the name.
    """
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    try:
        if os.path.getsize(file) == 0:
            return "it is empty"
    except OSError:
        pass
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is no image that Pillow knows"
    return str(error).rstrip(".") or type(error).__name__


def _read_size(size: Any) -> tuple[int, int]:
    sides = (size, size) if isinstance(size, Integral) else size
    rule = (
        "The 'size' parameter of ImageFiles ('image_size' of ImageReader) must be a "
        f"positive int, or (height, width) of such. Got {short(size)} instead."
    )
    if (
        not isinstance(sides, tuple | list)
        or len(sides) != 2
        or not all(_is_int(side) for side in sides)
    ):
        raise ParameterTypeError(rule)
    if min(sides) < 1:
        raise InvalidParameterError(rule)
    return int(sides[0]), int(sides[1])


def _read_cache(cache: Any) -> ImageCache:
    return cache if isinstance(cache, ImageCache) else ImageCache(cache)


def _read_workers(n_workers: Any) -> int | None:
    rule = (
        "The 'n_workers' parameter of ImageFiles must be None or a positive int. Got "
        f"{short(n_workers)} instead."
    )
    if n_workers is not None and not _is_int(n_workers):
        raise ParameterTypeError(rule)
    if n_workers is not None and n_workers < 1:
        raise InvalidParameterError(rule)
    return n_workers


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _one_of(value: Any, name: str, choices: tuple[str, ...], alias: str = "") -> str:
    if isinstance(value, str) and value in choices:
        return value
    raise InvalidParameterError(
        f"The {name!r} parameter of ImageFiles{alias} must be one of {list(choices)}. "
        f"Got {short(value)} instead."
    )
