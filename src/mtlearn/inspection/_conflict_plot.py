"""The picture of a TaskConflictDisplay."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from mtlearn.inspection._choice import shown
from mtlearn.inspection._panels import panels

_WIDTH, _HEIGHT = 5.2, 3.9  # inches of a panel
_MOST_NUMBERS = 10  # tasks whose cells have their numbers in them
_MOST_PAIRS = 12  # in the rows by layer
_MOST_LINES = 6  # by epoch
_MOST_NAMES = 30  # of layers; of more, every other one and so on
_LONGEST_OF_TWO = 26  # letters of a pair, for a legend of two columns
_MAP = "RdBu"  # low is red


def draw_conflicts(display: Any, epoch: int) -> tuple[Any, dict[str, Any]]:
    """Draw the panels of a display.

    Parameters
    ----------
    display : TaskConflictDisplay
        The numbers.
    epoch : int
        Which one.

    Returns
    -------
    figure, axes
        matplotlib's; the axes by name.
    """
    names = ["cosines", "layers", "norms"]
    if len(display.epochs) > 1:
        names.append("epochs")
    columns = 2 if len(names) == 4 else 3
    owner = type(display).__name__
    figure, grid = panels(len(names) // columns, columns, (_WIDTH, _HEIGHT), owner)
    axes = dict(zip(names, grid.ravel(), strict=True))
    pairs = display.conflicts(_MOST_PAIRS, epoch=epoch)
    found = display.gradients[epoch]
    whole, *layers = found.cosines()
    shown = [layer.name for layer in found.layers if layer.has_matrix]
    drawn = [
        cosines
        for layer, cosines in zip(found.layers, layers, strict=True)
        if layer.has_matrix
    ]
    by_layer = np.array([_of_pair(display, pair, drawn) for pair in pairs])
    np.fill_diagonal(whole, np.nan)
    limit = _limit(whole, by_layer)
    _draw_tasks(axes["cosines"], display.task_names, whole, limit)
    image = _draw_layers(axes["layers"], pairs, shown, by_layer, limit)
    figure.colorbar(image, ax=axes["layers"], label="cosine")
    _draw_norms(axes["norms"], display.norms(epoch=epoch))
    if "epochs" in axes:
        axes["cosines"].set_title(f"all layers, epoch {epoch}")
        axes["layers"].set_title(f"by layer, epoch {epoch}")
        _draw_epochs(axes["epochs"], display, pairs[:_MOST_LINES])
    return figure, axes


def _label(pair: Any) -> str:
    return f"{shown(pair.task)}, {shown(pair.other)}"


def _of_pair(display: Any, pair: Any, cosines: Iterable[np.ndarray]) -> list[float]:
    """Take the cosine of two tasks from each of these matrices."""
    names = display.task_names
    at = names.index(pair.task), names.index(pair.other)
    return [float(each[at]) for each in cosines]


def _limit(*values: np.ndarray) -> float:
    """Choose the ends of the colours, the same for all, with zero in the middle."""
    known = np.concatenate([each[np.isfinite(each)] for each in values])
    return max(float(np.abs(known).max()), 0.01) if len(known) else 1.0


def _draw_tasks(ax: Any, names: Any, cosines: np.ndarray, limit: float) -> None:
    draw_matrix(ax, names, cosines, limit)
    ax.set_title("all layers")


def draw_matrix(ax: Any, names: Any, cosines: np.ndarray, limit: float) -> Any:
    """Draw cosines, or correlations, of all pairs, with numbers where there are few.

    Parameters
    ----------
    ax : matplotlib Axes
        To draw into.
    names : sequence of str
        Of rows and columns.
    cosines : ndarray of shape (n_names, n_names)
        NaN where there is none.
    limit : float
        What the strongest colours stand for.

    Returns
    -------
    AxesImage
        For a colour bar.
    """
    ax.set_facecolor("0.85")  # of what has no cosine
    image = ax.imshow(cosines, cmap=_MAP, vmin=-limit, vmax=limit)
    size, names = _font(len(names)), [shown(name) for name in names]
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    ax.set_yticks(range(len(names)), names, fontsize=size)
    if len(names) > _MOST_NUMBERS:
        return image
    for (row, column), value in np.ndenumerate(cosines):
        if np.isfinite(value):
            color = "white" if abs(value) > 0.6 * limit else "black"
            text = ax.text(column, row, _number(value), color=color, fontsize="small")
            text.set(ha="center", va="center")
    return image


def _draw_layers(
    ax: Any, pairs: Any, layers: list[str], cosines: np.ndarray, limit: float
) -> Any:
    ax.set_facecolor("0.85")
    image = ax.imshow(cosines, cmap=_MAP, vmin=-limit, vmax=limit, aspect="auto")
    step = -(-len(layers) // _MOST_NAMES)
    ax.set_xticks(range(0, len(layers), step), layers[::step], rotation=90)
    ax.tick_params(axis="x", labelsize=_font(len(layers)))
    ax.set_yticks(range(len(pairs)), map(_label, pairs), fontsize=_font(len(pairs)))
    ax.set_title("by layer")
    return image


def _draw_norms(ax: Any, norms: dict[str, float]) -> None:
    lengths = np.array(list(norms.values()))
    total = lengths.sum()
    shares = lengths / total if total > 0 else lengths
    ax.barh(range(len(norms)), shares)
    ax.set_yticks(range(len(norms)), map(shown, norms), fontsize=_font(len(norms)))
    ax.invert_yaxis()  # the first task above, as in the matrix
    ax.set(title="who pulls most", xlabel="share of the gradients' lengths")


def _draw_epochs(ax: Any, display: Any, pairs: Any) -> None:
    whole = [each.cosines()[0] for each in display.gradients.values()]
    for pair in pairs:
        cosines = _of_pair(display, pair, whole)
        ax.plot(display.epochs, cosines, ".-", label=_label(pair))
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(title="all layers, by epoch", xlabel="epoch", ylabel="cosine")
    # Lines of cosines cross the whole panel: the legend has its place below.
    n_columns = 1 if max(map(len, map(_label, pairs))) > _LONGEST_OF_TWO else 2
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.24),
        ncol=n_columns,
        fontsize="small",
    )


def _number(value: float) -> str:
    """Write a cosine, without the sign of a zero."""
    return f"{round(value, 2) + 0:.2f}"


def _font(n: int) -> float:
    """Choose a size of letters that so many names have room for."""
    return 9 if n <= 12 else 7 if n <= 24 else 5
