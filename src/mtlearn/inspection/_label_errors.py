"""Which labels are missed and invented most often, and in which samples."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from mtlearn._utils._listing import bracketed
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._validation import check_choice, check_integer
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._choice import one_task
from mtlearn.inspection._example_images import example_images
from mtlearn.inspection._label_counts import (
    WHAT,
    LabelErrors,
    Strip,
    What,
    label_errors,
    wrong_cells,
)
from mtlearn.inspection._label_errors_plot import draw_errors
from mtlearn.inspection._label_rows import (
    LabelDisplay,
    LabelRows,
    given_rows,
    rows_of_labels,
)

_N_STRIPS = 3  # labels of which examples are shown, missed ones and invented ones
_N_EXAMPLES = 4  # of each


class LabelErrorsDisplay(LabelDisplay):
    """The labels that are most often missed or invented, with examples.

    Make it with `from_estimator` or `from_predictions`; `errors`, `examples` and
    `frame` give the numbers, and `plot` draws them.

    Parameters
    ----------
    rows : mapping of str to LabelRows
        By task.
    images : mapping of str to mapping of int to ndarray, default=None
        By task and row of X: images in [0, 1], `(height, width)` or
        `(height, width, 3)`. None shows none.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By task: the bars. Set by `plot`.

    See Also
    --------
    ConfusionDisplay : Of classes, one a row.

    Examples
    --------
    >>> from mtlearn.inspection import LabelErrorsDisplay
    >>> y_true = [[1, 0], [1, 1], [0, float("nan")]]
    >>> display = LabelErrorsDisplay.from_predictions(
    ...     y_true, [[0, 1], [0, 1], [0, 1]], labels=["sun", "sea"]
    ... )
    >>> [(each.label, each.missed, each.invented) for each in display.errors()]
    [('sun', 2.0, 0.0), ('sea', 0.0, 1.0)]
    >>> display.examples("sun", "missed")
    [0, 1]
    """

    def __init__(
        self,
        rows: Mapping[str, LabelRows],
        images: Mapping[str, Mapping[int, np.ndarray]] | None = None,
    ) -> None:
        super().__init__(rows)
        self.images = images

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
        """Predict, compare with the true labels, and keep images of the surest errors.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one.
        X : array-like
            Samples, as the estimator takes them; none that it was trained on.
        y : array-like, DataFrame, Series or SliceDict
            True labels, as the estimator takes them; missing cells are left out.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        tasks : sequence of str, default=None
            Which tasks of several labels a row; None takes all.

        Returns
        -------
        LabelErrorsDisplay
            Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If there is no such task, or none at all.
        ParameterTypeError
            If there is no estimator of this package in it.
        NotFittedError
            If it is not fitted.
        """
        found = rows_of_labels(estimator, (X, y, sample_weight), tasks, cls)
        return cls.with_images(estimator, X, found)

    @classmethod
    def with_images(cls, estimator: Any, X: Any, rows: Mapping[str, LabelRows]) -> Self:
        """Take rows that are known, and the images of examples from X.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : array-like
            Samples, as the estimator takes them.
        rows : mapping of str to LabelRows
            By task.

        Returns
        -------
        LabelErrorsDisplay
            Not drawn yet.
        """
        display = cls(rows)
        images: dict[str, Mapping[int, np.ndarray]] = {}
        for name in rows:
            wanted = sorted(
                {row for strip in display.strips(name) for row in strip.rows}
            )
            found = example_images(estimator, X, np.array(wanted, dtype=int))
            if found is None:
                return display
            pairs = zip(wanted, found, strict=True)
            images[name] = {row: image for row, image in pairs if image is not None}
        display.images = images
        return display

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        y_prob: Any = None,
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
        y_prob : array-like of shape (n_samples, n_labels), default=None
            Probabilities, which put examples into order.
        labels : array-like of shape (n_labels,), default=None
            Names; None counts from 0.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_labels)`.
        task : str, default=""
            What to call the task.

        Returns
        -------
        LabelErrorsDisplay
            Not drawn yet.

        Raises
        ------
        InvalidDataError, ValueError
            If they have other shapes or values.
        """
        rows = given_rows(
            y_true,
            y_pred=y_pred,
            y_prob=y_prob,
            labels=labels,
            sample_weight=sample_weight,
        )
        return cls({task: rows})

    def errors(
        self, n: int | None = None, task: str | None = None
    ) -> list[LabelErrors]:
        """Count the errors of each label.

        Parameters
        ----------
        n : int, default=None
            At most so many; None gives all.
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of LabelErrors
            The most errors first.
        """
        found = label_errors(self._rows(task))
        return sorted(found, key=lambda each: -(each.missed + each.invented))[:n]

    def examples(
        self, label: Any, what: What, n: int = _N_EXAMPLES, task: str | None = None
    ) -> list[int]:
        """Give samples in which a label is missed or invented.

        Parameters
        ----------
        label : object
            The label.
        what : {"missed", "invented"}
            Which errors.
        n : int, default=4
            At most so many.
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of int
            Rows of X; where there are probabilities, the surest errors first.
        """
        check_choice(what, "what", "examples", WHAT)
        check_integer(n, "n", "examples", low=0)
        found = self._rows(task)
        labels = found.labels.tolist()
        if label not in labels:
            raise InvalidParameterError(
                "The 'label' parameter of examples must be one of "
                f"{bracketed(labels)}. Got {short(label)} instead."
            )
        place = labels.index(label)
        places = np.flatnonzero(wrong_cells(found, what)[:, place])
        if found.chance is not None:
            sign = 1 if what == "missed" else -1
            chance = sign * found.chance[places, place]
            places = places[np.argsort(chance, kind="stable")]
        rows = places if found.rows is None else found.rows[places]
        return rows[:n].tolist()

    def strips(self, task: str | None = None) -> list[Strip]:
        """Give the labels of which examples are drawn.

        Parameters
        ----------
        task : str, default=None
            Which one; None if there is one only.

        Returns
        -------
        list of Strip
            Of the three labels that are missed most often, and of the three invented.
        """
        name = one_task(self.rows, task)
        found = label_errors(self.rows[name])
        return [
            Strip(what, each, self.examples(each.label, what, task=name))
            for what in WHAT
            for each in sorted(found, key=lambda each: -getattr(each, what))[:_N_STRIPS]
            if getattr(each, what) > 0
        ]

    def frame(self) -> Any:
        """Give the numbers as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each label, the most errors first, with the columns `task`,
            `label`, `missed`, `invented`, `support` and `predicted`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "pandas", "LabelErrorsDisplay.frame")
        return pandas.DataFrame(
            [
                {"task": name, **asdict(each)}
                for name in self.rows
                for each in self.errors(task=name)
            ]
        )

    def plot(self) -> Self:
        """Draw bars for each task, of at most 20 labels, and examples beside them.

        Returns
        -------
        LabelErrorsDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        parts = {
            name: (
                self.errors(task=name),
                [] if self.images is None else self.strips(name),
                {} if self.images is None else self.images[name],
            )
            for name in self.rows
        }
        self.figure_, self.axes_ = draw_errors(parts, type(self).__name__)
        return self
