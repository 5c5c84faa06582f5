"""Where predictions go that do not fit into memory: an array, or a new file."""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mtlearn._utils._files import open_atomically
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError

_SUFFIX = ".npy"


def check_outs(given: Any, n_outs: int | None, n_rows: int, X: Any, owner: str) -> list:
    """Check what may be said of `out` before anything is computed.

    Parameters
    ----------
    given : object
        What the user gave.
    n_outs : int or None
        How many results there are in a list; None of one result by itself.
    n_rows : int
        How many rows each has.
    X : object
        What is predicted of.
    owner : str
        The method, for messages.

    Returns
    -------
    list of ndarray or Path
        One for each result.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If one of them cannot be written to.
    """
    if n_outs is None:
        outs = [given]
    elif isinstance(given, list | tuple) and len(given) == n_outs:
        outs = list(given)
    else:
        raise ParameterTypeError(
            f"The 'out' parameter of {owner} must be a list of {n_outs} arrays or "
            f"names of files, one for each task in the order of y. Got {short(given)} "
            "instead."
        )
    checked = [_checked(out, n_rows, owner) for out in outs]
    for first, second in combinations(checked, 2):
        if _same_place(first, second):
            raise InvalidParameterError(
                f"The 'out' parameter of {owner} has two entries that share their "
                f"memory or name one file: {short(first)}. Give each task its own."
            )
    if any(_same_place(out, X) for out in checked):
        raise InvalidParameterError(
            f"The 'out' parameter of {owner} shares its memory with X, which would be "
            "written over while it is read. Pass another array."
        )
    return checked


def _checked(out: Any, n_rows: int, owner: str) -> np.ndarray | Path:
    if isinstance(out, str | os.PathLike):
        path = Path(out)
        if path.suffix != _SUFFIX:
            raise InvalidParameterError(
                f"The 'out' parameter of {owner} must name a file that ends in "
                f"{_SUFFIX!r}. Got {short(str(path))} instead."
            )
        if path.exists():
            raise InvalidParameterError(
                f"The 'out' parameter of {owner} names {short(str(path))}, which is "
                "there already. Remove it, or pass numpy.load(path, mmap_mode='r+') "
                "to write into it."
            )
        return path
    # Not every subclass: a mask would stay as it is.
    if type(out) not in (np.ndarray, np.memmap):
        raise ParameterTypeError(
            f"The 'out' parameter of {owner} must be an array or memory map of NumPy, "
            f"or the name of a file. Got {short(out)} instead."
        )
    if not out.flags.writeable:
        raise InvalidParameterError(
            f"The 'out' parameter of {owner} is read-only. Open the memory map with "
            "mode 'r+', or pass an array that can be written to."
        )
    if out.shape[:1] != (n_rows,):
        raise InvalidParameterError(
            f"The 'out' parameter of {owner} has the shape {out.shape}, and X has "
            f"{n_rows} rows. Make one with as many."
        )
    return out


def _same_place(out: np.ndarray | Path, other: Any) -> bool:
    if isinstance(out, Path):
        return isinstance(other, Path) and out.resolve() == other.resolve()
    return isinstance(other, np.ndarray) and np.shares_memory(out, other)


class Sink(ABC):
    """Takes rows in order.

    Parameters
    ----------
    dtype : dtype
        Which holds them all.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def write(self, rows: np.ndarray) -> None:
        """Take the next rows.

        Parameters
        ----------
        rows : ndarray of shape (n_batch, ...)
            In C order or any other.
        """
        self._take(rows.astype(self.dtype, casting="safe", copy=False))

    @abstractmethod
    def _take(self, rows: np.ndarray) -> None:
        """Take rows of this dtype."""

    @abstractmethod
    def result(self) -> np.ndarray:
        """Give all rows, once they are written."""


class _IntoArray(Sink):
    def __init__(self, dtype: np.dtype, out: np.ndarray) -> None:
        super().__init__(dtype)
        self.out, self.at = out, 0

    def _take(self, rows: np.ndarray) -> None:
        self.out[self.at : self.at + len(rows)] = rows
        self.at += len(rows)

    def result(self) -> np.ndarray:
        if isinstance(self.out, np.memmap):
            self.out.flush()
        return self.out


class _IntoFile(Sink):
    def __init__(
        self, dtype: np.dtype, path: Path, file: BinaryIO, shape: tuple[int, ...]
    ) -> None:
        super().__init__(dtype)
        self.path, self.file = path, file
        descr = np.lib.format.dtype_to_descr(dtype)
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)

    def _take(self, rows: np.ndarray) -> None:
        # Not through a map: one that outgrows its disk kills the process.
        self.file.write(rows.tobytes())

    def result(self) -> np.ndarray:
        return np.load(self.path, mmap_mode="r")


def open_sinks(
    outs: Sequence[np.ndarray | Path],
    shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[np.dtype],
    stack: ExitStack,
) -> list[Sink]:
    """Open what rows are written to; files are there once the stack is closed.

    Parameters
    ----------
    outs : sequence of ndarray or Path
        As `check_outs` returns them.
    shapes, dtypes : sequence of tuple and dtype
        Of each result.
    stack : ExitStack
        What closes the files.

    Returns
    -------
    list of Sink
        One for each.
    """
    sinks: list[Sink] = []
    for out, shape, dtype in zip(outs, shapes, dtypes, strict=True):
        if isinstance(out, Path):
            file = stack.enter_context(open_atomically(out))
            sinks.append(_IntoFile(dtype, out, file, shape))
        else:
            sinks.append(_IntoArray(dtype, out))
    return sinks
