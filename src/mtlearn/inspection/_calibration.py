"""Whether probabilities come true, and what intervals of an ensemble cover."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn._utils._validation import check_integer
from mtlearn.inspection._calibration_curve import (
    N_BINS,
    CalibrationCurve,
    bin_edges,
    coverage,
    reliability,
)
from mtlearn.inspection._choice import one_task, shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import panel_for_each
from mtlearn.inspection._sure_tasks import sure_tasks
from mtlearn.metrics import (
    confidences,
    fitted_tasks,
    member_weights,
    scored_outputs,
    task_spread,
)

_WIDTH, _HEIGHT = 3.4, 3.4  # inches of a panel


class CalibrationDisplay(Display):
    """Confidence against accuracy, and intervals against what they cover.

    Make it with `from_estimator` or `from_predictions`; `frame` and `error` give the
    numbers, and `plot` draws them.

    Parameters
    ----------
    curves : mapping of str to CalibrationCurve
        By task.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By task, set by `plot`.

    See Also
    --------
    mtlearn.metrics.expected_calibration_error : The error of a classification.
    mtlearn.TemperatureScaled : Makes it smaller.
    sklearn.calibration.CalibrationDisplay : Of the probability of one of two classes,
        also of ``task(name)``.

    Notes
    -----
    The intervals of a regression hold what they say if the true values are drawn as
    the members' values are. A spread of members says how unsure the network is: what
    they all get wrong alike, and noise of the labels, are not in it, and the intervals
    cover less wherever there is either.

    Examples
    --------
    >>> from mtlearn.inspection import CalibrationDisplay
    >>> y_prob = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]
    >>> display = CalibrationDisplay.from_predictions([0, 0, 1, 0], y_prob)
    >>> round(display.error(), 3)
    0.2
    """

    def __init__(self, curves: Mapping[str, CalibrationCurve]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        tasks: Sequence[str] | None = None,
        n_bins: int = N_BINS,
    ) -> Self:
        """Predict, and compare with the true labels.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one.
        X : array-like
            Samples, as the estimator takes them; none that it was trained on.
        y : array-like, DataFrame, Series or SliceDict
            True labels, as the estimator takes them. Missing ones are left out; one
            that the estimator does not know counts as wrong.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        tasks : sequence of str, default=None
            Which tasks. None takes all classifications, and the regressions too if the
            estimator is an ensemble, or a `TemperatureScaled` around one.
        n_bins : int, default=15
            Bins of equal width between 0 and 1, for the confidence in a class.

        Returns
        -------
        CalibrationDisplay
            Not drawn yet. A regression has the levels 0.1, 0.2, …, 0.9 and 0.95: of the
            true values, the share inside of Student's t-interval for one more value
            from where the members' values come from. Of M equal members it is their
            mean ± t·s·sqrt(1 + 1/M), with their sample deviation s (``ddof=1``) and the
            quantile t of M - 1 degrees of freedom, so that it is right for few members.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If there is no such task, or none at all, if a regression is asked for that
            has no spread, if there is no estimator of this package in it, or if
            `n_bins` is not a positive integer.
        NotFittedError
            If it is not fitted.
        """
        n_bins = check_integer(n_bins, "n_bins", cls.__name__, low=1)
        known = fitted_tasks(estimator, cls.__name__)
        names = sure_tasks(estimator, known, tasks, cls.__name__)
        sure = {name for name in names if known[name].has_probabilities}
        spread = task_spread(estimator, X) if sure < set(names) else {}
        weights = member_weights(estimator)
        scored = scored_outputs(estimator, X, y, sample_weight)
        return cls(
            {
                name: reliability(scored[name].confidences(), n_bins)
                if name in sure
                else coverage(scored[name], spread[name], weights)
                for name in names
            }
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        n_bins: int = N_BINS,
        task: str = "",
    ) -> Self:
        """Compare labels and probabilities of one classification.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels, none of them missing. One that is not among `labels` counts as
            wrong.
        y_prob : array-like of shape (n_samples, n_classes)
            Probabilities, which sum to one.
        labels : array-like of shape (n_classes,), default=None
            Label of each column. None takes the sorted labels of `y_true`, which must
            then have every class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        n_bins : int, default=15
            Bins of equal width between 0 and 1.
        task : str, default=""
            What to call the task.

        Returns
        -------
        CalibrationDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError
            If the labels do not match the columns, or the probabilities or weights are
            none.
        InvalidParameterError, ParameterTypeError
            If `n_bins` is not a positive integer.
        """
        n_bins = check_integer(n_bins, "n_bins", cls.__name__, low=1)
        found = confidences(y_true, y_prob, labels, sample_weight)
        return cls({task: reliability(found, n_bins)})

    def error(self, task: str | None = None) -> float:
        """Give how far a task is from the diagonal.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        float
            Of a classification, the expected calibration error. Of a regression, the
            mean distance of coverage and level. In [0, 1]; 0 is best. NaN without a
            label.
        """
        return self.curves[one_task(self.curves, task)].error

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each bin or level, with the columns `task`, `kind`, `low` and
            `high` (the edges of the bin, NaN for levels), `expected` (mean confidence,
            or the level), `observed` (accuracy, or coverage) and `share` (of the rows
            or their weights in the bin).

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "CalibrationDisplay.frame")
        parts = []
        for name, curve in self.curves.items():
            edges = bin_edges(len(curve.share))
            if curve.kind == "coverage":
                edges = np.full(len(edges), np.nan)
            columns = {
                "task": name,
                "kind": curve.kind,
                "low": edges[:-1],
                "high": edges[1:],
                "expected": curve.expected,
                "observed": curve.observed,
                "share": curve.share,
            }
            parts.append(pandas.DataFrame(columns))
        return pandas.concat(parts, ignore_index=True)

    def plot(self) -> Self:
        """Draw a panel for each task.

        What comes true against what is promised, beside the diagonal on which both are
        the same; below it, a curve promises too much. Bars are the share of the rows in
        each bin. Titles have the error.

        Returns
        -------
        CalibrationDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        with panel_for_each(
            list(self.curves), (_WIDTH, _HEIGHT), type(self).__name__
        ) as (self.figure_, self.axes_):
            for name, ax in self.axes_.items():
                _draw(ax, name, self.curves[name])
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return self.curves


def _draw(ax: Any, name: str, curve: CalibrationCurve) -> None:
    """Draw one task."""
    ax.plot([0, 1], [0, 1], "--", color="grey", linewidth=1, label="as promised")
    known = np.isfinite(curve.observed)
    observed, what = curve.observed[known], "coverage"
    ax.set(xlabel="nominal coverage", ylabel="observed coverage")
    if curve.kind == "confidence":
        edges, what = bin_edges(len(curve.share)), "accuracy"
        ax.bar(
            edges[:-1],
            curve.share,
            np.diff(edges),
            align="edge",
            color="lightgrey",
            edgecolor="white",
            label="share of the rows",
            zorder=0,
        )
        ax.set(xlabel="confidence", ylabel="accuracy")
    ax.plot(curve.expected[known], observed, "o-", markersize=4, label=what)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    title = "ECE" if curve.kind == "confidence" else "coverage error"
    ax.set_title(f"{shown(name)}: {title}={curve.error:.3f}".removeprefix(": "))
    ax.legend(fontsize="small")
