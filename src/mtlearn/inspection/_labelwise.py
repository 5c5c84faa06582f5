"""Figures of each label, against how often it is there."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._optional import import_optional
from mtlearn.inspection._choice import shown
from mtlearn.inspection._label_rows import LabelDisplay, LabelRows, given_rows
from mtlearn.inspection._names import name_points
from mtlearn.inspection._panels import blocks_of_panels

_WIDTH, _HEIGHT = 5.2, 4.2  # inches of a panel
_F1, _THRESHOLD = "f1", "threshold"
_MOST_NAMED = 2  # labels in a title
_FEW_DECADES = 100  # between the rarest and the most frequent label


@dataclass(frozen=True)
class LabelFigures:
    """Figures of one label.

    Attributes
    ----------
    label : object
        The label.
    support : float
        How many of the known cells have it, or the sum of their weights.
    prevalence : float
        The share of the known cells that have it, in [0, 1]; NaN where none is known.
    precision, recall, f1 : float
        In [0, 1]. The precision of a label that is never predicted is 0; recall and F1
        of one that is never there are NaN.
    threshold : float
        Probability above which it is predicted; NaN if that is not known.

    Examples
    --------
    >>> from mtlearn.inspection import LabelwiseDisplay
    >>> display = LabelwiseDisplay.from_predictions([[1], [0]], [[1], [1]])
    >>> display.figures()[0].precision
    0.5
    """

    label: Any
    support: float
    prevalence: float
    precision: float
    recall: float
    f1: float
    threshold: float


class LabelwiseDisplay(LabelDisplay):
    """F1 and threshold of each label, against how often it is there.

    Make it with `from_estimator` or `from_predictions`; `frame`, `figures` and `worst`
    give the numbers, and `plot` draws them.

    Parameters
    ----------
    rows : mapping of str to LabelRows
        By task.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of tuple to matplotlib Axes
        By task and ``"f1"`` or ``"threshold"``, set by `plot`.

    See Also
    --------
    ClasswiseDisplay : Of classes, one a row.
    mtlearn.TunedThresholds : Finds thresholds.

    Examples
    --------
    >>> from mtlearn.inspection import LabelwiseDisplay
    >>> y_true = [[1, 0], [0, 1], [1, float("nan")], [1, 0]]
    >>> y_pred = [[1, 0], [0, 1], [1, 1], [0, 1]]
    >>> display = LabelwiseDisplay.from_predictions(
    ...     y_true, y_pred, labels=["sun", "sea"]
    ... )
    >>> [(each.label, round(each.f1, 3)) for each in display.worst()]
    [('sea', 0.667), ('sun', 0.8)]
    """

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        labels: Any = None,
        thresholds: Any = None,
        sample_weight: Any = None,
        task: str = "",
    ) -> Self:
        """Compare true and predicted labels of one task.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, n_labels)
            1 where a label is there, 0 where it is not, NaN where nobody knows.
        y_pred : array-like of shape (n_samples, n_labels)
            1 where a label is predicted, else 0.
        labels : array-like of shape (n_labels,), default=None
            Names; None counts from 0.
        thresholds : float or array-like of shape (n_labels,), default=None
            Probabilities above which labels were predicted.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_labels)`.
        task : str, default=""
            What to call the task.

        Returns
        -------
        LabelwiseDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError, ValueError
            If they have other shapes or values.
        """
        rows = given_rows(
            y_true,
            y_pred=y_pred,
            thresholds=thresholds,
            labels=labels,
            sample_weight=sample_weight,
        )
        return cls({task: rows})

    def figures(self, task: str | None = None) -> list[LabelFigures]:
        """Compute the figures of each label.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of LabelFigures
            In the order of the labels.
        """
        return label_figures(self._rows(task))

    def worst(self, n: int = 3, task: str | None = None) -> list[LabelFigures]:
        """Give the labels with the lowest F1.

        Parameters
        ----------
        n : int, default=3
            At most so many.
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of LabelFigures
            The lowest first, of equal ones the most frequent; none that is never there.
        """
        found = [each for each in self.figures(task) if each.support > 0]
        return sorted(found, key=lambda each: (each.f1, -each.support))[:n]

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each label, with the columns `task`, `label`, `support`,
            `prevalence`, `precision`, `recall`, `f1` and `threshold`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "LabelwiseDisplay.frame")
        return pandas.DataFrame(
            [
                {"task": name, **asdict(each)}
                for name in self.rows
                for each in self.figures(name)
            ]
        )

    def plot(self) -> Self:
        """Draw two panels for each task: F1 and thresholds, by prevalence.

        A dashed line is the F1 of a label that is always predicted. Names are written
        where there is room, those of the lowest F1 and the farthest thresholds first.

        Returns
        -------
        LabelwiseDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        blocks = [
            [(name, _F1), *([(name, _THRESHOLD)] * (rows.thresholds is not None))]
            for name, rows in self.rows.items()
        ]
        drawn = {}
        with blocks_of_panels(blocks, (_WIDTH, _HEIGHT), type(self).__name__) as (
            self.figure_,
            self.axes_,
        ):
            for (name, what), ax in self.axes_.items():
                draw = _draw_f1 if what == _F1 else _draw_thresholds
                drawn[name, what] = draw(ax, name, self.figures(name))
            self.figure_.draw_without_rendering()
            for key, ordered in drawn.items():
                name_points(self.axes_[key], *ordered)
        return self


def label_figures(found: LabelRows) -> list[LabelFigures]:
    """Compute the figures of each label.

    Parameters
    ----------
    found : LabelRows
        Of one task.

    Returns
    -------
    list of LabelFigures
        In the order of the labels.
    """
    right = found.summed(found.true & found.predicted)
    true, predicted = found.summed(found.true), found.summed(found.predicted)
    cuts = found.thresholds
    columns = [
        true,
        found.prevalence,
        _share(right, predicted, 0.0, predicted > 0),
        _share(right, true, np.nan, true > 0),
        _share(2 * right, true + predicted, np.nan, true > 0),
        np.full(len(true), np.nan) if cuts is None else cuts,
    ]
    return [
        LabelFigures(label, *map(float, numbers))
        for label, *numbers in zip(found.labels.tolist(), *columns, strict=True)
    ]


def _share(
    part: np.ndarray, whole: np.ndarray, of_nothing: float, where: np.ndarray
) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), of_nothing), where=where)


Named = tuple[list[float], list[float], list[str]]


def _draw_f1(ax: Any, name: str, figures: list[LabelFigures]) -> Named:
    """Draw the F1 of each label, and give the points in the order of their names."""
    found = [each for each in figures if each.support > 0]
    _draw_points(ax, found, [each.f1 for each in found])
    low, high = ax.get_xlim()
    always = np.geomspace(low, min(high, 1.0), 100)
    ax.plot(
        always,
        2 * always / (1 + always),
        "--",
        color="grey",
        linewidth=1,
        label="always predicted",
    )
    ax.set(ylabel="F1", ylim=(-0.05, 1.1), xlim=(low, high))
    left_out = [each.label for each in figures if not each.support > 0]
    title = f"{shown(name)}: {len(found)} labels".removeprefix(": ")
    if left_out:
        names = listed(map(shown, left_out), _MOST_NAMED)
        title += f"\nwithout a positive: {names}"
    ax.set_title(title, fontsize="medium")
    ax.legend(fontsize="small", loc="upper left")
    ordered = sorted(found, key=lambda each: each.f1)
    return _named(ordered, [each.f1 for each in ordered])


def _draw_thresholds(ax: Any, name: str, figures: list[LabelFigures]) -> Named:
    """Draw the thresholds, and give the points in the order of their names."""
    found = [each for each in figures if each.support > 0]
    _draw_points(ax, found, [each.threshold for each in found])
    ax.axhline(0.5, linestyle="--", color="grey", linewidth=1)
    ax.set(ylabel="threshold", ylim=(-0.05, 1.1))
    ax.set_title(f"{shown(name)}: thresholds".removeprefix(": "), fontsize="medium")
    ordered = sorted(found, key=lambda each: -abs(each.threshold - 0.5))
    return _named(ordered, [each.threshold for each in ordered])


def _draw_points(ax: Any, found: list[LabelFigures], y: list[float]) -> None:
    shares = [each.prevalence for each in found]
    ax.plot(shares, y, "o", markersize=4, alpha=0.7)
    ax.set(xlabel="prevalence", xscale="log")
    ticker = import_optional("matplotlib.ticker", "plot", "LabelwiseDisplay.plot")
    few = max(shares, default=1.0) < _FEW_DECADES * min(shares, default=1.0)
    ax.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if few else (1,)))
    ax.xaxis.set_major_formatter(lambda share, _: f"{share:g}")
    ax.xaxis.set_minor_formatter(ticker.NullFormatter())


def _named(ordered: list[LabelFigures], y: list[float]) -> Named:
    names = [shown(each.label) for each in ordered]
    return [each.prevalence for each in ordered], y, names
