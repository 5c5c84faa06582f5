"""What an ensemble gains over its members, as a picture."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.inspection._choice import shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import blocks_of_panels
from mtlearn.metrics import EnsembleReport, ensemble_report

# What a task is scored by, and how far its probabilities may be believed.
_MAIN = ("accuracy", "r2", "calibration_error")
_WIDTH, _HEIGHT = 4.0, 1.9  # inches of a panel
# With more members than these, not every one has its number at the axis.
_MOST_NUMBERED = 6


class EnsembleGainDisplay(Display):
    """Figures of an ensemble beside those of its members, of every task.

    Make it with `from_estimator`, or from the report of
    :func:`~mtlearn.metrics.ensemble_report`; `frame` gives the numbers, and `plot`
    draws them.

    Parameters
    ----------
    report : EnsembleReport
        The numbers.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of tuple to matplotlib Axes
        By task and metric, set by `plot`.

    See Also
    --------
    mtlearn.metrics.ensemble_report : The same as a table, and what each figure is.

    Examples
    --------
    >>> from mtlearn import MultiTaskEstimator, Regression, SeedEnsemble
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import EnsembleGainDisplay
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Regression(), max_epochs=2)
    >>> ensemble = SeedEnsemble(estimator, random_state=0).fit(X, y[:, 0])
    >>> display = EnsembleGainDisplay.from_estimator(ensemble, X, y[:, 0])
    >>> [row["metric"] for row in display.report.rows]
    ['r2', 'mae', 'rmse']
    """

    def __init__(self, report: EnsembleReport) -> None:
        self.report = report

    @classmethod
    def from_estimator(
        cls, ensemble: Any, X: Any, y: Any, *, sample_weight: Any = None
    ) -> Self:
        """Predict by the ensemble and by its members, and score both.

        Parameters
        ----------
        ensemble : estimator
            A fitted :class:`~mtlearn.SeedEnsemble` or :class:`~mtlearn.VotingEnsemble`,
            a :class:`~mtlearn.TemperatureScaled` around one, or a Pipeline or search
            that ends in one of these.
        X : array-like
            Samples, as it takes them; none that it was trained on.
        y : array-like, DataFrame, Series or SliceDict
            True labels. Missing ones are left out.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.

        Returns
        -------
        EnsembleGainDisplay
            Not drawn yet.

        Raises
        ------
        NotFittedError
            If the ensemble is not fitted.
        ParameterTypeError
            If there is no ensemble in it.
        InvalidDataError, DataTypeError
            If y or the weights are not what they must be.
        """
        return cls(ensemble_report(ensemble, X, y, sample_weight))

    @classmethod
    def from_report(cls, report: EnsembleReport) -> Self:
        """Take a report that is there already.

        Parameters
        ----------
        report : EnsembleReport
            Of :func:`~mtlearn.metrics.ensemble_report`.

        Returns
        -------
        EnsembleGainDisplay
            Not drawn yet.

        Raises
        ------
        ParameterTypeError
            If it is not one.
        """
        if not isinstance(report, EnsembleReport):
            raise ParameterTypeError(
                f"The 'report' parameter of {cls.__name__} must be what "
                f"ensemble_report returns. Got {short(report)} instead."
            )
        return cls(report)

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each figure of each task, as
            :meth:`~mtlearn.metrics.EnsembleReport.to_frame` has them.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return self.report.to_frame()

    def plot(self, *, metrics: Sequence[str] | None = None) -> Self:
        """Draw a row of panels for each task: a point for each member.

        The dashed line is the mean of the members, the solid one the ensemble. Titles
        have the gain over the mean, positive where the ensemble is better, and the
        disagreement of the members about the task.

        Parameters
        ----------
        metrics : sequence of str, default=None
            Which figures, where a task has them. None draws the accuracy and the
            calibration error of classifications and R² of regressions.

        Returns
        -------
        EnsembleGainDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        InvalidParameterError
            If there is no such figure.
        MissingDependencyError
            If matplotlib is not installed.
        """
        drawn = {(row["task"], row["metric"]): row for row in self._rows(metrics)}
        blocks: dict[str, list[tuple[str, str]]] = {}
        for task, metric in drawn:
            blocks.setdefault(task, []).append((task, metric))
        with blocks_of_panels(
            list(blocks.values()), (_WIDTH, _HEIGHT), type(self).__name__
        ) as (self.figure_, self.axes_):
            for key, ax in self.axes_.items():
                _draw(ax, drawn[key])
            # Above the first panel, where it hides no point.
            next(iter(self.axes_.values())).legend(
                loc="lower left", bbox_to_anchor=(0, 1.2), ncols=3, fontsize="small"
            )
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return dict.fromkeys(row["task"] for row in self.report.rows)

    def _rows(self, metrics: Sequence[str] | None) -> list[dict[str, Any]]:
        """Choose the rows to draw."""
        known = list(dict.fromkeys(row["metric"] for row in self.report.rows))
        names = [name for name in _MAIN if name in known]
        names = names if metrics is None else list(metrics)
        if not names or set(names) - set(known):
            raise InvalidParameterError(
                f"The 'metrics' parameter of plot must be names of figures in the "
                f"report, which are {known}. Got {short(metrics)} instead."
            )
        return [row for row in self.report.rows if row["metric"] in names]


def _draw(ax: Any, row: dict[str, Any]) -> None:
    """Draw one figure of one task."""
    numbers = np.arange(len(row["members"]))
    ax.plot(row["members"], numbers, "o", color="C0", label="members")
    ax.axvline(row["mean"], color="C0", linestyle="--", label="their mean")
    ax.axvline(row["ensemble"], color="C1", linewidth=2, label="ensemble")
    ax.set(xlabel=row["metric"], ylabel="member", ylim=(len(numbers) - 0.5, -0.5))
    ax.set_yticks(numbers if len(numbers) <= _MOST_NUMBERED else [0, numbers[-1]])
    ax.locator_params(axis="x", nbins=5)
    ax.set_title(
        f"{shown(row['task'])}: gain {row['gain']:.3g}, "
        f"disagreement {row['disagreement']:.3g}",
        fontsize="medium",
    )
