"""Which labels come together, as they are true and as they are predicted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from mtlearn._utils._optional import import_optional
from mtlearn._utils._validation import check_choice
from mtlearn.inspection._choice import shown
from mtlearn.inspection._label_rows import LabelDisplay, LabelRows, given_rows
from mtlearn.inspection._panels import blocks_of_panels

Of = Literal["true", "predicted"]
_OF: tuple[Of, ...] = get_args(Of)
_CELL, _SMALLEST, _NAMES = 0.22, 4.6, 1.6  # inches: of a cell, a panel, and names
_MOST_LABELS = 30
_MOST_WITH_NUMBERS = 8


@dataclass(frozen=True)
class LabelPair:
    """Two labels, and how often they come together.

    Attributes
    ----------
    label, other : object
        The labels.
    true, predicted : float
        Of the samples with `label`, the share that has `other`, as both are true and as
        both are predicted; NaN where `label` is in no sample.

    Examples
    --------
    >>> from mtlearn.inspection import CooccurrenceDisplay
    >>> display = CooccurrenceDisplay.from_predictions([[1, 1], [1, 0]], [[1, 1]] * 2)
    >>> display.pairs(1)
    [LabelPair(label=0, other=1, true=0.5, predicted=1.0)]
    """

    label: Any
    other: Any
    true: float
    predicted: float


class CooccurrenceDisplay(LabelDisplay):
    """Of the samples with one label, how many have another, true beside predicted.

    Make it with `from_estimator` or `from_predictions`; `shares`, `pairs` and `frame`
    give the numbers, and `plot` draws them. A sample counts for two labels where both
    are known.

    Parameters
    ----------
    rows : mapping of str to LabelRows
        By task.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of tuple to matplotlib Axes
        By task and ``"true"`` or ``"predicted"``, set by `plot`.

    See Also
    --------
    ConfusionDisplay : Of classes, one a row.

    Examples
    --------
    >>> from mtlearn.inspection import CooccurrenceDisplay
    >>> y_true = [[1, 1], [1, 0], [1, float("nan")], [0, 1]]
    >>> y_pred = [[1, 1], [1, 1], [1, 1], [0, 0]]
    >>> display = CooccurrenceDisplay.from_predictions(y_true, y_pred)
    >>> display.shares()
    array([[1. , 0.5],
           [0.5, 1. ]])
    >>> display.shares(of="predicted")
    array([[1., 1.],
           [1., 1.]])
    """

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        task: str = "",
    ) -> Self:
        """Compare true and predicted labels of one task.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, n_labels)
            1 where a label is there, 0 where it is not, NaN where nobody knows.
        y_pred : array-like of shape (n_samples, n_labels)
            1 where a label is predicted, else 0.
        labels : array-like of shape (n_labels,), default=None
            Names; None counts from 0.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_labels)`; of two labels,
            the geometric mean of both.
        task : str, default=""
            What to call the task.

        Returns
        -------
        CooccurrenceDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError, ValueError
            If they have other shapes or values.
        """
        rows = given_rows(
            y_true, y_pred=y_pred, labels=labels, sample_weight=sample_weight
        )
        return cls({task: rows})

    def shares(self, task: str | None = None, *, of: Of = "true") -> np.ndarray:
        """Compute how often labels come together.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.
        of : {"true", "predicted"}, default="true"
            Which labels.

        Returns
        -------
        ndarray of shape (n_labels, n_labels)
            Of the samples with the label of the row, the share with that of the
            column; NaN where there is no such sample.
        """
        check_choice(of, "of", "shares", _OF)
        both, has = counted_together(self._rows(task), of)
        return np.divide(both, has, out=np.full_like(both, np.nan), where=has > 0)

    def pairs(self, n: int = 5, task: str | None = None) -> list[LabelPair]:
        """Give the pairs whose true and predicted shares differ most.

        Parameters
        ----------
        n : int, default=5
            At most so many.
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of LabelPair
            The most different first; none that differ in nothing.
        """
        labels = self._rows(task).labels.tolist()
        true, predicted = (self.shares(task, of=of) for of in _OF)
        gaps = np.nan_to_num(np.abs(predicted - true))
        order = np.argsort(-gaps, axis=None, kind="stable")[:n]
        places = zip(*np.unravel_index(order, gaps.shape), strict=True)
        return [
            LabelPair(labels[i], labels[j], float(true[i, j]), float(predicted[i, j]))
            for i, j in places
            if gaps[i, j] > 0
        ]

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each pair of labels, with the columns `task`, `label`, `other`,
            `true` and `predicted`, as `LabelPair` has them.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "CooccurrenceDisplay.frame")
        records = [
            (name, label, other, true[i, j], predicted[i, j])
            for name, rows in self.rows.items()
            for true, predicted in [[self.shares(name, of=of) for of in _OF]]
            for i, label in enumerate(rows.labels.tolist())
            for j, other in enumerate(rows.labels.tolist())
            if i != j
        ]
        columns = ["task", "label", "other", "true", "predicted"]
        return pandas.DataFrame(records, columns=columns)

    def plot(self) -> Self:
        """Draw two matrices for each task, of true labels and of predicted ones.

        Labels that come together stand beside each other, in the same order in both. Of
        more than 30, the most frequent are drawn. Up to eight have their numbers.

        Returns
        -------
        CooccurrenceDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        orders = {name: label_order(rows) for name, rows in self.rows.items()}
        most = max(map(len, orders.values()))
        side = max(_SMALLEST, _CELL * most + _NAMES)
        blocks = [[(name, of) for of in _OF] for name in self.rows]
        with blocks_of_panels(blocks, (side, side), type(self).__name__) as (
            self.figure_,
            self.axes_,
        ):
            # Around squares, the constrained layout cuts off titles and names.
            self.figure_.set_layout_engine("compressed")
            for name, order in orders.items():
                self._draw(name, order)
        return self

    def _draw(self, name: str, order: np.ndarray) -> None:
        """Draw both matrices of a task, in the same colours."""
        cells = {of: self.shares(name, of=of)[np.ix_(order, order)] for of in _OF}
        for each in cells.values():
            np.fill_diagonal(each, np.nan)
        known = np.concatenate([each[np.isfinite(each)] for each in cells.values()])
        high = known.max(initial=0) or 1.0
        labels = self.rows[name].labels
        names = [shown(label) for label in labels[order].tolist()]
        axes = [self.axes_[name, of] for of in _OF]
        some = f"the {len(order)} most frequent of {len(labels)} labels\n"
        start = some if len(order) < len(labels) else ""
        for of, ax in zip(_OF, axes, strict=True):
            image = _matrix(ax, cells[of], names, high)
            ax.set_title(
                start + f"{shown(name)}: {of}".removeprefix(": "), fontsize="medium"
            )
        axes[0].set_ylabel("of the samples with this label,")
        for ax in axes:
            ax.set_xlabel("the share that has this one")
        axes[1].set_yticks(axes[1].get_yticks(), [])  # the same as of the first
        # Not "{x:.0%}", which matplotlib 3.7 does not know.
        owner = "CooccurrenceDisplay.plot"
        ticker = import_optional("matplotlib.ticker", "plot", owner)
        percent = ticker.PercentFormatter(1.0, decimals=0)
        self.figure_.colorbar(image, ax=axes, shrink=0.7, format=percent)


def counted_together(found: LabelRows, of: Of) -> tuple[np.ndarray, np.ndarray]:
    """Sum up weights for each pair of labels, of samples in which both are known.

    Parameters
    ----------
    found : LabelRows
        Of one task.
    of : {"true", "predicted"}
        Which labels.

    Returns
    -------
    both, has : ndarray of shape (n_labels, n_labels)
        Of the samples with both labels, and of those with the label of the row.
    """
    root = np.sqrt(found.weight)
    there = np.where(found.true if of == "true" else found.predicted, root, 0.0)
    return there.T @ there, there.T @ root


def label_order(found: LabelRows, most: int = _MOST_LABELS) -> np.ndarray:
    """Put labels that come together beside each other.

    Parameters
    ----------
    found : LabelRows
        Of one task.
    most : int, default=30
        Of more labels, so many of the most frequent.

    Returns
    -------
    ndarray of int of shape (n_shown,)
        Places of labels.
    """
    prevalence = np.nan_to_num(found.prevalence)
    chosen = np.argsort(-prevalence, kind="stable")[:most]
    if len(chosen) < 3:
        return chosen
    both, has = counted_together(found, "true")
    both, has = both[np.ix_(chosen, chosen)], has[np.ix_(chosen, chosen)]
    either = has + has.T - both
    jaccard = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    apart = squareform(1 - jaccard, checks=False)
    return chosen[leaves_list(linkage(apart, "average", optimal_ordering=True))]


def _matrix(ax: Any, cells: np.ndarray, names: Sequence[str], high: float) -> Any:
    """Draw one matrix."""
    few = len(names) <= _MOST_WITH_NUMBERS
    image = ax.imshow(cells, cmap="Blues", vmin=0, vmax=high)
    ax.set_facecolor("lightgrey")
    size = ax.xaxis.label.get_fontsize()
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    ax.set_yticks(range(len(names)), names, fontsize=size)
    if few:
        for (i, j), share in np.ndenumerate(cells):
            if np.isfinite(share):
                color = "white" if share > high / 2 else "black"
                text = f"{share:.0%}"
                ax.text(j, i, text, ha="center", va="center", color=color, size=size)
    return image
