"""How far predicted values are from the true ones, and whether that is only noise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import stats
from sklearn.metrics import PredictionErrorDisplay

from mtlearn._utils._optional import import_optional
from mtlearn.inspection._choice import labels_of_tasks, one_task, shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import blocks_of_panels
from mtlearn.metrics import paired_columns

_WIDTH, _HEIGHT = 3.6, 3.2  # inches of a panel
# scipy's p-value of normality holds for no more rows.
_MOST_ROWS = 5000


@dataclass(frozen=True)
class ResidualFigures:
    """What the residuals of one task come to; a residual is true minus predicted.

    Attributes
    ----------
    n : int
        How many.
    bias : float
        Mean of predicted minus true, in the units of y.
    deviation : float
        Standard deviation of the residuals, in the units of y.
    normality_p : float
        p-value of the Shapiro-Wilk test [1]_: small if residuals are not normal. Of at
        most 5,000 rows, evenly taken.
    spread_rho, spread_p : float
        Spearman's rank correlation of the residual's size with the prediction, in
        [-1, 1], and its p-value: small if errors grow or shrink with the value.

    References
    ----------
    .. [1] S. S. Shapiro, M. B. Wilk, "An Analysis of Variance Test for Normality
       (Complete Samples)", Biometrika 52, 1965.

    Examples
    --------
    >>> from mtlearn.inspection import ResidualsDisplay
    >>> display = ResidualsDisplay.from_predictions([1, 2, 3, 4], [2, 2, 4, 4])
    >>> display.figures().bias
    0.5
    """

    n: int
    bias: float
    deviation: float
    normality_p: float
    spread_rho: float
    spread_p: float


class ResidualsDisplay(Display):
    """True against predicted values of one regression or several.

    Make it with `from_estimator` or `from_predictions`; `frame` and `figures` give the
    numbers, and `plot` draws them.

    Parameters
    ----------
    true, predicted : mapping of str to ndarray of shape (n_samples,)
        By task, in the units of y.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of tuple to matplotlib Axes
        By task and one of ``"predicted"``, ``"residuals"``, ``"histogram"`` and
        ``"quantiles"``, set by `plot`.

    See Also
    --------
    sklearn.metrics.PredictionErrorDisplay : Of one regressor, also of ``task(name)``.

    Examples
    --------
    >>> from mtlearn import MultiTaskEstimator, Regression
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import ResidualsDisplay
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Regression(), max_epochs=2, random_state=0)
    >>> estimator = estimator.fit(X, y[:, 0])
    >>> display = ResidualsDisplay.from_estimator(estimator, X, y[:, 0])
    >>> display.figures().n
    1599
    """

    def __init__(
        self, true: Mapping[str, np.ndarray], predicted: Mapping[str, np.ndarray]
    ) -> None:
        self.true = true
        self.predicted = predicted

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, tasks: Sequence[str] | None = None
    ) -> Self:
        """Predict, and compare with the true values.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one.
        X : array-like
            Samples, as the estimator takes them.
        y : array-like, DataFrame, Series or SliceDict
            True values, as the estimator takes them; missing ones are left out.
        tasks : sequence of str, default=None
            Which regressions; None takes all.

        Returns
        -------
        ResidualsDisplay
            Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If there is no such regression, or none at all.
        ParameterTypeError
            If there is no estimator of this package in it.
        NotFittedError
            If it is not fitted.
        """
        shown = labels_of_tasks(estimator, (X, y, None), tasks, cls.__name__)
        return cls(
            {name: pair.true.astype(float) for name, (_, pair) in shown.items()},
            {name: pair.predicted.astype(float) for name, (_, pair) in shown.items()},
        )

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: Any, *, task: str = "") -> Self:
        """Compare values of one task.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            True and predicted values, none of them missing.
        task : str, default=""
            What to call the task.

        Returns
        -------
        ResidualsDisplay
            Not drawn yet.

        Raises
        ------
        DataTypeError, ValueError
            If they differ in length, have another shape or a mask, or are no numbers.
        """
        true, predicted, _ = paired_columns(y_true, y_pred)
        return cls({task: true.astype(float)}, {task: predicted.astype(float)})

    def residuals(self, task: str | None = None) -> np.ndarray:
        """Give true minus predicted values.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        ndarray of shape (n_samples,)
            In the units of y.
        """
        name = self._name(task)
        return self.true[name] - self.predicted[name]

    def figures(self, task: str | None = None) -> ResidualFigures:
        """Compute what the residuals come to.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        ResidualFigures
            p-values are NaN of fewer than three residuals, or of equal ones.
        """
        residuals, predicted = self.residuals(task), self.predicted[self._name(task)]
        n = len(residuals)
        normality = rho = spread = float("nan")
        varies = n > 2 and np.ptp(residuals) > 0
        if varies:
            rows = np.linspace(0, n - 1, min(n, _MOST_ROWS)).round().astype(int)
            normality = stats.shapiro(residuals[rows]).pvalue
        if varies and np.ptp(predicted) > 0 and np.ptp(np.abs(residuals)) > 0:
            rho, spread = stats.spearmanr(predicted, np.abs(residuals))
        return ResidualFigures(
            n,
            float(-residuals.mean()) if n else float("nan"),
            float(residuals.std()) if n else float("nan"),
            float(normality),
            float(rho),
            float(spread),
        )

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each value, with the columns `task`, `true`, `predicted` and
            `residual`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "ResidualsDisplay.frame")
        parts = [
            pandas.DataFrame(
                {
                    "task": name,
                    "true": self.true[name],
                    "predicted": self.predicted[name],
                    "residual": self.residuals(name),
                }
            )
            for name in self.true
        ]
        return pandas.concat(parts, ignore_index=True)

    def plot(self) -> Self:
        """Draw a row of four panels for each task.

        They are the true values against the predicted ones, the residuals against the
        predicted values, their histogram with the normal distribution of the same mean
        and deviation, and their quantiles against normal ones.

        Returns
        -------
        ResidualsDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        blocks = [[(name, panel) for panel in _PANELS] for name in self.true]
        with blocks_of_panels(blocks, (_WIDTH, _HEIGHT), type(self).__name__) as (
            self.figure_,
            self.axes_,
        ):
            for (name, panel), ax in self.axes_.items():
                if len(self.true[name]):
                    _PANELS[panel](ax, self, name)
                else:
                    _titled(ax, name, "0 values")
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return self.true

    def _name(self, task: str | None) -> str:
        return one_task(self.true, task)


def _titled(ax: Any, name: str, title: str) -> None:
    ax.set_title(f"{shown(name)}: {title}" if name else title)


def _draw_predicted(ax: Any, display: ResidualsDisplay, name: str) -> None:
    _scatter(ax, display, name, "actual_vs_predicted")
    ax.set(xlabel="predicted", ylabel="true")
    _titled(ax, name, f"{display.figures(name).n} values")


def _draw_residuals(ax: Any, display: ResidualsDisplay, name: str) -> None:
    _scatter(ax, display, name, "residual_vs_predicted")
    ax.set(xlabel="predicted", ylabel="true - predicted")
    found = display.figures(name)
    _titled(ax, name, f"spread rho={found.spread_rho:.2f}, p={found.spread_p:.2g}")


def _scatter(ax: Any, display: ResidualsDisplay, name: str, kind: str) -> None:
    PredictionErrorDisplay(
        y_true=display.true[name], y_pred=display.predicted[name]
    ).plot(ax=ax, kind=kind, scatter_kwargs={"s": 8, "alpha": 0.4})


def _draw_histogram(ax: Any, display: ResidualsDisplay, name: str) -> None:
    residuals, found = display.residuals(name), display.figures(name)
    ax.hist(residuals, bins="auto", density=True, alpha=0.5)
    if found.deviation > 0:
        line = np.linspace(residuals.min(), residuals.max(), 200)
        ax.plot(line, stats.norm.pdf(line, -found.bias, found.deviation), "k--")
    ax.set(xlabel="true - predicted", ylabel="density")
    _titled(ax, name, f"bias={found.bias:.2g}, deviation={found.deviation:.2g}")


def _draw_quantiles(ax: Any, display: ResidualsDisplay, name: str) -> None:
    residuals, found = np.sort(display.residuals(name)), display.figures(name)
    normal = stats.norm.ppf((np.arange(len(residuals)) + 0.5) / len(residuals))
    ax.plot(normal, residuals, ".", markersize=3)
    ax.axline((0, -found.bias), slope=found.deviation, color="k", linestyle="--")
    ax.set(xlabel="normal quantiles", ylabel="true - predicted")
    _titled(ax, name, f"Shapiro-Wilk p={found.normality_p:.2g}")


_PANELS = {
    "predicted": _draw_predicted,
    "residuals": _draw_residuals,
    "histogram": _draw_histogram,
    "quantiles": _draw_quantiles,
}
