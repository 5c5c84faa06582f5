"""What all processes of a fit must have in common."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlearn.data import DatasetRows
from mtlearn.training._fingerprint import Reader
from mtlearn.training._processes import Processes

# Of rows in a file so many are looked at: to read all of them would take as long as an
# epoch.
_SOME_ROWS = 64


def first_difference(
    processes: Processes, values: Mapping[str, Any]
) -> tuple[str, int] | None:
    """Find what a process has other than the first one.

    Parameters
    ----------
    processes : Processes
        All with values of the same names.
    values : mapping of str to object
        Parameters and data. Of rows in a memory-mapped file some are looked at, and of
        a dataset, whose items may be drawn, the shape. What cannot be described is
        equal to what has the same class.

    Returns
    -------
    name : str
        Of the first value that differs.
    process : int
        The first one that has another. None where all are equal.
    """
    reader = Reader(strict=False)
    own = {name: reader.digest(_seen(each), name) for name, each in values.items()}
    first, *others = processes.of_each(own)
    for name in own:
        for number, theirs in enumerate(others, start=1):
            if theirs.get(name) != first.get(name):
                return name, number
    return None


def _seen(value: Any) -> Any:
    """Give what is looked at of rows; all else is looked at as a whole."""
    if isinstance(value, DatasetRows):
        return value.shape, str(value.dtype)
    if isinstance(value, np.memmap):
        some = np.linspace(0, len(value) - 1, min(_SOME_ROWS, len(value)))
        return value.shape, np.array(value[some.astype(int)])
    return value
