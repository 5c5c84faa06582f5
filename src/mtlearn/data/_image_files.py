"""Images on disk as X."""

import hashlib
import os
from typing import Any, Self

import joblib
import numpy as np

from mtlearn._utils._pool import for_each
from mtlearn.data._decode import CHANNELS, read_image
from mtlearn.data._file_problems import problem_of
from mtlearn.data._image_cache import ImageCache
from mtlearn.data._image_parameters import one_of, read_cache, read_size, read_workers
from mtlearn.data._lazy import LazyImages
from mtlearn.data._paths import list_folder, read_paths
from mtlearn.exceptions import InvalidDataError, MissingDependencyError

_FITS = ("crop", "pad", "stretch")
_ON_ERROR = ("raise", "skip")
# Part of what images are known by: another one, if they come to be read otherwise.
_READER = 1
# More threads than this wait for one another's memory.
_MOST_WORKERS = 16
# Images that are looked at together.
_AT_ONCE = 64
# Of an image that can be read now.
_BEFORE = "it could not be when it was first looked at"


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
    on_error : {"raise", "skip"}, default="raise"
        What becomes of an image that cannot be read. With ``"skip"``, `fit` leaves it
        out with a warning that counts them, for which it reads all images once more,
        and predictions for it are missing: NaN, or None beside text. What reads images
        themselves, such as `read`, raises an error as ever.

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
        If `size`, `mode`, `fit`, `root`, `n_workers` or `on_error` is not what it must
        be.
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
        on_error: str = "raise",
    ) -> None:
        self.size = read_size(size)
        self.mode = one_of(mode, "mode", tuple(CHANNELS))
        self.fit = one_of(fit, "fit", _FITS, " ('image_fit' of ImageReader)")
        self.n_workers = read_workers(n_workers)
        self.on_error = one_of(on_error, "on_error", _ON_ERROR)
        self.skips = on_error == "skip"
        self.files = read_paths(files, root)
        # As the user counts them, whatever is selected.
        self._rows = np.arange(len(self.files))
        # Which of them have been read to see whether they can be; of all selections.
        self._seen = np.zeros(len(self.files), dtype=bool)
        self._kept = None if cache is None else _Kept(read_cache(cache), self.files)

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
                if not self.skips:
                    why = problem_of(file, error)
                    raise self._error(row, why) from error
                about = [file]
            else:
                path = os.path.abspath(file)
                about = [path, str(status.st_size), str(status.st_mtime_ns)]
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
        for part in self._parts(np.arange(len(self))):
            problems = self._decode(part)[1]
            found |= {int(part[at]): problem for at, problem in problems.items()}
        return sorted(found.items())

    def readable(self) -> np.ndarray:
        """Find the images that can be read, by reading those that no one has yet.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            All True unless they are to be skipped.
        """
        if not self.skips:
            return super().readable()
        if self._kept is not None:
            return self._kept.all_images(self)[1][self._rows]
        for part in self._parts(np.flatnonzero(~self._seen[self._rows])):
            found = self.read_some(part)[1]
            self._seen[self._rows[part[found]]] = True
        return self._seen[self._rows]

    def read_some(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read those of some images that can be read.

        Parameters
        ----------
        rows : ndarray of int
            Which ones.

        Returns
        -------
        images : ndarray of shape (n_rows, height, width, n_channels)
            Black where there is none.
        found : ndarray of bool of shape (n_rows,)
            Where there is one.
        """
        if self._kept is not None:
            images, found = self._kept.all_images(self)
            return images[self._rows[rows]], found[self._rows[rows]]
        images, problems = self._decode(rows)
        found = np.ones(len(rows), dtype=bool)
        found[list(problems)] = False
        return images, found

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
        problem = self._decode(np.array([row]))[1].get(0, _BEFORE)
        return f"image {self._rows[row]} of X, the file {self.files[row]!r} ({problem})"

    def _take(self, rows: np.ndarray) -> Self:
        taken = object.__new__(type(self))
        taken.__dict__.update(self.__dict__)
        taken.files, taken._rows = self.files[rows], self._rows[rows]
        return taken

    def _read(self, rows: np.ndarray) -> np.ndarray:
        if self._kept is None:
            return self._decode(rows, strict=True)[0]
        images, found = self.read_some(rows)
        if not found.all():  # perhaps they have been mended since
            images[~found] = self._decode(rows[~found], strict=True)[0]
        return images

    def _fill(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Give images to a cache, and which of them there are."""
        numbers = np.arange(len(self))[rows]
        if self.skips:
            return self.read_some(numbers)
        return self._read(numbers), np.ones(len(numbers), dtype=bool)

    def _decode(
        self, rows: np.ndarray, *, strict: bool = False
    ) -> tuple[np.ndarray, dict[int, str]]:
        """Decode images, and say of which places among them there is none and why.

        The first of these is an error if it is strict.
        """
        images = np.zeros((len(rows), *self.shape[1:]), dtype=np.uint8)
        problems: dict[int, str] = {}

        def read(at: int) -> None:
            row = rows[at]
            try:
                images[at] = read_image(self.files[row], self.size, self.mode, self.fit)
            except MissingDependencyError:
                raise
            except Exception as error:
                problems[at] = problem_of(self.files[row], error)
                if strict:
                    raise self._error(row, problems[at]) from error

        for_each(read, range(len(rows)), self._n_threads())
        return images, problems

    def _parts(self, rows: np.ndarray) -> list[np.ndarray]:
        """Cut the numbers of rows into parts that fit into memory."""
        return [rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE)]

    def _n_threads(self) -> int:
        if self.n_workers is not None:
            return self.n_workers
        return min(joblib.cpu_count(), _MOST_WORKERS)

    def _error(self, row: int, problem: str) -> InvalidDataError:
        return InvalidDataError(
            f"Image {self._rows[row]} of X, the file {self.files[row]!r}, cannot be "
            f"read: {problem}. Mend it or leave it out; "
            "mtlearn.data.check_files(X) lists all of these, and on_error='skip' "
            "leaves them out."
        )


class _Kept:
    """Where the decoded images of some files are kept."""

    key: str | None = None

    def __init__(self, cache: ImageCache, files: np.ndarray) -> None:
        self.cache = cache
        self.files = files

    def all_images(self, part: ImageFiles) -> tuple[np.ndarray, np.ndarray]:
        """Open the images of all files, by the settings of a part of them.

        Beside them comes which of them could be read.
        """
        every = object.__new__(ImageFiles)
        every.__dict__.update(part.__dict__)
        every.files, every._rows = self.files, np.arange(len(self.files))
        every._kept = None
        if self.key is None:
            self.key = every.fingerprint()
        return self.cache.images(self.key, every.shape, every._fill)
