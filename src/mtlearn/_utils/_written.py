"""How labels are written for people."""

from typing import Any

import numpy as np


def written(label: Any, there: Any = True) -> str:
    """Write a label or value; whole numbers without a point.

    Parameters
    ----------
    label : label or ndarray of shape (k,)
        Of one row.
    there : bool or ndarray of shape (k,), default=True
        False of what is missing in the row.

    Returns
    -------
    str
        Several in brackets, with a dash in the place of one that is missing.
    """
    if isinstance(label, np.ndarray) and label.ndim:
        pairs = zip(label, np.broadcast_to(there, label.shape), strict=True)
        return f"({', '.join(written(*pair) for pair in pairs)})"
    if not there:
        return "-"
    if isinstance(label, float | np.floating):
        return f"{label:.4g}"
    return str(label)
