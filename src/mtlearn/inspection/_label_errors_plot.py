"""Bars of missed and invented labels, and pictures of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn.inspection._choice import shown

_MOST_BARS = 20
_BARS, _STRIP = 4.2, 3.6  # inches of width
_ROW, _LINE, _LEAST = 1.5, 0.24, 2.0  # inches of height: of a strip, a bar, a panel
_GAP = 0.06  # between two images of a strip, of their width
_LONGEST_LINE = 36  # letters of a title
_SIDES = ("missed", "invented")


def draw_errors(
    parts: Mapping[str, tuple[Sequence[Any], Sequence[Any], Mapping[int, np.ndarray]]],
    owner: str,
) -> tuple[Any, dict[str, Any]]:
    """Draw the errors of each task below each other.

    Parameters
    ----------
    parts : mapping of str to tuple
        By task: errors of the labels, the most first; strips of examples; and images by
        the row of X.
    owner : str
        The display's class, for the message without matplotlib.

    Returns
    -------
    figure, dict of str to Axes
        matplotlib's figure, and the Axes of the bars by task.
    """
    pyplot = import_optional("matplotlib.pyplot", "plot", f"{owner}.plot")
    grids, heights, is_wide = [], [], False
    for number, (errors, strips, _) in enumerate(parts.values()):
        sides = [[each for each in strips if each.what == side] for side in _SIDES]
        n_rows = max(1, *map(len, sides))
        is_wide = is_wide or bool(strips)
        bars = min(len(errors), _MOST_BARS)
        height = max(_ROW * n_rows * bool(strips), _LINE * bars + 1.0, _LEAST)
        heights += [height / n_rows] * n_rows
        for row in range(n_rows):
            cells = [f"{number} bars"]
            for side, own in zip(_SIDES, sides, strict=True):
                cells.append(f"{number} {side} {row}" if row < len(own) else ".")
            grids.append(cells)
    if not is_wide:
        grids = [cells[:1] for cells in grids]
    widths = [_BARS, _STRIP, _STRIP][: len(grids[0])]
    figure = pyplot.figure(figsize=(sum(widths), sum(heights)), layout="constrained")
    axes = figure.subplot_mosaic(grids, width_ratios=widths, height_ratios=heights)
    for number, (name, (errors, strips, images)) in enumerate(parts.items()):
        _draw_bars(axes[f"{number} bars"], name, errors)
        for side in _SIDES:
            own = [each for each in strips if each.what == side]
            for row, strip in enumerate(own):
                _draw_strip(axes[f"{number} {side} {row}"], strip, images)
    return figure, {name: axes[f"{number} bars"] for number, name in enumerate(parts)}


def _draw_bars(ax: Any, name: str, errors: Sequence[Any]) -> None:
    """Draw missed labels to the left, and invented ones to the right."""
    wrong = [each for each in errors if each.missed + each.invented > 0]
    some = wrong[:_MOST_BARS]
    places = range(len(some))
    ax.barh(places, [-each.missed for each in some], color="C0", label="missed")
    ax.barh(places, [each.invented for each in some], color="C1", label="invented")
    ax.axvline(0, color=ax.xaxis.label.get_color(), linewidth=0.8)
    ax.set_yticks(places, [shown(each.label) for each in some])
    ax.set(ylim=(max(len(some), 1) - 0.5, -0.5), xlabel="samples")
    far = max((max(each.missed, each.invented) for each in some), default=1.0)
    ax.set_xlim(-1.08 * far, 1.08 * far)
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    title = "errors"
    if not some:
        title = "no label is missed or invented"
    elif len(some) < len(errors):
        title = f"most errors, {len(some)} of {len(errors)} labels"
    start = f"{shown(name)}: ".removeprefix(": ")
    line = f"{start}{title}"
    if len(line) > _LONGEST_LINE:
        line = f"{start.rstrip()}\n{title}"
    ax.set_title(line, fontsize="medium")
    if some:
        ax.legend(fontsize="small", loc="best")


def _draw_strip(ax: Any, strip: Any, images: Mapping[int, np.ndarray]) -> None:
    """Draw the examples of a label side by side."""
    examples = [images[row] for row in strip.rows]
    height, width = examples[0].shape[:2]
    gap = np.ones((height, max(1, round(_GAP * width)), 3))
    parts: list[np.ndarray] = []
    for image in examples:
        colored = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        parts += [colored, gap]
    ax.imshow(np.concatenate(parts[:-1], axis=1), interpolation="nearest")
    ax.set_axis_off()
    found = strip.errors
    whole = found.support if strip.what == "missed" else found.predicted
    count = getattr(found, strip.what)
    ax.set_title(
        f"{shown(found.label)}: {strip.what} {count:g} of {whole:g}", fontsize="small"
    )
