"""How precise a label is predicted, by how many of its samples are found."""

from collections.abc import Mapping
from typing import Any, Self

from mtlearn._utils._listing import listed
from mtlearn._utils._optional import import_optional
from mtlearn.inspection._choice import distinct_colors, one_task, shown
from mtlearn.inspection._label_curves import (
    LabelCurves,
    PrecisionRecallCurve,
    label_curves,
)
from mtlearn.inspection._label_rows import LabelDisplay, LabelRows, given_rows
from mtlearn.inspection._panels import panel_for_each

_WIDTH, _HEIGHT = 6.6, 4.2  # inches of a panel
_MOST_COLOURED = 8  # labels; of more, none is told from the others
_MOST_LINES = 60
_MOST_NAMED = 2


class PrecisionRecallDisplay(LabelDisplay):
    """Precision against recall of each label, and of all of them.

    Make it with `from_estimator` or `from_predictions`; `curves` and `frame` give the
    numbers, and `plot` draws them.

    Parameters
    ----------
    rows : mapping of str to LabelRows
        By task, with chances.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By task, set by `plot`.

    See Also
    --------
    LabelwiseDisplay : F1 where labels are decided.
    sklearn.metrics.PrecisionRecallDisplay : Of one label, or two classes.

    Examples
    --------
    >>> from mtlearn.inspection import PrecisionRecallDisplay
    >>> y_true = [[1, 0], [0, 1], [1, float("nan")], [0, 0]]
    >>> y_prob = [[0.9, 0.3], [0.2, 0.4], [0.6, 0.1], [0.7, 0.2]]
    >>> display = PrecisionRecallDisplay.from_predictions(
    ...     y_true, y_prob, labels=["sun", "sea"]
    ... )
    >>> found = display.curves()
    >>> [round(curve.average_precision, 3) for curve in found.each]
    [0.833, 1.0]
    >>> round(found.macro.average_precision, 3)
    0.917
    """

    def __init__(self, rows: Mapping[str, LabelRows]) -> None:
        super().__init__(rows)
        self._curves: dict[str, LabelCurves] = {}

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
        """Compare labels and probabilities of one task.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, n_labels)
            1 where a label is there, 0 where it is not, NaN where nobody knows.
        y_prob : array-like of shape (n_samples, n_labels)
            Probabilities of the labels, or other scores.
        labels : array-like of shape (n_labels,), default=None
            Names; None counts from 0.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_labels)`.
        task : str, default=""
            What to call the task.

        Returns
        -------
        PrecisionRecallDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError, ValueError
            If they have other shapes or values.
        """
        rows = given_rows(
            y_true, y_prob=y_prob, labels=labels, sample_weight=sample_weight
        )
        return cls({task: rows})

    def curves(self, task: str | None = None) -> LabelCurves:
        """Compute the curves.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        LabelCurves
            Of each label that is there at all, their macro mean, and all cells
            together.
        """
        name = one_task(self.rows, task)
        if name not in self._curves:
            self._curves[name] = label_curves(self.rows[name])
        return self._curves[name]

    def frame(self) -> Any:
        """Give the numbers of each label as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each label that is there at all, with the columns `task`, `label`,
            `prevalence` and `average_precision`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "PrecisionRecallDisplay.frame")
        records = [
            (name, curve.label, curve.prevalence, curve.average_precision)
            for name in self.rows
            for curve in self.curves(name).each
        ]
        columns = ["task", "label", "prevalence", "average_precision"]
        return pandas.DataFrame(records, columns=columns)

    def plot(self, ax: Any = None) -> Self:
        """Draw a panel for each task.

        The macro mean and all cells together are bold. Up to eight labels have colours
        and their average precision in the legend; of more than 60, the most and the
        least frequent 30 are drawn.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the only task; None makes a figure.

        Returns
        -------
        PrecisionRecallDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        InvalidParameterError
            If `ax` is given, and there are several tasks.
        MissingDependencyError
            If matplotlib is not installed.
        """
        with panel_for_each(
            list(self.rows), (_WIDTH, _HEIGHT), type(self).__name__, ax
        ) as (self.figure_, self.axes_):
            for name, panel in self.axes_.items():
                _draw(panel, name, self.curves(name), beside=ax is None)
        return self


def _draw(ax: Any, name: str, found: LabelCurves, beside: bool) -> None:
    """Draw one task, with its legend inside of the panel or beside it."""
    lines = sorted(found.each, key=lambda curve: -curve.prevalence)
    n_labels = len(lines)
    if n_labels > _MOST_LINES:
        lines = lines[: _MOST_LINES // 2] + lines[-(_MOST_LINES // 2) :]
    coloured = n_labels <= _MOST_COLOURED
    ink = ax.xaxis.label.get_color()  # dark or light, as the user's style is
    colors = distinct_colors(n_labels, PrecisionRecallDisplay.__name__)
    faint = {"linewidth": 1.0, "alpha": 0.8 if coloured else 0.35}
    for place, curve in enumerate(lines):
        color = colors[place] if coloured else "grey"
        label = _said(shown(curve.label), curve) if coloured else None
        if not coloured and place == 0:
            which = "most and least frequent " * (n_labels > len(lines))
            label = f"{which}{len(lines)} labels"
        _line(ax, curve, color=color, label=label, **faint)
    for bold, style in ((found.macro, "-"), (found.micro, "--")):
        if bold is not None:
            _line(
                ax,
                bold,
                color=ink,
                linewidth=2.2,
                linestyle=style,
                label=_said(bold.label, bold),
            )
    ax.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(0, 1.03))
    ax.set_title(_title(name, found), fontsize="medium")
    if lines:
        where = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if beside else {}
        ax.legend(fontsize="small", **where)


def _line(ax: Any, curve: PrecisionRecallCurve, **style: Any) -> None:
    ax.plot(curve.recall, curve.precision, drawstyle="steps-post", **style)


def _said(name: str, curve: PrecisionRecallCurve) -> str:
    return f"{name} (AP {curve.average_precision:.2f})"


def _title(name: str, found: LabelCurves) -> str:
    """Name the task, and labels that have no curve."""
    title = f"{shown(name)}: {len(found.each)} labels".removeprefix(": ")
    if not found.left_out:
        return title
    names = listed(map(shown, found.left_out), _MOST_NAMED)
    return f"{title}\nwithout a positive: {names}"
