"""Names beside points, where there is room for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

_MOST = 40  # names of a panel
_TRIED = 120  # points
_APART = 1.5  # points of the page between two names
# Where a name stands from its point, and which corner of it is there.
_PLACES = (
    ((4, 3), ("left", "bottom")),
    ((-4, 3), ("right", "bottom")),
    ((4, -3), ("left", "top")),
    ((-4, -3), ("right", "top")),
)


def name_points(
    ax: Any, x: Sequence[float], y: Sequence[float], names: Sequence[str]
) -> None:
    """Write names beside points, the first ones first, and leave others out.

    Parameters
    ----------
    ax : matplotlib Axes
        Of a figure whose panels have their places, as after a draw.
    x, y : sequence of float
        The points, in the order in which names matter.
    names : sequence of str
        Of each.
    """
    renderer = ax.figure.canvas.get_renderer()
    inside = ax.get_window_extent(renderer)
    points = ax.transData.transform(np.column_stack([x, y]))
    taken: list[Any] = []
    for place in range(min(len(names), _TRIED)):
        if len(taken) == _MOST:
            return
        for offset, (horizontal, vertical) in _PLACES:
            text = ax.annotate(
                names[place],
                (x[place], y[place]),
                xytext=offset,
                textcoords="offset points",
                fontsize="small",
                ha=horizontal,
                va=vertical,
            )
            # A name must not move the panels that it was placed in.
            text.set_in_layout(False)
            box = text.get_window_extent(renderer)
            if _is_free(box, inside, taken, np.delete(points, place, axis=0)):
                taken.append(box.padded(_APART))
                break
            text.remove()


def _is_free(box: Any, inside: Any, taken: Sequence[Any], points: np.ndarray) -> bool:
    """Tell whether a name would stand in its panel, on no other one and no point."""
    if not (inside.x0 <= box.x0 and box.x1 <= inside.x1):
        return False
    if not (inside.y0 <= box.y0 and box.y1 <= inside.y1):
        return False
    if any(box.overlaps(other) for other in taken):
        return False
    x, y = points.T
    on_it = (box.x0 < x) & (x < box.x1) & (box.y0 < y) & (y < box.y1)
    return not on_it.any()
