"""The samples that are made again worst and best, beside what is made of them."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._optional import import_optional
from mtlearn._utils._unwrap import reach, reach_network
from mtlearn._utils._validation import check_integer
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.inspection._choice import shown
from mtlearn.inspection._display import Display
from mtlearn.metrics import fitted_tasks

_SIDE = 1.1  # inches of a small image
_HISTOGRAM = 3.2  # inches of width
_LINES = ("worst", "worst made", "best", "best made")


class ReconstructionDisplay(Display):
    """Samples with the largest and the smallest reconstruction error.

    Make it with `from_estimator`; `frame` gives the errors, and `plot` draws them, with
    the samples above what the network makes of them.

    Parameters
    ----------
    name : str
        The task.
    errors : ndarray of shape (n_samples,)
        Reconstruction errors; NaN of images that are skipped.
    worst, best : ndarray of int of shape (n_shown,)
        Rows with the largest errors, the largest first, and with the smallest.
    originals, made : ndarray of shape (2 * n_shown, ...)
        Those of `worst`, then those of `best`, on the scale that reaches the network.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By ``"errors"``, and ``"worst 0"``, ``"worst made 0"``, ``"best 0"``,
        ``"best made 0"`` and so on, set by `plot`.

    See Also
    --------
    mtlearn.Reconstruction : The task.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from mtlearn import (
    ...     Classification, MultiTaskImageEstimator, Reconstruction, Tasks
    ... )
    >>> from mtlearn.inspection import ReconstructionDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8) / 16
    >>> tasks = Tasks(digit=Classification(), image=Reconstruction())
    >>> estimator = MultiTaskImageEstimator(tasks, max_epochs=1, random_state=0)
    >>> display = ReconstructionDisplay.from_estimator(estimator.fit(X, y), X)
    >>> display.errors.shape, display.made.shape
    ((1797,), (12, 8, 8, 1))
    """

    def __init__(
        self,
        name: str,
        errors: np.ndarray,
        worst: np.ndarray,
        best: np.ndarray,
        originals: np.ndarray,
        made: np.ndarray,
    ) -> None:
        self.name = name
        self.errors = errors
        self.worst = worst
        self.best = best
        self.originals = originals
        self.made = made

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, task: str | None = None, n_shown: int = 6
    ) -> Self:
        """Compute the errors of all samples, and make some of them again.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one.
        X : array-like or dataset
            Samples, as the estimator takes them.
        task : str, default=None
            The :class:`~mtlearn.Reconstruction`, if there are several.
        n_shown : int, default=6
            So many of the worst and of the best at most.

        Returns
        -------
        ReconstructionDisplay
            Not drawn yet. Of an ensemble, images are as its first network gets them.

        Raises
        ------
        InvalidParameterError
            If there is no such task, or `n_shown` is not what it must be.
        InvalidDataError
            If there is no sample.
        """
        most = check_integer(n_shown, "n_shown", cls.__name__, low=1)
        tasks = fitted_tasks(estimator, cls.__name__)
        inner, own = reach(estimator, X)
        if not hasattr(inner, "reconstruction_error"):
            raise InvalidParameterError(
                f"{cls.__name__} shows a Reconstruction, and none of the tasks "
                f"{list(tasks.names)} is one."
            )
        name = inner._whose_reconstruction(task)
        errors = inner.reconstruction_error(own, name)
        known = np.flatnonzero(np.isfinite(errors))
        if not len(known):
            raise InvalidDataError(f"{cls.__name__} needs a sample that can be read.")
        order = known[np.argsort(errors[known], kind="stable")]
        n_best = min(most, (len(order) + 1) // 2)
        n_worst = min(most, len(order) - n_best)
        best, worst = order[:n_best], order[::-1][:n_worst]
        rows = np.concatenate([worst, best])
        network, some = reach_network(estimator, take_rows(X, rows))
        originals = network._check_X(some, reset=False)[np.arange(len(rows))]
        made = inner.reconstruct(take_rows(own, rows), name)
        return cls(name, errors, worst, best, originals, made.reshape(originals.shape))

    def frame(self) -> Any:
        """Give the errors as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            With the column `error`, by `row` of X.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", f"{type(self).__name__}.frame")
        index = pandas.RangeIndex(len(self.errors), name="row")
        return pandas.DataFrame({"error": self.errors}, index=index)

    def plot(self) -> Self:
        """Draw the errors of all samples, and some samples above what is made of them.

        Returns
        -------
        ReconstructionDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        pyplot = import_optional(
            "matplotlib.pyplot", "plot", f"{type(self).__name__}.plot"
        )
        columns = max(len(self.worst), len(self.best))
        grid = [["errors", *self._cells(line, columns)] for line in _LINES]
        self.figure_, self.axes_ = pyplot.subplot_mosaic(
            grid,
            width_ratios=[_HISTOGRAM, *[_SIDE] * columns],
            figsize=(_HISTOGRAM + _SIDE * columns, 4 * _SIDE + 0.8),
            layout="constrained",
        )
        self._draw_errors(self.axes_["errors"])
        images = (self.originals, self.made)
        for start, rows, side in (
            (0, self.worst, "worst"),
            (len(self.worst), self.best, "best"),
        ):
            for place, row in enumerate(rows):
                pair = [each[start + place] for each in images]
                axes = [self.axes_[f"{side}{what} {place}"] for what in ("", " made")]
                _draw_pair(axes, pair)
                title = f"row {row}\n{self.errors[row]:.3g}"
                axes[0].set_title(title, fontsize="small")
        return self

    def _cells(self, line: str, n_columns: int) -> list[str]:
        """Name the places of a line of the figure; those that stay empty are dots."""
        n_rows = len(self.worst if line.startswith("worst") else self.best)
        empty = ["."] * (n_columns - n_rows)
        return [*(f"{line} {place}" for place in range(n_rows)), *empty]

    def _draw_errors(self, ax: Any) -> None:
        known = self.errors[np.isfinite(self.errors)]
        ax.hist(known, bins="auto" if np.ptp(known) > 0 else 1)
        ax.axvline(np.median(known), color=ax.xaxis.label.get_color(), linestyle="--")
        ax.set(xlabel="reconstruction error", ylabel="samples")
        ax.set_title(f"{shown(self.name)}: median {np.median(known):.3g}")

    def _shown_tasks(self) -> Iterable[str]:
        return [self.name]


def _draw_pair(axes: list[Any], pair: list[np.ndarray]) -> None:
    """Draw a sample and what is made of it, in the same colours."""
    low, high = float(pair[0].min()), float(pair[0].max())
    high = high if high > low else low + 1
    for ax, values in zip(axes, pair, strict=True):
        if values.ndim == 3:
            _draw_image(ax, (values - low) / (high - low))
        else:
            ax.plot(values, drawstyle="steps-mid", linewidth=0.8)
            ax.set(ylim=(low, high), xticks=[], yticks=[])


def _draw_image(ax: Any, image: np.ndarray) -> None:
    pixels = image.clip(0, 1)
    pixels = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels.mean(axis=-1)
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
