"""How labels are written in a page."""

from typing import Any

import numpy as np


def written(label: Any) -> str:
    """Write a label or value; whole numbers without a point."""
    if isinstance(label, float | np.floating):
        return f"{label:.4g}"
    return str(label)
