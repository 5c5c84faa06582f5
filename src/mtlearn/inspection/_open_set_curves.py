"""How well scores tell known from unknown samples, at every threshold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._choice import distinct_colors, shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._open_set import OpenSetPart, given_scores, open_set_parts
from mtlearn.inspection._open_set_curve import OpenSetCurve, open_set_curve
from mtlearn.inspection._panels import blocks_of_panels

_WIDTH, _HEIGHT = 4.4, 4.0  # inches of a panel
_SIDES = ("roc", "precision_recall")


class OpenSetCurveDisplay(Display):
    """ROC and precision-recall curves of known against unknown samples.

    Unknown samples are the positive ones: to reject one is to find it. Make it with
    `from_estimator` or `from_predictions`; `curves` and `frame` give the numbers, and
    `plot` draws them.

    Parameters
    ----------
    curves : list of OpenSetCurve
        Those of a task and a set of unknown samples beside each other.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of (str, str, str) to matplotlib Axes
        By task, set of unknown samples, and ``"roc"`` or ``"precision_recall"``; set by
        `plot`.

    See Also
    --------
    OpenSetScoreDisplay : The scores themselves.
    mtlearn.OpenSetClassifier : Rejects unknown samples.

    Examples
    --------
    >>> from mtlearn.inspection import OpenSetCurveDisplay
    >>> display = OpenSetCurveDisplay.from_predictions(
    ...     [-1.0, -2.0, -3.0, -5.0], [-4.0, -6.0]
    ... )
    >>> [(curve.roc_auc, round(curve.average_precision, 3)) for curve in display.curves]
    [(0.875, 0.833)]
    """

    def __init__(self, curves: Sequence[OpenSetCurve]) -> None:
        self.curves = list(curves)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        X_unknown: Any = None,
        *,
        tasks: Sequence[str] | None = None,
    ) -> Self:
        """Score known and unknown samples.

        Parameters
        ----------
        estimator : OpenSetClassifier or dict of str to OpenSetClassifier
            Fitted, or a Pipeline or search that ends in one. Of several, by name, the
            scores that decide are compared. Of one, there is a curve for this score,
            and where it is made of several also for each of these.
        X : array-like or dataset
            Samples, as the estimator takes them; none that it was trained on.
        y : array-like, DataFrame, Series or SliceDict, default=None
            Labels. Samples without one of a task are left out; those with one that is
            none of its classes are unknown. None takes all for known.
        X_unknown : array-like, or dict of str to array-like, default=None
            Unknown samples, as the estimator takes them, or several sets by name. None
            if there are some in X.
        tasks : sequence of str, default=None
            Which tasks; None takes all that may be unknown.

        Returns
        -------
        OpenSetCurveDisplay
            Not drawn yet.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If there is no such task, or no OpenSetClassifier.
        InvalidDataError
            If there is no known or no unknown sample, or one is not what it must be.
        NotFittedError
            If an estimator is not fitted.

        Warns
        -----
        UserWarning
            If images are skipped, and left out.
        """
        several = isinstance(estimator, Mapping)
        if several and not estimator:
            raise InvalidParameterError(
                f"The 'estimator' parameter of {cls.__name__} must be an "
                "OpenSetClassifier, or a dict of names and such. Got "
                f"{short(estimator)} instead."
            )
        curves = []
        for name, each in (estimator if several else {None: estimator}).items():
            for part in open_set_parts(each, (X, y, X_unknown), tasks, cls.__name__):
                curves += _curves(part, name)
        return cls(curves)

    @classmethod
    def from_predictions(
        cls,
        known: Any,
        unknown: Any,
        *,
        threshold: float | None = None,
        name: str = "score",
        task: str = "",
    ) -> Self:
        """Compare scores that are there already.

        Parameters
        ----------
        known : array-like of shape (n_known,)
            Scores of known samples, such as `score_samples` gives: higher is more
            known. NaN are left out.
        unknown : array-like of shape (n_unknown,), or dict of str to array-like
            Those of unknown samples, or of several sets by name.
        threshold : float, default=None
            Lower scores are rejected, such as `offset_`.
        name : str, default="score"
            What to call the scores.
        task : str, default=""
            What to call the task.

        Returns
        -------
        OpenSetCurveDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError, ValueError
            If there are no such scores, or they have another shape.
        """
        scores, sets = given_scores(known, unknown, cls.__name__)
        return cls(
            [
                open_set_curve((task, of, name), scores, each, threshold)
                for of, each in sets.items()
            ]
        )

    def frame(self) -> Any:
        """Give the numbers of each curve as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each curve, with the columns `task`, `unknown` (the set), `name`,
            `roc_auc`, `average_precision`, `prevalence`, `threshold`, `quantile`, and
            at the threshold `known_rejected`, `unknown_rejected` and `precision`; see
            :class:`OpenSetCurve`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", f"{type(self).__name__}.frame")
        plain = [
            "task",
            "unknown",
            "name",
            "roc_auc",
            "average_precision",
            "prevalence",
        ]
        plain += ["threshold", "quantile"]
        nowhere = (float("nan"),) * 3
        records = [
            [*(getattr(curve, each) for each in plain), *(curve.at or nowhere)]
            for curve in self.curves
        ]
        columns = [*plain, "known_rejected", "unknown_rejected", "precision"]
        return pandas.DataFrame(records, columns=columns)

    def plot(self) -> Self:
        """Draw both curves of each task and set of unknown samples.

        Points are at the thresholds that decide. Dashed is a score that tells nothing.

        Returns
        -------
        OpenSetCurveDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        panels: dict[tuple[str, str], list[OpenSetCurve]] = {}
        for curve in self.curves:
            panels.setdefault((curve.task, curve.unknown), []).append(curve)
        blocks = [[(*key, side) for side in _SIDES] for key in panels]
        with blocks_of_panels(blocks, (_WIDTH, _HEIGHT), type(self).__name__) as (
            self.figure_,
            self.axes_,
        ):
            for key, curves in panels.items():
                _draw_roc(self.axes_[*key, "roc"], curves)
                _draw_precision(self.axes_[*key, "precision_recall"], curves)
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return dict.fromkeys(curve.task for curve in self.curves)


def _curves(part: OpenSetPart, classifier: str | None) -> list[OpenSetCurve]:
    """Compute curves of the scores of a classifier, or of the one that decides."""
    decides, *others = part.known.scores
    found = []
    for name in [decides] if classifier is not None else [decides, *others]:
        where = (part.offset, part.quantile) if name == decides else (None, None)
        called = name if classifier is None else str(classifier)
        known, sets = part.scores_of(name)
        for of, unknown in sets.items():
            names = (part.name, of, called)
            found.append(open_set_curve(names, known, unknown, *where))
    return found


def _draw_roc(ax: Any, curves: Sequence[OpenSetCurve]) -> None:
    ax.plot([0, 1], [0, 1], linestyle="--", color="grey", linewidth=1)
    for curve, style in _styled(curves):
        label = f"{shown(curve.name)}: AUROC {curve.roc_auc:.3f}"
        ax.plot(curve.known_rejected, curve.unknown_rejected, label=label, **style)
    _mark(ax, curves, 0, 1)
    ax.set(
        xlabel="false positive rate: known samples rejected",
        ylabel="true positive rate: unknown samples rejected",
    )
    _finish(ax, curves[0], "lower right")


def _draw_precision(ax: Any, curves: Sequence[OpenSetCurve]) -> None:
    ax.axhline(curves[0].prevalence, linestyle="--", color="grey", linewidth=1)
    for curve, style in _styled(curves):
        label = f"{shown(curve.name)}: AP {curve.average_precision:.3f}"
        steps = {"drawstyle": "steps-post", "label": label}
        ax.plot(curve.recall, curve.precision, **steps, **style)
    _mark(ax, curves, 1, 2)
    ax.set(
        xlabel="recall: unknown samples rejected",
        ylabel="precision: unknown among the rejected",
    )
    _finish(ax, curves[0], "lower left")


def _styled(
    curves: Sequence[OpenSetCurve],
) -> Iterator[tuple[OpenSetCurve, dict[str, Any]]]:
    """Give each curve a colour; those that decide lie on the others."""
    colors = distinct_colors(len(curves), OpenSetCurveDisplay.__name__)
    for curve, color in zip(curves, colors, strict=True):
        decides = curve.at is not None
        yield (
            curve,
            {
                "color": color,
                "linewidth": 2.0 if decides else 1.2,
                "zorder": 2.5 if decides else 2.0,
            },
        )


def _mark(ax: Any, curves: Sequence[OpenSetCurve], across: int, up: int) -> None:
    """Mark where thresholds are, and tell which share of the known they keep."""
    for curve, style in _styled(curves):
        if curve.at is None or np.isnan(curve.at[up]):
            continue
        said = "threshold" if curve.quantile is None else f"quantile {curve.quantile:g}"
        ax.plot(
            curve.at[across],
            curve.at[up],
            "o",
            color=style["color"],
            markeredgecolor=ax.get_facecolor(),
            label=said if len(curves) == 1 else f"{shown(curve.name)}, {said}",
            clip_on=False,
            zorder=3,
        )


def _finish(ax: Any, curve: OpenSetCurve, corner: str) -> None:
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    title = f"{shown(curve.task)}: {shown(curve.unknown)} (positive) against known"
    ax.set_title(title.removeprefix(": "), fontsize="medium")
    ax.legend(fontsize="small", loc=corner)
