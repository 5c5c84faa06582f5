"""What stands where there is nothing."""

from typing import Any

import numpy as np


def is_missing(value: Any) -> bool:
    """Tell whether a cell, of y or of groups, means that there is no value.

    Parameters
    ----------
    value : object
        The cell.

    Returns
    -------
    bool
        True of None, `pandas.NA`, NaN, and dates that are none.
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(value != value)
