"""The shared features in two dimensions, coloured by each task."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_consistent_length, check_random_state

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._listing import bracketed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import reach, unwrap
from mtlearn._utils._validation import check_choice, check_integer
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.inspection._choice import chosen_tasks, distinct_colors, shown
from mtlearn.inspection._clones import naming_rows_of
from mtlearn.inspection._display import Display
from mtlearn.inspection._open_set import UNKNOWN, labels_and_unknown, naming_set
from mtlearn.inspection._panels import panel_for_each
from mtlearn.metrics import fitted_tasks, unknown_sets
from mtlearn.tasks import has_output

_WIDTH, _HEIGHT = 4.6, 3.6  # inches of a panel
# So many colours are easily told apart. Of more classes, each has its name among its
# points.
_MOST_IN_LEGEND = 10
_PERPLEXITY = 30.0  # scikit-learn's default, too much for few rows
_POINTS = {"s": 8, "linewidths": 0}
_MARKERS = "x+12"  # of sets of unknown samples


class EmbeddingDisplay(Display):
    """The features that tasks share, in two dimensions.

    Make it with `from_estimator`; `frame` gives the numbers, and `plot` draws them.

    Parameters
    ----------
    coordinates : ndarray of shape (n_points, 2)
        Where each sample lies.
    labels : mapping of str to ndarray of shape (n_points,)
        By task: classes as objects, None where one is missing; or real values as
        floats, NaN where one is missing.
    rows : ndarray of shape (n_points,)
        Which rows of X they are.
    method : str
        What the coordinates are called.
    unknown : ndarray of object of shape (n_points,), default=None
        The set of unknown samples that each is of, in which it has its row; None of
        those in X, and for all.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By task, set by `plot`.

    References
    ----------
    .. [1] L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE", Journal of
       Machine Learning Research 9, 2008.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import EmbeddingDisplay
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0).fit(X, y)
    >>> display = EmbeddingDisplay.from_estimator(
    ...     estimator, X, y, method="pca", max_samples=500, random_state=0
    ... )
    >>> display.coordinates.shape
    (500, 2)
    """

    def __init__(
        self,
        coordinates: np.ndarray,
        labels: Mapping[str, np.ndarray],
        rows: np.ndarray,
        method: str,
        unknown: np.ndarray | None = None,
    ) -> None:
        self.coordinates = coordinates
        self.labels = labels
        self.rows = rows
        self.method = method
        self.unknown = np.full(len(rows), None) if unknown is None else unknown

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        method: Any = "tsne",
        tasks: Sequence[str] | None = None,
        features_of: str | None = None,
        max_samples: int = 2000,
        random_state: Any = None,
        X_unknown: Any = None,
    ) -> Self:
        """Compute the shared features of samples, and two numbers from them.

        Parameters
        ----------
        estimator : estimator
            Fitted: one with `embed`, or a `TemperatureScaled`, Pipeline or search
            around one. An ensemble has no shared features; its members have.
        X : array-like or dataset
            Samples, as the estimator takes them.
        y : array-like, DataFrame, Series or SliceDict
            Labels, as the estimator takes them, some of them missing. Of an
            OpenSetClassifier, samples with one that is no class are unknown.
        method : {"tsne", "pca"} or transformer, default="tsne"
            How to get from the features to two numbers. ``"tsne"`` is scikit-learn's
            :class:`~sklearn.manifold.TSNE`, with a perplexity of 30, or a third of the
            other rows if these are fewer than 90; ``"pca"`` its
            :class:`~sklearn.decomposition.PCA`. An object with `fit_transform`, such as
            ``TSNE(perplexity=10)``, is cloned.
        tasks : sequence of str, default=None
            By which tasks to colour; None takes all that have one label a row.
        features_of : str, default=None
            The task whose features to show, where the backbone makes some for each.
        max_samples : int, default=2000
            Of more rows, so many are drawn at random, of X and of each unknown set.
        random_state : None, int or RandomState, default=None
            Which rows are drawn, and where ``"tsne"`` and ``"pca"`` begin.
        X_unknown : array-like, or dict of str to array-like, default=None
            Samples of no class, or several sets of them, which are marked.

        Returns
        -------
        EmbeddingDisplay
            Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If there is no such task or method, each task has features and none of
            `features_of` is given, or `max_samples` is below 2.
        ParameterTypeError
            If there is no estimator of this package in it, if it is an ensemble, or if
            a parameter has another type.
        InvalidDataError, DataTypeError
            If X or y is not what it must be, or has fewer than two rows, or features.
        NotFittedError
            If it is not fitted.
        """
        known = fitted_tasks(estimator, cls.__name__)
        chosen = chosen_tasks(estimator, tasks, cls.__name__)
        _check_method(method, cls.__name__)
        most = check_integer(max_samples, "max_samples", cls.__name__, low=2)
        targets, apart = labels_and_unknown(unwrap(estimator), y, chosen)
        check_consistent_length(X, targets[chosen[0]].values)
        random = check_random_state(random_state)
        sets = unknown_sets(X_unknown, cls.__name__)
        found = [_found(estimator, X, features_of, most, random, cls.__name__)]
        for name, each in sets.items():
            with naming_set(name):
                found.append(
                    _found(estimator, each, features_of, most, random, cls.__name__)
                )
        rows, features = (np.concatenate(each) for each in zip(*found, strict=True))
        if min(features.shape) < 2:
            raise InvalidDataError(
                f"{cls.__name__} needs two rows or more, and two shared features or "
                f"more. Got {features.shape[0]} rows and {features.shape[1]} features."
            )
        coordinates = _reducer(method, len(rows), random).fit_transform(features)
        if np.shape(coordinates) != (len(rows), 2):
            raise InvalidDataError(
                f"The 'method' parameter of {cls.__name__} must give two numbers for "
                f"each row: set n_components=2. {method!r} gave an array of shape "
                f"{np.shape(coordinates)} for {len(rows)} rows."
            )
        own, *counts = [len(each) for each, _ in found]
        labels = {
            name: _padded(
                known[name].coloured_by(
                    targets[name].values[rows[:own]], targets[name].present[rows[:own]]
                ),
                sum(counts),
            )
            for name in chosen
        }
        unknown = np.repeat(np.array([None, *sets], object), [own, *counts])
        unknown[:own][apart[rows[:own]]] = UNKNOWN
        called = method if isinstance(method, str) else type(method).__name__.lower()
        return cls(np.asarray(coordinates), labels, rows, called, unknown)

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each sample, with its row in X as index, called `row`; two columns
            of coordinates, such as `tsne0` and `tsne1`, one for each task, and
            `unknown` if some are so.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "EmbeddingDisplay.frame")
        columns = {
            f"{self.method}{number}": values
            for number, values in enumerate(self.coordinates.T)
        }
        more = {"unknown": self.unknown} if _is_there(self.unknown).any() else {}
        index = pandas.Index(self.rows, name="row")
        return pandas.DataFrame({**columns, **self.labels, **more}, index=index)

    def plot(self) -> Self:
        """Draw a panel for each task: the same points, coloured by its labels.

        Up to ten classes are in a legend; of more, each has its name at the median of
        its points. Real values have a colour bar. Samples without a label are grey, and
        unknown ones are crosses.

        Returns
        -------
        EmbeddingDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        with panel_for_each(
            list(self.labels), (_WIDTH, _HEIGHT), type(self).__name__
        ) as (self.figure_, self.axes_):
            for name, ax in self.axes_.items():
                self._draw(ax, name)
        return self

    def _draw(self, ax: Any, name: str) -> None:
        labels, places = self.labels[name], self.coordinates
        real = labels.dtype != object
        known = np.isfinite(labels) if real else _is_there(labels)
        without = ~known & ~_is_there(self.unknown)
        ax.scatter(*places[without].T, color="lightgrey", **_POINTS)
        missing = f" ({without.sum()} without a label)" if without.any() else ""
        ax.set(xticks=[], yticks=[], title=f"{shown(name)}{missing}")
        ax.set(xlabel=f"{self.method}0", ylabel=f"{self.method}1")
        if known.any():
            draw = _draw_values if real else _draw_classes
            draw(ax, places[known], labels[known])
        _draw_unknown(ax, places, self.unknown)
        if ax.get_legend_handles_labels()[0]:
            beside = {} if real else {"loc": "upper left", "bbox_to_anchor": (1, 1)}
            ax.legend(fontsize="small", markerscale=2, **beside)

    def _shown_tasks(self) -> Iterable[str]:
        return self.labels


def _is_there(values: np.ndarray) -> np.ndarray:
    """Tell which objects are not None."""
    return np.array([each is not None for each in values], bool)


def _found(
    estimator: Any,
    X: Any,
    whose: str | None,
    most: int,
    random: np.random.RandomState,
    owner: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Give the rows that are looked at, and their features."""
    rows, some = np.arange(X.shape[0] if hasattr(X, "shape") else len(X)), X
    if len(rows) > most:
        rows = np.sort(random.choice(rows, most, replace=False))
        some = take_rows(X, rows)
    with naming_rows_of(estimator, X):
        inner, own = _reach_features(estimator, some, owner)
        features = _features(inner, own, whose, owner)
    there = has_output(features)  # all but images that are skipped
    return rows[there], features[there]


def _padded(labels: np.ndarray, n_more: int) -> np.ndarray:
    """Add so many missing labels."""
    missing = np.full(n_more, None if labels.dtype == object else np.nan, labels.dtype)
    return np.concatenate([labels, missing])


def _check_method(method: Any, owner: str) -> None:
    """Raise if it is neither a name nor a transformer."""
    if isinstance(method, str):
        check_choice(method, "method", owner, ("tsne", "pca"))
    elif isinstance(method, type) or not hasattr(method, "fit_transform"):
        raise ParameterTypeError(
            f"The 'method' parameter of {owner} must be 'tsne', 'pca' or an object "
            "with fit_transform, such as TSNE(perplexity=10). "
            f"Got {short(method)} instead."
        )


def _reducer(method: Any, n_rows: int, random: np.random.RandomState) -> Any:
    """Make what computes two numbers from the features."""
    # Imported on use: these two would take half of the time of `import mtlearn`.
    if method == "pca":
        from sklearn.decomposition import PCA

        return PCA(2, random_state=random)
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(_PERPLEXITY, (n_rows - 1) / 3)
        return TSNE(2, perplexity=perplexity, random_state=random)
    return clone(method)


def _reach_features(estimator: Any, X: Any, owner: str) -> tuple[Any, Any]:
    """Find what has `embed`, and X as it gets there."""
    inner, X = reach(estimator, X)
    while not hasattr(inner, "embed") and hasattr(inner, "estimator_"):
        inner, X = reach(inner.estimator_, X)
    if not hasattr(inner, "embed"):
        raise ParameterTypeError(
            f"The 'estimator' parameter of {owner} must have features that its tasks "
            f"share. Each member of a {type(inner).__name__} has its own: pass one of "
            "them, such as estimators_[0]."
        )
    return inner, X


def _features(inner: Any, X: Any, whose: str | None, owner: str) -> np.ndarray:
    """Compute the features that all tasks share, or those of one."""
    needed = whose is None and inner.net_.module_.per_task
    if needed or (whose is not None and whose not in inner.tasks_.names):
        why = ": each has features of its own" if needed else ""
        raise InvalidParameterError(
            f"The 'features_of' parameter of {owner} must be the name of a task, of "
            f"which there are {bracketed(inner.tasks_.names)}{why}. Got {short(whose)} "
            "instead."
        )
    return inner.embed(X, whose).astype(np.float64)


def _draw_values(ax: Any, coordinates: np.ndarray, values: np.ndarray) -> None:
    points = ax.scatter(*coordinates.T, c=values, cmap="viridis", **_POINTS)
    ax.figure.colorbar(points, ax=ax)


def _draw_classes(ax: Any, coordinates: np.ndarray, labels: np.ndarray) -> None:
    # Classes of one task have one type, but those that it does not know may not.
    known = sorted(set(labels.tolist()), key=lambda each: (str(type(each)), each))
    few = len(known) <= _MOST_IN_LEGEND
    colors = distinct_colors(len(known), EmbeddingDisplay.__name__)
    for label, color in zip(known, colors, strict=True):
        points = coordinates[labels == label]
        named = {"label": shown(label)} if few else {}
        ax.scatter(*points.T, color=color, **named, **_POINTS)
        if not few:
            ax.text(
                *np.median(points, axis=0),
                shown(label),
                fontsize="x-small",
                ha="center",
                va="center",
                bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.8},
            )


def _draw_unknown(ax: Any, coordinates: np.ndarray, unknown: np.ndarray) -> None:
    """Draw unknown samples over the others, each set with a mark of its own."""
    ink = ax.xaxis.label.get_color()
    names = dict.fromkeys(unknown[_is_there(unknown)].tolist())
    for name, marker in zip(names, cycle(_MARKERS), strict=False):
        points = coordinates[unknown == name]
        ax.scatter(
            *points.T, s=16, linewidths=0.8, color=ink, marker=marker, label=shown(name)
        )
