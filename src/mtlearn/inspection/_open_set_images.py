"""Unknown samples that are accepted, and known ones that are rejected, as images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Self

import numpy as np

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._listing import listed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._unwrap import reach
from mtlearn._utils._validation import check_integer
from mtlearn._utils._written import written
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._choice import one_task, shown
from mtlearn.inspection._display import Display
from mtlearn.inspection._example_images import example_images
from mtlearn.inspection._open_set import (
    IN_X,
    UNKNOWN,
    OpenSetPart,
    ScoredSamples,
    open_set_parts,
)
from mtlearn.metrics import find_open_set

_WIDTH, _LINE = 1.3, 0.17  # inches of an image, and of a line of its caption
_LONGEST = 19  # letters of a line
_HEAD = 0.45  # inches of a title
_FEWEST_BESIDE, _MOST_BESIDE = 4, 6  # for a title, and on a page
_SIDES = ("accepted", "rejected")


@dataclass(frozen=True)
class OpenSetCase:
    """A sample on the wrong side of the threshold.

    Attributes
    ----------
    samples : str
        The set of unknown samples, or ``"X"``.
    row : int
        Its row in these.
    score : float
        Higher is more known.
    predicted, true : str
        The likeliest known class, and that in y; empty of unknown samples, and without
        y. Of several tasks, one of each.
    image : ndarray of shape (height, width) or (height, width, 3), or None
        In [0, 1]; None of samples that are not shown.

    Examples
    --------
    >>> from mtlearn.inspection import OpenSetCase
    >>> OpenSetCase("X", 7, -3.2, predicted="1", true="4").true
    '4'
    """

    samples: str
    row: int
    score: float
    predicted: str
    true: str = ""
    image: np.ndarray | None = None


class OpenSetImagesDisplay(Display):
    """Unknown samples that are accepted, and known ones that are rejected.

    Make it with `from_estimator`; `frame` lists all of them, and `plot` draws those
    that are furthest on the wrong side.

    Parameters
    ----------
    name : str
        The task.
    accepted, rejected : list of OpenSetCase
        Unknown samples, the highest score first, and known ones, the lowest first.
    n_unknown, n_known : int
        Of how many samples.
    n_shown : int, default=12
        So many of each side have an image at least.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By ``"accepted 0"``, ``"rejected 0"`` and so on, set by `plot`.

    See Also
    --------
    OpenSetScoreDisplay : Of all samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from mtlearn import (
    ...     Classification, MultiTaskImageEstimator, OpenSetClassifier
    ... )
    >>> from mtlearn.inspection import OpenSetImagesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> X, known = X.reshape(-1, 8, 8) / 16, y < 8
    >>> estimator = MultiTaskImageEstimator(
    ...     Classification(), max_epochs=1, random_state=0
    ... )
    >>> classifier = OpenSetClassifier(estimator, quantile=0.9, random_state=0)
    >>> display = OpenSetImagesDisplay.from_estimator(
    ...     classifier.fit(X[known], y[known]), X[known], y[known], X[~known]
    ... )
    >>> display.n_known, display.n_unknown
    (1443, 354)
    >>> scores = [case.score for case in display.rejected]
    >>> scores == sorted(scores)
    True
    """

    def __init__(
        self,
        name: str,
        accepted: Sequence[OpenSetCase],
        rejected: Sequence[OpenSetCase],
        n_unknown: int,
        n_known: int,
        n_shown: int = 12,
    ) -> None:
        self.name = name
        self.accepted = list(accepted)
        self.rejected = list(rejected)
        self.n_unknown = n_unknown
        self.n_known = n_known
        self.n_shown = n_shown

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        X_unknown: Any = None,
        *,
        task: str | None = None,
        n_shown: int = 12,
    ) -> Self:
        """Score known and unknown images, and predict those that are wrong.

        Parameters
        ----------
        estimator : OpenSetClassifier
            Fitted, of images, or a Pipeline or search that ends in one.
        X : array-like or dataset
            Images, as the estimator takes them; none that it was trained on.
        y : array-like, DataFrame, Series or SliceDict, default=None
            Labels. Images without one of the task are left out; those with one that is
            none of its classes are unknown. None takes all for known.
        X_unknown : array-like, or dict of str to array-like, default=None
            Unknown images, as the estimator takes them, or several sets by name. None
            if there are some in X.
        task : str, default=None
            The task, if several may be unknown by thresholds of their own.
        n_shown : int, default=12
            So many of each side at most.

        Returns
        -------
        OpenSetImagesDisplay
            Not drawn yet.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If there is no such task, or no OpenSetClassifier, or samples are rows of a
            table.
        InvalidDataError
            If there is no known or no unknown sample, or one is not what it must be.
        NotFittedError
            If the estimator is not fitted.

        Warns
        -----
        UserWarning
            If images are skipped, and left out.
        """
        most = check_integer(n_shown, "n_shown", cls.__name__, low=1)
        inner = find_open_set(estimator, cls.__name__)
        if task is None and len(inner._groups()) > 1:
            one_task(inner.detectors_, task)
        wanted = None if task is None else [task]
        (part,) = open_set_parts(estimator, (X, y, X_unknown), wanted, cls.__name__)
        if example_images(estimator, X, part.known.rows[:1]) is None:
            raise InvalidParameterError(
                f"{cls.__name__} shows images, and the samples are rows of a table. "
                "OpenSetScoreDisplay shows their scores."
            )
        unknown = list(chain(*part.unknown.values()))
        accepted = [_wrong(estimator, part, each, most) for each in unknown]
        return cls(
            part.name,
            sorted(chain(*accepted), key=lambda case: -case.score),
            _wrong(estimator, part, part.known, most),
            sum(map(len, unknown)),
            len(part.known),
            most,
        )

    def frame(self) -> Any:
        """List all samples on the wrong side as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each, with the columns `side` (``"accepted"`` or ``"rejected"``),
            `samples`, `row`, `score`, `predicted` and `true`; see :class:`OpenSetCase`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", f"{type(self).__name__}.frame")
        columns = ["samples", "row", "score", "predicted", "true"]
        records = [
            [side, *(getattr(case, column) for column in columns)]
            for side in _SIDES
            for case in getattr(self, side)
        ]
        return pandas.DataFrame(records, columns=["side", *columns])

    def plot(self) -> Self:
        """Draw accepted unknown images above rejected known ones, the worst first.

        Captions have the row, what is predicted, and the score.

        Returns
        -------
        OpenSetImagesDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        pyplot = import_optional(
            "matplotlib.pyplot", "plot", f"{type(self).__name__}.plot"
        )
        sides = {side: self._shown(side) for side in _SIDES}
        beside = min(_MOST_BESIDE, max(_FEWEST_BESIDE, *map(len, sides.values())))
        lines = [-(-len(each) // beside) for each in sides.values()]
        said = [len(_caption(case)) for case in chain(*sides.values())]
        height = _WIDTH + _LINE * max(said, default=0)
        heights = [_HEAD + height * each for each in lines]
        self.figure_ = pyplot.figure(
            figsize=(_WIDTH * beside, sum(heights)), layout="constrained"
        )
        parts = self.figure_.subfigures(len(sides), height_ratios=heights)
        self.axes_: dict[str, Any] = {}
        for figure, n_lines, (side, cases) in zip(
            parts, lines, sides.items(), strict=True
        ):
            figure.suptitle(self._title(side), fontsize="medium")
            if not cases:
                continue
            grid = figure.subplots(n_lines, beside, squeeze=False)
            for place, ax in enumerate(grid.flat):
                ax.set_axis_off()
                if place < len(cases):
                    self.axes_[f"{side} {place}"] = ax
                    _draw(ax, cases[place])
        return self

    def _shown(self, side: str) -> list[OpenSetCase]:
        first = getattr(self, side)[: self.n_shown]
        return [case for case in first if case.image is not None]

    def _title(self, side: str) -> str:
        count = len(getattr(self, side))
        kind, of = (
            ("unknown", self.n_unknown)
            if side == "accepted"
            else ("known", self.n_known)
        )
        return f"{shown(self.name)}: {count:,} of {of:,} {kind} images {side}"

    def _shown_tasks(self) -> Iterable[str]:
        return [self.name]


def _wrong(
    estimator: Any, part: OpenSetPart, samples: ScoredSamples, most: int
) -> list[OpenSetCase]:
    """Give the samples of one set on the wrong side, and images of the first ones."""
    is_known = samples is part.known
    rejected = samples.own < part.offset
    places = np.flatnonzero(rejected if is_known else ~rejected)
    if not len(places):
        return []
    scores = samples.own[places] if is_known else -samples.own[places]
    places = places[np.argsort(scores, kind="stable")]
    rows = samples.rows[places]
    predicted = _predicted(estimator, part, take_rows(samples.X, rows))
    images = example_images(estimator, samples.X, rows[:most]) or []
    targets = part.targets if is_known else ()
    return [
        OpenSetCase(
            samples.name,
            int(row),
            float(score),
            words,
            listed(_label(target, row) for target in targets),
            image,
        )
        for row, score, words, image in zip_longest(
            rows, samples.own[places], predicted, images
        )
    ]


def _predicted(estimator: Any, part: OpenSetPart, X: Any) -> list[str]:
    """Predict the known classes of some samples."""
    inner, own = reach(estimator, X)
    names = inner.tasks_.labelled.names
    labels = dict(zip(names, inner._outputs(own, decode=True), strict=True))
    columns = [labels[name].tolist() for name in part.tasks]
    return [listed(map(written, each)) for each in zip(*columns, strict=True)]


def _label(target: Any, row: int) -> str:
    return written(target.values[row]) if target.present[row] else "-"


def _caption(case: OpenSetCase) -> list[str]:
    """Say in lines what a sample is, none wider than an image."""
    lines = [f"row {case.row}"]
    if case.samples not in (IN_X, UNKNOWN):
        lines.insert(0, _cut(case.samples))
    predicted = f"as {_cut(case.predicted)}"
    if not case.true:
        lines.append(predicted)
    elif len(f"{case.true} {predicted}") <= _LONGEST:
        lines.append(f"{case.true} {predicted}")
    else:
        lines += [_cut(case.true), predicted]
    return [*map(shown, lines), f"{case.score:.3g}"]


def _cut(name: str) -> str:
    longest = _LONGEST - len("as ")
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _draw(ax: Any, case: OpenSetCase) -> None:
    ax.imshow(case.image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title("\n".join(_caption(case)), fontsize="small")
