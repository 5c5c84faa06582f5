"""Which classes are taken for which others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from mtlearn._utils._optional import import_optional
from mtlearn.inspection._choice import shown
from mtlearn.inspection._class_matrices import ClassMatrices
from mtlearn.inspection._open_set import UNKNOWN
from mtlearn.inspection._panels import arrange, letters

# With more classes than these, numbers in the cells would overlap.
_MOST_WITH_NUMBERS = 12
_CELL, _SMALLEST, _LARGEST = 0.25, 4.0, 16.0  # inches, of a cell and of a matrix
_LEAST = 0.6  # of the smallest matrix, whose cells have numbers
_MOST_SIDE_BY_SIDE = 4
_MOST_NAMED = 120  # classes; of more, every other one and so on
_LETTERS = 40  # that stand side by side below the smallest matrix
_FILLED = 0.9  # of the width of a cell, by the widest number


@dataclass(frozen=True)
class Confusion:
    """A class that was taken for another one.

    Attributes
    ----------
    true, predicted : object
        Labels.
    count : float
        How often, or the sum of the weights.
    rate : float
        The share of the true class.

    Examples
    --------
    >>> from mtlearn.inspection import ConfusionDisplay
    >>> display = ConfusionDisplay.from_predictions(["a", "b"], ["a", "a"])
    >>> display.confused()
    [Confusion(true='b', predicted='a', count=1.0, rate=1.0)]
    """

    true: Any
    predicted: Any
    count: float
    rate: float


class ConfusionDisplay(ClassMatrices):
    """True against predicted classes of one task or several.

    Make it with `from_estimator` or `from_predictions`; `frame` and `confused` give the
    numbers, and `plot` draws them.

    Parameters
    ----------
    matrices : mapping of str to ndarray of shape (n_classes, n_classes)
        By task: how often each class (a row) was predicted as each (a column), or sums
        of weights.
    labels : mapping of str to ndarray of shape (n_classes,)
        By task: the classes.
    unknown : collection of str, default=()
        Tasks whose last class is "unknown", which it is called in the picture if it is
        no text.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By task, set by `plot`.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : Of one classifier, also of ``task(name)``.

    Examples
    --------
    >>> from mtlearn.inspection import ConfusionDisplay
    >>> display = ConfusionDisplay.from_predictions(
    ...     ["cat", "cat", "dog", "dog", "fox"], ["cat", "dog", "dog", "dog", "dog"]
    ... )
    >>> for each in display.confused(2):
    ...     print(f"{each.true} as {each.predicted}: {each.count:g} ({each.rate:.0%})")
    fox as dog: 1 (100%)
    cat as dog: 1 (50%)
    """

    def rates(self, task: str | None = None) -> np.ndarray:
        """Give the share of each true class.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        ndarray of shape (n_classes, n_classes)
            Each row sums to 1; NaN for classes that do not occur.
        """
        matrix = self.matrices[self._name(task)]
        sums = matrix.sum(axis=1, keepdims=True)
        return np.divide(
            matrix, sums, out=np.full(matrix.shape, np.nan), where=sums > 0
        )

    def confused(self, n: int = 5, task: str | None = None) -> list[Confusion]:
        """Give the pairs of classes that are confused most.

        Parameters
        ----------
        n : int, default=5
            At most so many.
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of Confusion
            By count, then by rate, the highest first; none that did not occur.
        """
        name = self._name(task)
        matrix, rates, labels = self.matrices[name], self.rates(name), self.labels[name]
        errors = [
            Confusion(labels[i], labels[j], float(matrix[i, j]), float(rates[i, j]))
            for i, j in np.argwhere(matrix > 0)
            if i != j
        ]
        return sorted(errors, key=lambda each: (-each.count, -each.rate))[:n]

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each pair of classes, with the columns `task`, `true`,
            `predicted`, `count` and `rate` (of the true class).

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "ConfusionDisplay.frame")
        records = [
            (name, true, predicted, matrix[i, j], rates[i, j])
            for name, matrix in self.matrices.items()
            for rates in [self.rates(name)]
            for i, true in enumerate(self.labels[name])
            for j, predicted in enumerate(self.labels[name])
        ]
        columns = ["task", "true", "predicted", "count", "rate"]
        return pandas.DataFrame(records, columns=columns)

    def plot(self, *, normalize: bool = False, mask_diagonal: bool = False) -> Self:
        """Draw a matrix for each task.

        Parameters
        ----------
        normalize : bool, default=False
            Whether to draw the share of each true class.
        mask_diagonal : bool, default=False
            Whether to leave right answers out, so that errors stand out.

        Returns
        -------
        ConfusionDisplay
            This display, with `figure_` and `axes_`. Cells have numbers where there are
            no more than 12 classes.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        pyplot = import_optional("matplotlib.pyplot", "plot", "ConfusionDisplay.plot")
        sizes = [_size(len(each)) for each in self.matrices.values()]
        beside, scale = arrange(
            len(sizes), lambda n: _extent(sizes, n), _LEAST, _MOST_SIDE_BY_SIDE
        )
        widths, heights = _sides(sizes, beside)
        with letters(pyplot, scale):
            self.figure_, grid = pyplot.subplots(
                len(heights),
                len(widths),
                figsize=[scale * side for side in _extent(sizes, beside)],
                width_ratios=widths,
                height_ratios=heights,
                squeeze=False,
                layout="constrained",
            )
            for ax in grid.flat[len(sizes) :]:
                ax.set_axis_off()
            self.axes_ = dict(zip(self.matrices, grid.flat, strict=False))
            for name, ax in self.axes_.items():
                self._draw(ax, name, normalize, mask_diagonal)
        self.figure_.draw_without_rendering()
        for name, ax in self.axes_.items():
            _fit(ax, len(self.labels[name]))
        return self

    def _draw(self, ax: Any, name: str, normalize: bool, mask_diagonal: bool) -> None:
        cells = self.rates(name) if normalize else self.matrices[name]
        cells = cells.astype(float)
        if mask_diagonal:
            np.fill_diagonal(cells, np.nan)
        names = [shown(label) for label in self.labels[name]]
        if name in self.unknown and not isinstance(self.labels[name][-1], str):
            names[-1] = UNKNOWN
        _draw(ax, name, cells, names, _number_format(cells, normalize))


def _size(n_classes: int) -> float:
    """Give the inches of a side of a matrix."""
    return min(max(_SMALLEST, _CELL * n_classes), _LARGEST)


def _sides(sizes: Sequence[float], beside: int) -> tuple[list[float], list[float]]:
    """Give the widths of columns and the heights of rows of matrices."""
    starts = range(0, len(sizes), beside)
    widths = [max(sizes[column::beside]) for column in range(beside)]
    return widths, [max(sizes[start : start + beside]) for start in starts]


def _extent(sizes: Sequence[float], beside: int) -> tuple[float, float]:
    """Give width and height of the figure, with room for a bar at each column."""
    widths, heights = _sides(sizes, beside)
    return sum(widths) + 1.0 * len(widths), sum(heights)


def _number_format(cells: np.ndarray, normalize: bool) -> str:
    if normalize:
        return ".0%"
    known = cells[np.isfinite(cells)]
    return ".0f" if np.array_equal(known, known.round()) else ".2f"


def _draw(
    ax: Any, name: str, cells: np.ndarray, names: list[str], number_format: str
) -> None:
    """Draw one matrix with scikit-learn's display."""
    few = len(names) <= _MOST_WITH_NUMBERS
    fit = few and max(map(len, names)) * len(names) <= _LETTERS
    display = ConfusionMatrixDisplay(cells, display_labels=names).plot(
        ax=ax,
        include_values=few,
        values_format=number_format,
        cmap="Blues",
        colorbar=not few,
        xticks_rotation="horizontal" if fit else "vertical",
    )
    ax.set(title=shown(name), facecolor="lightgrey")
    letters = ax.xaxis.label.get_fontsize()
    ax.tick_params(labelsize=letters if few else 0.83 * letters)
    step = -(-len(names) // _MOST_NAMED)
    if step > 1:
        ax.set_xticks(range(0, len(names), step), names[::step])
        ax.set_yticks(range(0, len(names), step), names[::step])
    if few:
        # scikit-learn compares with the middle, which a masked cell makes NaN.
        middle = np.nanmax(cells, initial=0) / 2
        for text, number in zip(display.text_.flat, cells.flat, strict=True):
            text.set_color("white" if number > middle else "black")
            if not number > 0:  # nor a masked one
                text.set_text("")


def _fit(ax: Any, n_classes: int) -> None:
    """Make numbers as small as cells are, whose panels have their places."""
    numbers = [text for text in ax.texts if text.get_text()]
    if numbers:
        widest = max(text.get_window_extent().width for text in numbers)
        room = _FILLED * ax.get_window_extent().width / n_classes
        for text in numbers:
            text.set_fontsize(text.get_fontsize() * min(1.0, room / widest))
