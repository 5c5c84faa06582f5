"""The scores that tell known from unknown samples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mtlearn._utils._optional import import_optional
from mtlearn.inspection._choice import distinct_colors, shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._open_set import given_scores, open_set_parts
from mtlearn.inspection._panels import panel_for_each

_WIDTH, _HEIGHT = 6.6, 3.4  # inches of a panel
_N_BINS = 40
_MOST_TICKS = 8
_WIDEST = 8  # of the range of the known scores, on an axis that is linear


@dataclass(frozen=True)
class OpenSetScores:
    """The scores of one task, by which samples are kept or rejected.

    Attributes
    ----------
    known : ndarray of shape (n_known,)
        Of known samples; higher is more known.
    unknown : dict of str to ndarray of shape (n_unknown,)
        Of unknown samples, by set.
    threshold : float or None
        Lower scores are rejected.
    quantile : float or None
        Share of known samples that it is to keep.

    Examples
    --------
    >>> from mtlearn.inspection import OpenSetScoreDisplay
    >>> display = OpenSetScoreDisplay.from_predictions(
    ...     [-1.0, -2.0, -3.0, -5.0], [-4.0, -6.0], threshold=-4.5
    ... )
    >>> display.scores[""].known_kept, display.scores[""].unknown_kept
    (0.75, {'unknown': 0.5})
    """

    known: np.ndarray
    unknown: dict[str, np.ndarray]
    threshold: float | None = None
    quantile: float | None = None

    @property
    def known_kept(self) -> float:
        """Share of the known samples that are not rejected."""
        return self._kept(self.known)

    @property
    def unknown_kept(self) -> dict[str, float]:
        """Share of the unknown samples that are not rejected, by set."""
        return {name: self._kept(each) for name, each in self.unknown.items()}

    def _kept(self, scores: np.ndarray) -> float:
        if self.threshold is None:
            return float("nan")
        return float((scores >= self.threshold).mean())


class OpenSetScoreDisplay(Display):
    """Histograms of the scores of known and unknown samples, with the threshold.

    Make it with `from_estimator` or `from_predictions`; `scores` and `frame` give the
    numbers, and `plot` draws them.

    Parameters
    ----------
    scores : mapping of str to OpenSetScores
        By task.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By task, set by `plot`.

    See Also
    --------
    OpenSetCurveDisplay : What other thresholds would tell.
    mtlearn.OpenSetClassifier : Its `score_samples` and `offset_` are shown.

    Examples
    --------
    >>> from mtlearn.inspection import OpenSetScoreDisplay
    >>> display = OpenSetScoreDisplay.from_predictions(
    ...     [-1.0, -2.0, -3.0, -5.0], {"noise": [-6.0, -40.0]}, threshold=-4.5
    ... )
    >>> display.scores[""].unknown_kept
    {'noise': 0.0}
    """

    def __init__(self, scores: Mapping[str, OpenSetScores]) -> None:
        self.scores = scores

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
        estimator : OpenSetClassifier
            Fitted, or a Pipeline or search that ends in one.
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
        OpenSetScoreDisplay
            Not drawn yet. With ``per="row"`` there is one threshold for all tasks.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If there is no such task, or no OpenSetClassifier.
        InvalidDataError
            If there is no known or no unknown sample, or one is not what it must be.
        NotFittedError
            If the estimator is not fitted.

        Warns
        -----
        UserWarning
            If images are skipped, and left out.
        """
        parts = open_set_parts(estimator, (X, y, X_unknown), tasks, cls.__name__)
        scores = {}
        for part in parts:
            own = part.scores_of(next(iter(part.known.scores)))
            scores[part.name] = OpenSetScores(*own, part.offset, part.quantile)
        return cls(scores)

    @classmethod
    def from_predictions(
        cls,
        known: Any,
        unknown: Any,
        *,
        threshold: float | None = None,
        quantile: float | None = None,
        task: str = "",
    ) -> Self:
        """Take scores that are there already.

        Parameters
        ----------
        known : array-like of shape (n_known,)
            Scores of known samples, such as `score_samples` gives: higher is more
            known. NaN are left out.
        unknown : array-like of shape (n_unknown,), or dict of str to array-like
            Those of unknown samples, or of several sets by name.
        threshold : float, default=None
            Lower scores are rejected, such as `offset_`.
        quantile : float, default=None
            Share of known samples that it is to keep.
        task : str, default=""
            What to call the task.

        Returns
        -------
        OpenSetScoreDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError, ValueError
            If there are no such scores, or they have another shape.
        """
        scores, sets = given_scores(known, unknown, cls.__name__)
        return cls({task: OpenSetScores(scores, sets, threshold, quantile)})

    def frame(self) -> Any:
        """Give the scores as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each sample, with the columns `task`, `samples` (``"known"``, or
            the name of the set of unknown ones) and `score`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", f"{type(self).__name__}.frame")
        parts = [
            pandas.DataFrame({"task": task, "samples": name, "score": scores})
            for task, found in self.scores.items()
            for name, scores in _sets(found)
        ]
        return pandas.concat(parts, ignore_index=True)

    def plot(self, ax: Any = None) -> Self:
        """Draw a panel for each task.

        Bars are shares of the known samples, and of each set of unknown ones. Where
        scores reach far beyond those of known samples, the axis is logarithmic further
        out.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the only task; None makes a figure.

        Returns
        -------
        OpenSetScoreDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        InvalidParameterError
            If `ax` is given, and there are several tasks.
        MissingDependencyError
            If matplotlib is not installed.
        """
        with panel_for_each(
            list(self.scores), (_WIDTH, _HEIGHT), type(self).__name__, ax
        ) as (self.figure_, self.axes_):
            for name, panel in self.axes_.items():
                _draw(panel, name, self.scores[name], beside=ax is None)
        return self

    def _shown_tasks(self) -> Iterable[str]:
        return self.scores


def _sets(found: OpenSetScores) -> list[tuple[str, np.ndarray]]:
    return [("known", found.known), *found.unknown.items()]


def _draw(ax: Any, name: str, found: OpenSetScores, beside: bool) -> None:
    """Draw one task, with its legend inside of the panel or beside it."""
    sets, threshold = _sets(found), found.threshold
    whole = [scores for _, scores in sets]
    every = _finite(np.concatenate([*whole, [] if threshold is None else [threshold]]))
    width = _linear_width(_finite(found.known), every)
    if width is not None:
        ax.set_xscale("asinh", linear_width=width)
        ax.set_xticks(_ticks(float(every.min()), float(every.max()), width))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.minorticks_off()
    edges = _edges(every, width)
    colors = distinct_colors(len(sets), OpenSetScoreDisplay.__name__)
    kept = [found.known_kept, *found.unknown_kept.values()]
    for (each, scores), share, color in zip(sets, kept, colors, strict=True):
        ax.hist(
            scores.clip(edges[0], edges[-1]),  # infinite ones are in the last bins
            edges,
            weights=np.full(len(scores), 1 / len(scores)),
            histtype="stepfilled",
            color=color,
            alpha=0.5,
            label=shown(each) + ("" if threshold is None else f": {share:.1%} kept"),
        )
    if threshold is not None:
        _draw_threshold(ax, threshold, found.quantile)
    ax.set(xlabel="score (higher: more like known samples)", ylabel="share of samples")
    ax.set_title(shown(name))
    where = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if beside else {}
    ax.legend(fontsize="small", **where)


def _draw_threshold(ax: Any, threshold: float, quantile: float | None) -> None:
    """Draw where samples are rejected, if any are."""
    said = "" if quantile is None else f" (quantile {quantile:g})"
    if np.isinf(threshold):
        ax.plot([], [], " ", label=f"nothing rejected{said}")
        return
    ink = ax.xaxis.label.get_color()
    label = f"threshold {threshold:.3g}{said}"
    ax.axvline(threshold, color=ink, linestyle="--", linewidth=1.2, label=label)


def _finite(scores: np.ndarray) -> np.ndarray:
    """Leave out infinite scores; there is something to draw all the same."""
    finite = scores[np.isfinite(scores)]
    return finite if len(finite) else np.zeros(1)


def _linear_width(known: np.ndarray, every: np.ndarray) -> float | None:
    """Tell up to where an axis is linear; None if it is so throughout."""
    low, high = np.percentile(known, [1, 99])
    core, whole = high - low, np.ptp(every)
    if whole <= _WIDEST * core or not core > 0:
        return None
    return float(max(abs(low), abs(high)))


def _edges(every: np.ndarray, width: float | None) -> np.ndarray:
    """Give the edges of bins that look equally wide."""
    low, high = float(every.min()), float(every.max())
    if not high > low:
        return np.array([low - 0.5, high + 0.5])
    if width is None:
        return np.linspace(low, high, _N_BINS + 1)
    first, last = np.arcsinh(low / width), np.arcsinh(high / width)
    edges = width * np.sinh(np.linspace(first, last, _N_BINS + 1))
    edges[[0, -1]] = low, high  # a rounded end would lose a sample
    return edges


def _ticks(low: float, high: float, width: float) -> list[float]:
    """Choose round numbers that stand far enough apart on an axis that bends."""
    first = int(np.floor(np.log10(width)))
    last = int(np.ceil(np.log10(max(abs(low), abs(high), width))))
    numbers = [0.0] + [
        sign * digit * 10.0**power
        for digit in (1, 5, 2)
        for power in range(first, last + 1)
        for sign in (-1, 1)
    ]
    apart = (np.arcsinh(high / width) - np.arcsinh(low / width)) / _MOST_TICKS
    chosen: list[float] = []
    for number in numbers:
        place = np.arcsinh(number / width)
        is_free = all(abs(place - np.arcsinh(each / width)) >= apart for each in chosen)
        if low <= number <= high and is_free:
            chosen.append(number)
    return sorted(chosen)
