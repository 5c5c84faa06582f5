"""X piece by piece, read once."""

from collections.abc import Iterator

import numpy as np

from mtlearn._utils._progress import progress
from mtlearn.data import Rows

# Bytes that are read at once, and images, so that several threads have to do.
_BYTES = 2**25
_MOST_ROWS = 256


def pieces(X: Rows, rows: int | None, name: str, verbose: int) -> Iterator[np.ndarray]:
    """Read all of X.

    Parameters
    ----------
    X : ndarray, LazyRows or DatasetRows
        Samples.
    rows : int or None
        How many are given at once, at most. None gives an array as it is, and what is
        read from elsewhere as it is read.
    name : str
        What a bar is called.
    verbose : int
        Whether to show one where X is read from elsewhere.

    Yields
    ------
    ndarray of shape (n_rows, ...)
        In order.
    """
    if isinstance(X, np.ndarray):
        yield from _cut(X, rows or len(X))
        return
    size = int(np.prod(X.shape[1:])) * X.dtype.itemsize
    at_once = max(1, min(_MOST_ROWS, _BYTES // size))
    rows = rows or at_once
    # A multiple of what is given at once: sums are added up as those of an array.
    at_once = max(1, at_once // rows) * rows
    with progress(len(X), name, "image", bool(verbose)) as bar:
        for start in range(0, len(X), at_once):
            read = X[start : start + at_once]
            yield from _cut(read, rows)
            bar.update(len(read))


def _cut(X: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    for start in range(0, len(X), rows):
        yield X[start : start + rows]
