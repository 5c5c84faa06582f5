"""What of y a kind reads, and how its predictions are laid out there."""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._read import RawColumn


class Strata(NamedTuple):
    """What a split spreads evenly.

    Attributes
    ----------
    values : ndarray of shape (n_samples,)
        Classes, or real values that are cut into bins.
    present : ndarray of bool of shape (n_samples,)
        False where there is none.
    are_classes : bool
        Which of the two they are.
    """

    values: np.ndarray
    present: np.ndarray
    are_classes: bool


class PresentLabels(NamedTuple):
    """Which labels rows have, one entry for each that a row has.

    Attributes
    ----------
    rows, labels : ndarray of int of shape (n_entries,)
        Numbers of the row and of the label.
    prevalence : ndarray of shape (n_labels,)
        Weighted share of each label, of the rows in which it is known to be there or
        not; NaN where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.tasks import Classification
    >>> labels = np.array([1, 0, 1, 1])
    >>> task = Classification(2).fit(labels, np.ones(4), "kind")
    >>> task.present_labels(labels, np.array([1.0, 2.0, 1.0, 0.0])).prevalence
    array([0.5, 0.5])
    """

    rows: np.ndarray
    labels: np.ndarray
    prevalence: np.ndarray


class TaskColumns:
    """The columns of y that a kind reads: one, unless it says otherwise.

    Labels of one column are arrays `(n_samples,)`, those of several `(n_samples, k)`,
    with masks and weights of the same shape. A kind without a column learns from X
    alone: it has no labels, and no part in predictions and scores.
    """

    has_classes: ClassVar[bool]
    unites: ClassVar[bool] = False
    """Whether 0 and 1 of two rows may be united, as where pictures are mixed."""
    columns_parameter: ClassVar[str] = "column"
    """Name of the parameter that says which columns of y the task reads."""

    @property
    def n_columns(self) -> int | None:
        """Columns of y that the task reads; None takes those that others leave."""
        return 1

    @property
    def may_be_one_column(self) -> bool:
        """Whether one column may hold what otherwise takes several."""
        return False

    def of_only_column(self, column: RawColumn) -> Any:
        """Give the task that reads y where no other column is read than this.

        Parameters
        ----------
        column : RawColumn
            Of y.

        Returns
        -------
        Task
            This one, unless such a column is of another kind.
        """
        return self

    def of_today(self, fitted: Any) -> Any:
        """Give what a fit makes of this task, which has made of it another before.

        Parameters
        ----------
        fitted : Task
            The other one.

        Returns
        -------
        Task
            This one, unless it depends on y what it is fitted as.
        """
        return self

    @property
    def own_columns(self) -> list[Any] | None:
        """Columns that the user has declared, by name or position; None if none."""
        declared = getattr(self, self.columns_parameter)
        if declared is None:
            return None
        several = isinstance(declared, list | tuple) and self.n_columns != 1
        return list(declared) if several else [declared]

    def take_columns(self, columns: Sequence[Hashable]) -> None:
        """Declare the columns that the task reads from now on."""
        value = columns[0] if self.n_columns == 1 else list(columns)
        setattr(self, self.columns_parameter, value)

    def find_columns(self, name: str, names: Sequence[str]) -> Sequence[str]:
        """Tell which columns of a DataFrame are meant where `column` is None.

        Parameters
        ----------
        name : str
            The task's name.
        names : sequence of str
            Names of the columns of y.

        Returns
        -------
        sequence of str
            Their names; by default the task's own.
        """
        return (name,)

    def read(
        self, columns: Sequence[RawColumn], name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read the labels of all rows.

        Parameters
        ----------
        columns : sequence of RawColumn
            The task's columns of y, or of predictions.
        name : str
            The task's name, for messages.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, k)
            Labels, with anything where one is missing.
        present : ndarray of bool of the same shape
            False where a label is missing.
        """
        if len(columns) == 1 and self.n_columns == 1:
            return columns[0].values, columns[0].present
        kinds = {"OU" if each.values.dtype.kind in "OU" else "" for each in columns}
        if len(kinds) > 1:
            raise InvalidDataError(
                f"The columns of task {name!r} hold text as well as numbers. Pass "
                "columns of one kind."
            )
        return (
            np.column_stack([each.values for each in columns]),
            np.column_stack([each.present for each in columns]),
        )

    def dtypes(self, columns: Sequence[RawColumn]) -> list[Any]:
        """Give the dtype of each of the task's columns of y."""
        return [column.dtype for column in columns]

    def learn_names(self, names: Sequence[Hashable]) -> None:
        """Learn what its columns are called in y, before `fit`.

        Parameters
        ----------
        names : sequence of hashable
            Empty in an array.
        """

    def outcomes(self) -> np.ndarray | None:
        """Give what may stand in a column of predictions, if it is one of a few.

        Returns
        -------
        ndarray or None
            None for real values.
        """
        return None

    def lay_out(self, labels: np.ndarray) -> list[np.ndarray]:
        """Give predicted labels as columns, as they stand in y.

        Parameters
        ----------
        labels : ndarray of shape (n_samples,) or (n_samples, k)
            What `decode` returned.

        Returns
        -------
        list of ndarray of shape (n_samples,)
            As many as the task has columns.
        """
        return [labels] if labels.ndim == 1 else list(labels.T)

    def strata(self, values: np.ndarray, present: np.ndarray) -> list[Strata]:
        """Tell what splits spread evenly; whether a label is there, they do anyway.

        Parameters
        ----------
        values, present : ndarray of shape (n_samples,) or (n_samples, k)
            Labels as `read` gives them, or as `encode` does.

        Returns
        -------
        list of Strata
            By default one for each column.
        """
        if values.ndim == 1:
            return [Strata(values, present, self.has_classes)]
        columns = zip(values.T, present.T, strict=True)
        return [Strata(*column, self.has_classes) for column in columns]

    @property
    def is_balanced(self) -> bool:
        """Whether a sampler can draw rows with its rare labels more often."""
        return self.has_classes

    def balanced(
        self, encoded: np.ndarray, weight: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Tell which classes are to be drawn equally often.

        Parameters
        ----------
        encoded : ndarray of shape (n_samples,) or (n_samples, k)
            What `encode` returned, with anything where a label is missing.
        weight : ndarray of the same shape
            Weights in the loss, zero where a label is missing.

        Returns
        -------
        list of (ndarray of int, ndarray), each of shape (n_samples,)
            Classes from 0 on, and their weights; empty for real values, and for labels
            that are drawn by how rare they are.
        """
        return [(encoded, weight)] if self.is_balanced else []

    def present_labels(
        self, encoded: np.ndarray, weight: np.ndarray
    ) -> PresentLabels | None:
        """Tell which labels each row has, and how rare they are.

        Parameters
        ----------
        encoded, weight : ndarray
            As in `balanced`.

        Returns
        -------
        PresentLabels or None
            By default the classes that are `balanced`; None if there are none.
        """
        columns = self.balanced(encoded, weight)
        if not columns:
            return None
        known = len(getattr(self, "classes_", ())) if len(columns) == 1 else 0
        parts, n_labels = [], 0
        for classes, own in columns:
            rows = np.flatnonzero(own > 0)
            sums = np.bincount(classes[rows], weights=own[rows], minlength=known)
            parts.append((rows, classes[rows] + n_labels, shares(sums, own.sum())))
            n_labels += len(sums)
        return PresentLabels(*map(np.concatenate, zip(*parts, strict=True)))


def shares(sums: np.ndarray, totals: np.ndarray | float) -> np.ndarray:
    """Divide sums by their totals; NaN where a total is zero."""
    totals = np.broadcast_to(totals, sums.shape)
    nothing = np.full(sums.shape, np.nan)
    return np.divide(sums, totals, out=nothing, where=totals > 0)
