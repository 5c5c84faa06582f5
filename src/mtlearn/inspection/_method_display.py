"""A comparison of methods, as a picture."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection._choice import shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._folds import in_words
from mtlearn.inspection._method_table import MethodComparison
from mtlearn.inspection._methods import compare_methods
from mtlearn.inspection._panels import panel_for_each

_WIDTH = 4.2  # inches of a panel
_FRAME, _LINE = 1.2, 0.38  # inches of height: around, and of each method
_COLORS = {"helps": "C2", "hurts": "C3", "undecided": "0.5"}
_BELOW = 0.25  # where points of folds are, from the line of their method
_ALL = ("all tasks", "delta_m")


class MethodComparisonDisplay(Display):
    """What methods change, for each task and for all together.

    Make it with `from_estimator`, or from the record of :func:`compare_methods`;
    `frame` gives the numbers, and `plot` draws them.

    Parameters
    ----------
    report : MethodComparison
        The numbers.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of tuple to matplotlib Axes
        By task and metric, and ``("all tasks", "delta_m")``; set by `plot`.

    See Also
    --------
    compare_methods : The same as a table, and how each number is computed.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import MethodComparisonDisplay
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> display = MethodComparisonDisplay.from_estimator(
    ...     MultiTaskEstimator(tasks, max_epochs=1), X[:200], y[:200],
    ...     {"faster": {"lr": 0.01}}, cv=2, random_state=0,
    ... )
    >>> list(display.report.delta_m)
    ['single', 'equal', 'faster']
    """

    def __init__(self, report: MethodComparison) -> None:
        self.report = report

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, methods: Mapping[str, Any], **params: Any
    ) -> Self:
        """Fit and compare.

        Parameters
        ----------
        estimator, X, y, methods : object
            As :func:`compare_methods` takes them.
        **params : object
            Its other parameters.

        Returns
        -------
        MethodComparisonDisplay
            Not drawn yet.

        Raises
        ------
        MtlearnError
            As :func:`compare_methods`.
        """
        return cls(compare_methods(estimator, X, y, methods, **params))

    @classmethod
    def from_report(cls, report: MethodComparison) -> Self:
        """Take a record that is there already.

        Parameters
        ----------
        report : MethodComparison
            Of :func:`compare_methods`.

        Returns
        -------
        MethodComparisonDisplay
            Not drawn yet.

        Raises
        ------
        ParameterTypeError
            If it is not one.
        """
        if not isinstance(report, MethodComparison):
            raise ParameterTypeError(
                f"The 'report' parameter of {cls.__name__} must be what "
                f"compare_methods returns. Got {short(report)} instead."
            )
        return cls(report)

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each method, task and figure, as
            :meth:`MethodComparison.to_frame` has them.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return self.report.to_frame()

    def plot(self, *, over: str | None = None) -> Self:
        """Draw the difference of each method from networks for one task each.

        The first panel has the mean relative change, with the mean rank and the ratio
        of time below each name; then there is one for each figure of each task. A line
        is an interval: green where the method helps, red where it hurts, grey where it
        holds zero. Small points are folds.

        Parameters
        ----------
        over : {"single", "equal"}, default=None
            What differences are drawn from, in the panels of tasks. None takes the
            baseline of the report.

        Returns
        -------
        MethodComparisonDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        InvalidParameterError
            If there is nothing to compare with.
        MissingDependencyError
            If matplotlib is not installed.
        """
        report = self.report
        names = list(report.delta_m)
        over = report.baseline if over is None else over
        if over not in ("single", "equal") or over not in names:
            known = [name for name in ("single", "equal") if name in names]
            raise InvalidParameterError(
                f"The 'over' parameter of plot must be one of {known}. "
                f"Got {short(over)} instead."
            )
        keys = list(dict.fromkeys((row["task"], row["metric"]) for row in report.rows))
        size = (_WIDTH, _FRAME + _LINE * (len(names) - 1))
        with panel_for_each([_ALL, *keys], size, type(self).__name__) as (
            self.figure_,
            self.axes_,
        ):
            _draw_all(self.axes_[_ALL], report)
            for key in keys:
                _draw_task(self.axes_[key], report, key, over)
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return dict.fromkeys(row["task"] for row in self.report.rows)


def _draw_all(ax: Any, report: MethodComparison) -> None:
    """Draw the mean relative changes."""
    lines = [line for line in report.summary if line["method"] != report.baseline]
    for at, line in enumerate(lines):
        ends = line["low"], line["high"]
        _draw_interval(ax, at, line["delta_m"], ends, True)
    labels = [
        f"{shown(line['method'])}\n"
        f"rank {line['mean_rank']:.2f}, time {line['time_ratio']:.2f}"
        for line in lines
    ]
    _finish(ax, labels, f"change from {report.baseline}, per cent")
    ax.set_title("all tasks: mean relative change", fontsize="medium")


def _draw_task(
    ax: Any, report: MethodComparison, key: tuple[str, str], over: str
) -> None:
    """Draw the differences of one figure."""
    rows = [row for row in report.rows if (row["task"], row["metric"]) == key]
    (base,) = (row for row in rows if row["method"] == over)
    rows = [row for row in rows if row is not base]
    found = _fold_values(report, key)
    for at, row in enumerate(rows):
        points = found.get(row["method"], np.empty(0)) - found.get(over, np.empty(0))
        below = np.full(len(points), at + _BELOW)
        ax.plot(points, below, ".", color="0.6", markersize=4)
        ends = row[f"over_{over}_low"], row[f"over_{over}_high"]
        better = row["greater_is_better"]
        _draw_interval(ax, at, row[f"over_{over}"], ends, better)
    task, metric = key
    lower = "" if rows[0]["greater_is_better"] else ", lower is better"
    _finish(ax, [shown(row["method"]) for row in rows], f"{metric} over {over}{lower}")
    ax.set_title(
        f"{shown(task)}: {metric} ({over} {base['value']:.3g})", fontsize="medium"
    )


def _fold_values(
    report: MethodComparison, key: tuple[str, str]
) -> dict[str, np.ndarray]:
    """Give the figures of each method by fold."""
    found: dict[str, list[float]] = {}
    for row in report.folds:
        if (row["task"], row["metric"]) == key:
            found.setdefault(row["method"], []).append(row["value"])
    return {name: np.array(values) for name, values in found.items()}


def _draw_interval(
    ax: Any, at: int, mean: float, ends: tuple[float, float], better: bool
) -> None:
    color = _COLORS[in_words(better, *ends, ("helps", "hurts"))]
    ax.plot(ends, [at, at], color=color, linewidth=2)
    ax.plot([mean], [at], "o", color=color)


def _finish(ax: Any, labels: Sequence[str], words: str) -> None:
    ax.axvline(0, color="black", linestyle="--", linewidth=1)
    ax.set(xlabel=words, ylim=(len(labels) - 0.5, -0.5))
    ax.set_yticks(range(len(labels)), labels)
    ax.locator_params(axis="x", nbins=5)
