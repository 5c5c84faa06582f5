"""Grids of panels that stay within a page, however many tasks there are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from mtlearn._utils._listing import bracketed
from mtlearn._utils._optional import import_optional
from mtlearn.exceptions import InvalidParameterError

_LARGEST = 24.0  # inches of a side, as long as panels can be read
_SMALLEST = (1.8, 1.4)  # inches of a panel that can be read
_SMALLEST_TEXT = 0.5  # of the user's size
_MOST_SIDE_BY_SIDE = 4


def arrange(
    n_blocks: int,
    extent: Callable[[int], tuple[float, float]],
    least: float,
    beside: int = 1,
) -> tuple[int, float]:
    """Choose how many blocks of panels stand side by side, and how large they are.

    Parameters
    ----------
    n_blocks : int
        Blocks, at least one.
    extent : callable
        Gives width and height of the figure, in inches, of so many side by side.
    least : float
        The smallest scale at which panels can be read; they do not get smaller.
    beside : int, default=1
        Blocks side by side, where there is room for all rows.

    Returns
    -------
    beside : int
        Blocks side by side.
    scale : float
        Of the panels; 1 where no side is too long.
    """

    def scale(beside: int) -> float:
        return min(1.0, *(_LARGEST / side for side in extent(beside)))

    wanted = min(beside, n_blocks)
    best = max(
        range(1, n_blocks + 1), key=lambda each: (scale(each), -abs(each - wanted))
    )
    return best, max(scale(best), min(least, 1.0))


@contextmanager
def blocks_of_panels(
    blocks: Sequence[Sequence[Any]],
    size: tuple[float, float],
    owner: str,
    beside: int = 1,
) -> Iterator[tuple[Any, dict[Any, Any]]]:
    """Make a figure with a row of panels for each block; draw into it inside.

    Blocks stand below each other; where the figure would be too tall, several side by
    side, and then smaller ones with smaller letters.

    Parameters
    ----------
    blocks : sequence of sequence
        Keys of the panels of each block, at least one.
    size : tuple of float
        Width and height of a panel, in inches.
    owner : str
        The display's class, for the message without matplotlib.
    beside : int, default=1
        Blocks side by side, where there is room for all rows.

    Yields
    ------
    figure, dict of Axes
        matplotlib's figure, and Axes by key.
    """
    pyplot = import_optional("matplotlib.pyplot", "plot", f"{owner}.plot")
    width = max(map(len, blocks))

    def extent(beside: int) -> tuple[float, float]:
        return beside * width * size[0], -(-len(blocks) // beside) * size[1]

    least = max(least / side for least, side in zip(_SMALLEST, size, strict=True))
    beside, scale = arrange(len(blocks), extent, least, beside)
    n_rows, n_columns = -(-len(blocks) // beside), beside * width
    with letters(pyplot, scale):
        figure, grid = pyplot.subplots(
            n_rows,
            n_columns,
            figsize=(scale * size[0] * n_columns, scale * size[1] * n_rows),
            squeeze=False,
            layout="constrained",
        )
        # A line for each block; what is left at the end is empty.
        lines = grid.reshape(n_rows * beside, width)
        axes: dict[Any, Any] = {}
        for line, keys in zip(lines, blocks, strict=False):
            axes.update(zip(keys, line, strict=False))
        unused = set(grid.flat) - set(axes.values())
        for ax in unused:
            ax.set_axis_off()
        if scale < 1:  # ticks are made later, when letters are large again
            for ax in axes.values():
                ax.tick_params(labelsize=pyplot.rcParams["font.size"])
        yield figure, axes


def letters(pyplot: Any, scale: float) -> Any:
    """Write in smaller letters for a while, as small as panels of this scale need.

    Parameters
    ----------
    pyplot : module
        matplotlib's.
    scale : float
        Of the panels.

    Returns
    -------
    context manager
        Of matplotlib's settings.
    """
    size = pyplot.rcParams["font.size"] * max(scale, _SMALLEST_TEXT)
    return pyplot.rc_context({"font.size": size})


def panel_for_each(
    keys: Sequence[Any], size: tuple[float, float], owner: str, ax: Any = None
) -> Any:
    """Make a figure with a panel for each key, as `blocks_of_panels`.

    Parameters
    ----------
    keys : sequence
        Tasks, at least one.
    size : tuple of float
        Width and height of a panel, in inches.
    owner : str
        The display's class, for the message without matplotlib.
    ax : matplotlib Axes, default=None
        The user's panel for the only key.

    Returns
    -------
    context manager
        Of the figure and Axes by key. There are four side by side where that is enough.

    Raises
    ------
    InvalidParameterError
        If there is one panel for several keys.
    """
    if ax is None:
        return blocks_of_panels(
            [[key] for key in keys], size, owner, _MOST_SIDE_BY_SIDE
        )
    if len(keys) > 1:
        raise InvalidParameterError(
            f"The 'ax' parameter of {owner}.plot takes one task, and there are "
            f"{bracketed(keys)}. Make the display with tasks=[...], or leave ax out."
        )
    return nullcontext((ax.figure, {keys[0]: ax}))


def panels(n_rows: int, n_columns: int, size: tuple[float, float], owner: str) -> Any:
    """Make a figure with a grid of a few panels.

    Parameters
    ----------
    n_rows, n_columns : int
        Of the grid.
    size : tuple of float
        Width and height of a panel, in inches.
    owner : str
        The display's class, for the message without matplotlib.

    Returns
    -------
    figure, ndarray of shape (n_rows, n_columns)
        matplotlib's figure and Axes.
    """
    pyplot = import_optional("matplotlib.pyplot", "plot", f"{owner}.plot")
    return pyplot.subplots(
        n_rows,
        n_columns,
        figsize=(size[0] * n_columns, size[1] * n_rows),
        squeeze=False,
        layout="constrained",
    )
