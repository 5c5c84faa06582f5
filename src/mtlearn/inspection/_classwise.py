"""Figures of each class, against how often it occurs."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np
from scipy import stats

from mtlearn._utils._optional import import_optional
from mtlearn._utils._validation import check_choice
from mtlearn.inspection._choice import shown
from mtlearn.inspection._class_matrices import ClassMatrices
from mtlearn.inspection._panels import blocks_of_panels

FigureName = Literal["recall", "precision", "f1"]
_FIGURES: tuple[FigureName, ...] = get_args(FigureName)
_WIDTH, _HEIGHT = 4.0, 3.4  # inches of a panel
_NAMED = 2  # classes at either end that a panel names


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class.

    Attributes
    ----------
    label : object
        The class.
    frequency : float
        Its share of the true labels, in [0, 1].
    recall, precision, f1 : float
        In [0, 1]. The recall of a class that does not occur is NaN, and so is its F1
        if it is not predicted either; the precision of a class that is never predicted
        is 0, as for scikit-learn.

    Examples
    --------
    >>> from mtlearn.inspection import ClasswiseDisplay
    >>> display = ClasswiseDisplay.from_predictions(["a", "a", "b"], ["a", "b", "b"])
    >>> display.figures()[0]
    ClassFigures(label='a', frequency=0.666..., recall=0.5, precision=1.0, f1=0.666...)
    """

    label: Any
    frequency: float
    recall: float
    precision: float
    f1: float


class Correlation(NamedTuple):
    """Spearman's rank correlation.

    Attributes
    ----------
    rho : float
        In [-1, 1]; NaN of fewer than three classes, or of equal values.
    p : float
        p-value.

    Examples
    --------
    >>> from mtlearn.inspection import Correlation
    >>> Correlation(rho=0.5, p=0.1).rho
    0.5
    """

    rho: float
    p: float


class ClasswiseDisplay(ClassMatrices):
    """Recall, precision and F1 of each class, against how often it occurs.

    Make it with `from_estimator` or `from_predictions`; `frame`, `figures`,
    `correlation` and `worst` give the numbers, and `plot` draws them.

    Parameters
    ----------
    matrices : mapping of str to ndarray of shape (n_classes, n_classes)
        By task: how often each class (a row) was predicted as each (a column), or sums
        of weights.
    labels : mapping of str to ndarray of shape (n_classes,)
        By task: the classes.
    unknown : collection of str, default=()
        Tasks whose last class is "unknown".

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of tuple to matplotlib Axes
        By task and figure, set by `plot`.

    Examples
    --------
    >>> from mtlearn.inspection import ClasswiseDisplay
    >>> display = ClasswiseDisplay.from_predictions(
    ...     ["cat", "cat", "dog", "dog", "fox"], ["cat", "dog", "dog", "dog", "dog"]
    ... )
    >>> [(each.label, each.recall) for each in display.worst(2, figure="recall")]
    [('fox', 0.0), ('cat', 0.5)]
    """

    def figures(self, task: str | None = None) -> list[ClassFigures]:
        """Compute the figures of each class.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of ClassFigures
            In the order of the classes.
        """
        name = self._name(task)
        matrix = self.matrices[name]
        right, true, found = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
        columns = [
            _share(true, np.full_like(true, matrix.sum()), np.nan),
            _share(right, true, np.nan),
            _share(right, found, 0.0),
            _share(2 * right, true + found, np.nan),
        ]
        return [
            ClassFigures(label, *map(float, numbers))
            for label, *numbers in zip(self.labels[name], *columns, strict=True)
        ]

    def correlation(
        self,
        task: str | None = None,
        *,
        figure: FigureName = "recall",
    ) -> Correlation:
        """Correlate a figure of the classes with their frequency.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.
        figure : {"recall", "precision", "f1"}, default="recall"
            Which figure.

        Returns
        -------
        Correlation
            Of ranks, over classes for which the figure is defined.
        """
        check_choice(figure, "figure", "correlation", _FIGURES)
        found = self.figures(task)
        pairs = np.array([(each.frequency, getattr(each, figure)) for each in found])
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        if len(pairs) < 3 or (np.ptp(pairs, axis=0) == 0).any():
            return Correlation(float("nan"), float("nan"))
        rho, p = stats.spearmanr(*pairs.T)
        return Correlation(float(rho), float(p))

    def worst(
        self,
        n: int = 3,
        task: str | None = None,
        *,
        figure: FigureName = "f1",
    ) -> list[ClassFigures]:
        """Give the classes with the lowest figure.

        Parameters
        ----------
        n : int, default=3
            At most so many.
        task : str, default=None
            Which one; None if there is one only.
        figure : {"recall", "precision", "f1"}, default="f1"
            Which figure.

        Returns
        -------
        list of ClassFigures
            The lowest first.
        """
        check_choice(figure, "figure", "worst", _FIGURES)
        found = [each for each in self.figures(task) if getattr(each, figure) >= 0]
        return sorted(found, key=lambda each: getattr(each, figure))[:n]

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each class, with the columns `task`, `label`, `frequency`,
            `recall`, `precision` and `f1`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "ClasswiseDisplay.frame")
        return pandas.DataFrame(
            [
                {"task": name, **asdict(each)}
                for name in self.matrices
                for each in self.figures(name)
            ]
        )

    def plot(self) -> Self:
        """Draw a row of panels for each task: a point for each class.

        The two best and the two worst classes have their names, and the title the rank
        correlation with the frequency.

        Returns
        -------
        ClasswiseDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        blocks = [[(name, figure) for figure in _FIGURES] for name in self.matrices]
        with blocks_of_panels(blocks, (_WIDTH, _HEIGHT), type(self).__name__) as (
            self.figure_,
            self.axes_,
        ):
            for (name, figure), ax in self.axes_.items():
                _draw(ax, self, name, figure)
        return self


def _share(part: np.ndarray, whole: np.ndarray, of_nothing: float) -> np.ndarray:
    shares = np.full(len(part), of_nothing)
    return np.divide(part, whole, out=shares, where=whole > 0)


def _draw(ax: Any, display: ClasswiseDisplay, name: str, figure: FigureName) -> None:
    ordered = display.worst(len(display.labels[name]), name, figure=figure)
    x = [each.frequency for each in ordered]
    y = [getattr(each, figure) for each in ordered]
    ax.plot(x, y, "o", markersize=4, alpha=0.7)
    ends = {*range(_NAMED), *range(len(ordered) - _NAMED, len(ordered))}
    for place in ends & set(range(len(ordered))):
        ax.annotate(
            shown(ordered[place].label),
            (x[place], y[place]),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize="small",
        )
    found = display.correlation(name, figure=figure)
    ax.set(
        xlabel="share of the true labels",
        ylabel=figure,
        ylim=(-0.05, 1.1),
        title=f"{shown(name)}: rho={found.rho:.2f}, p={found.p:.2g}".removeprefix(": "),
    )
