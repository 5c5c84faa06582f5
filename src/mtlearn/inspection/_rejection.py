"""What is gained where predictions that are unsure are rejected."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from mtlearn._utils._optional import import_optional
from mtlearn.inspection._choice import shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._panels import panel_for_each
from mtlearn.inspection._rejection_curve import (
    RejectionCurve,
    of_confidence,
    of_spread,
)
from mtlearn.inspection._sure_tasks import sure_tasks
from mtlearn.metrics import confidences, fitted_tasks, scored_outputs, task_spread

_WIDTH, _HEIGHT = 3.4, 3.0  # inches of a panel


class RejectionDisplay(Display):
    """Accuracy against coverage, as the least sure predictions are rejected.

    Make it with `from_estimator` or `from_predictions`; `curves`, `aurc` and `frame`
    give the numbers, and `plot` draws them.

    Parameters
    ----------
    curves : mapping of str to RejectionCurve
        By task.

    Attributes
    ----------
    aurc : dict of str to float
        By task, the area under the risk over the coverage [1]_: the mean of the share
        of errors, or of the mean absolute error, over how many rows are kept. 0 is
        best; where being sure says nothing, it is the risk without rejection.
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By task, set by `plot`.

    See Also
    --------
    CalibrationDisplay : Whether confidence comes true.
    mtlearn.ConformalPredictor : Sets that hold the true class, instead of rejection.

    References
    ----------
    .. [1] Y. Geifman, G. Uziel, R. El-Yaniv, "Bias-Reduced Uncertainty Estimation for
       Deep Neural Classifiers", ICLR 2019.

    Examples
    --------
    >>> from mtlearn.inspection import RejectionDisplay
    >>> y_prob = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]]
    >>> display = RejectionDisplay.from_predictions([0, 1, 1, 0], y_prob)
    >>> round(display.aurc[""], 4)  # (0 + 0 + 1/3 + 1/4) / 4
    0.1458
    """

    def __init__(self, curves: Mapping[str, RejectionCurve]) -> None:
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
    ) -> Self:
        """Predict, and compare the surest predictions with the true labels.

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
            Which tasks. None takes all classifications, and the values too if the
            estimator is an ensemble, or something around one.

        Returns
        -------
        RejectionDisplay
            Not drawn yet. A classification is as sure as its largest probability, and
            right where that is of the true class; of several labels, each answer is
            kept or rejected by itself. A value is the surer, the less the members of
            the ensemble lie apart.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If there is no such task, or none at all, if a value is asked for that has
            no spread, or if there is no estimator of this package in it.
        NotFittedError
            If it is not fitted.
        """
        known = fitted_tasks(estimator, cls.__name__)
        names = sure_tasks(estimator, known, tasks, cls.__name__)
        sure = {name for name in names if known[name].has_probabilities}
        spread = task_spread(estimator, X) if sure < set(names) else {}
        scored = scored_outputs(estimator, X, y, sample_weight)
        return cls(
            {
                name: of_confidence(scored[name].confidences())
                if name in sure
                else of_spread(scored[name], spread[name])
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
        task : str, default=""
            What to call the task.

        Returns
        -------
        RejectionDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError
            If the labels do not match the columns, or the probabilities or weights are
            none.
        """
        found = confidences(y_true, y_prob, labels, sample_weight)
        return cls({task: of_confidence(found)})

    @property
    def aurc(self) -> dict[str, float]:
        """The area under the risk over the coverage, by task."""
        return {name: curve.aurc for name, curve in self.curves.items()}

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each point of a curve, with the columns `task`, `kind`,
            `coverage`, `threshold`, `kept` and `risk`; see :class:`RejectionCurve`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "RejectionDisplay.frame")
        parts = [
            pandas.DataFrame(
                {
                    "task": name,
                    "kind": curve.kind,
                    "coverage": curve.coverage,
                    "threshold": curve.threshold,
                    "kept": curve.kept,
                    "risk": curve.risk,
                }
            )
            for name, curve in self.curves.items()
        ]
        return pandas.concat(parts, ignore_index=True)

    def plot(self, ax: Any = None) -> Self:
        """Draw a panel for each task.

        The accuracy, or the mean error, of what is kept against how much that is,
        beside that of all. Titles have the area under the risk.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the only task; None makes a figure.

        Returns
        -------
        RejectionDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        InvalidParameterError
            If `ax` is given, and there are several tasks.
        MissingDependencyError
            If matplotlib is not installed.
        """
        with panel_for_each(
            list(self.curves), (_WIDTH, _HEIGHT), type(self).__name__, ax
        ) as (self.figure_, self.axes_):
            for name, panel in self.axes_.items():
                _draw(panel, name, self.curves[name])
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return self.curves


def _draw(ax: Any, name: str, curve: RejectionCurve) -> None:
    """Draw one task."""
    ax.plot(curve.coverage, curve.kept, label="kept")
    if len(curve.kept):
        ax.axhline(
            curve.kept[-1], linestyle="--", color="grey", linewidth=1, label="all"
        )
        ax.legend(fontsize="small")
    what = "accuracy" if curve.kind == "accuracy" else "mean absolute error"
    ax.set(xlim=(0, 1.01), xlabel="coverage", ylabel=what)
    ax.set_title(f"{shown(name)}: AURC={curve.aurc:.3g}".removeprefix(": "))
