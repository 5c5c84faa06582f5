"""How a task of several labels reads them from y, and lays them out there."""

import numbers
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._listing import bracketed
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._base import Task
from mtlearn.tasks._classes import check_types
from mtlearn.tasks._columns import PresentLabels, Strata, shares
from mtlearn.tasks._label_parameters import as_labels, declared, sorted_labels
from mtlearn.tasks._label_sets import (
    as_indicators,
    as_sets,
    first_of,
    holds_sets,
    is_empty,
    read_sets,
)
from mtlearn.tasks._read import RawColumn
from mtlearn.tasks._regions import LabelRegions


class LabelColumns(LabelRegions, Task):
    """A block of columns of 0 and 1, or one column of label sets."""

    columns_parameter = "columns"
    unites = True

    labels: Any
    columns: Sequence[Hashable] | None
    sep: str | None
    classes_: np.ndarray
    in_sets_: bool

    @property
    def n_columns(self) -> int | None:
        """As many as there are labels, if they are declared or learned from a block."""
        if self.own_columns is not None:
            return len(self.own_columns)
        if hasattr(self, "classes_") and not self.in_sets_:
            return len(self.classes_)
        if isinstance(self.labels, numbers.Integral):
            return int(self.labels)
        return len(self.labels) if hasattr(self.labels, "__len__") else None

    @property
    def own_columns(self) -> list[Any] | None:
        """Columns that the user has declared, by name or position; None if none."""
        if self.columns is None or not isinstance(self.columns, list | tuple):
            return None
        return list(self.columns)

    def take_columns(self, columns: Sequence[Hashable]) -> None:
        """Declare the columns that the task reads from now on."""
        self.columns = list(columns)

    @property
    def may_be_one_column(self) -> bool:
        """Whether one column may hold all of its labels, as sets."""
        return self.own_columns is None or len(self.own_columns) == 1

    def find_columns(self, name: str, names: Sequence[str]) -> Sequence[str]:
        """Give the columns that the labels name, or else the one of the task.

        Parameters
        ----------
        name : str
            The task's name.
        names : sequence of str
            Names of the columns of y.

        Returns
        -------
        sequence of str
            Names of columns.
        """
        labels = declared(self.labels, name)
        if labels is None or name in names:
            return (name,)
        return [str(label) for label in labels]

    def read(
        self, columns: Sequence[RawColumn], name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read a block of 0 and 1, or sets of labels.

        Parameters
        ----------
        columns : sequence of RawColumn
            The task's columns of y, or of predictions.
        name : str
            The task's name, for messages.

        Returns
        -------
        values : ndarray of shape (n_samples, n_labels) or (n_samples,)
            Floats with NaN where a cell is missing, or frozensets.
        present : ndarray of bool of the same shape
            False where a cell, or a whole set, is missing.

        Raises
        ------
        InvalidDataError
            If a cell is none of these, or they come in another form than in the fit.
        """
        if self._come_as_sets(columns, name):
            return read_sets(columns[0].held, self.sep, name)
        each = [_as_floats(column, name) for column in columns]
        present = np.column_stack([column.present for column in columns])
        return np.column_stack(each), present

    def _come_as_sets(self, columns: Sequence[RawColumn], name: str) -> bool:
        """Tell whether labels come as sets, and raise if they did not in a fit."""
        held = columns[0].held
        are_sets = len(columns) == 1 and holds_sets(held, self.sep)
        if not hasattr(self, "classes_"):
            return are_sets
        if len(columns) == 1 and is_empty(held):
            are_sets = self.in_sets_
        n_columns = 1 if self.in_sets_ else self.n_outputs
        if are_sets == self.in_sets_ and len(columns) == n_columns:
            return are_sets
        form = f"a column of 0 and 1 for each of {n_columns} labels"
        raise InvalidDataError(
            f"Task {name!r} was fitted on {'sets of labels' if self.in_sets_ else form}"
            f", and reads {bracketed(column.key for column in columns)} of y, which "
            f"begins with {short(first_of(held))}. Pass labels as in the fit."
        )

    def dtypes(self, columns: Sequence[RawColumn]) -> list[Any]:
        """Give the dtypes of its columns of y; of sets, that of objects."""
        if len(columns) == 1 and holds_sets(columns[0].held, self.sep):
            return [np.dtype(object)]
        return super().dtypes(columns)

    def learn_names(self, names: Sequence[Hashable]) -> None:
        """Learn the labels from the names of their columns, if they are not declared.

        Parameters
        ----------
        names : sequence of hashable
            Of the task's columns in y; empty in an array.
        """
        self.names_ = list(names)

    def known_labels(self) -> list[Any] | None:
        """Give the labels, learned or declared; None if they are not known yet."""
        if hasattr(self, "classes_"):
            return self.classes_.tolist()
        return declared(self.labels, type(self).__name__)

    def _find_labels(self, labels: np.ndarray, owner: str) -> np.ndarray:
        known = declared(self.labels, owner)
        if known is None and self.in_sets_:
            known = sorted_labels(set().union(*labels.tolist()), owner)
        elif known is None:
            known = getattr(self, "names_", None) or list(range(labels.shape[1]))
        if not len(known):
            raise InvalidDataError(f"{owner} has no labels: every set in y is empty.")
        if not self.in_sets_ and len(known) != labels.shape[1]:
            raise InvalidDataError(
                f"{owner} has {len(known)} labels, and {labels.shape[1]} columns of y. "
                "Declare one label for each column."
            )
        return as_labels(known)

    def encode(self, labels: np.ndarray, rows: np.ndarray, name: str) -> np.ndarray:
        """Turn labels into 0 and 1.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled, n_labels) or (n_labelled,)
            0, 1 or NaN, or frozensets.
        rows : ndarray of shape (n_labelled,)
            Row of y that each stands in, for messages.
        name : str
            The task's name, for messages.

        Returns
        -------
        ndarray of float64 of shape (n_labelled, n_labels)
            0 or 1; 0 where a cell is missing.

        Raises
        ------
        InvalidDataError
            If a cell is neither, or a label is unknown.
        """
        if labels.ndim == 1:
            return as_indicators(labels, self.classes_, rows, name)
        odd = np.isfinite(labels) & (labels != 0) & (labels != 1)
        if odd.any():
            row, place = np.argwhere(odd)[0]
            known = getattr(self, "classes_", None)
            label = place if known is None else known.tolist()[place]
            raise InvalidDataError(
                f"Row {rows[row]} of y has {labels[row, place]:g} for the label "
                f"{label!r} of task {name!r}. A label is 1 where it is there, 0 where "
                "it is not, and NaN where nobody knows."
            )
        return np.nan_to_num(labels)

    def knows(self, labels: np.ndarray) -> np.ndarray:
        """Tell which labels `encode` takes."""
        if labels.ndim == 2:
            return (labels == 0) | (labels == 1)
        known = set(self.classes_.tolist())
        return np.array([own <= known for own in labels], dtype=bool)

    def check_labels(
        self, labels: np.ndarray, name: str, predicted: np.ndarray | None = None
    ) -> None:
        """Raise if labels to score are neither 0 nor 1, or sets of another type.

        Parameters
        ----------
        labels, predicted, name
            As for every kind of task.
        """
        if labels.ndim == 2:
            self.encode(labels, np.arange(len(labels)), name)
            return
        named = as_labels(sorted(set().union(*labels.tolist()), key=repr))
        known = self.known_labels()
        if known is not None:
            check_types(named, as_labels(known), name)

    def restore(self, encoded: np.ndarray) -> np.ndarray:
        """Give 0 and 1 as labels.

        Parameters
        ----------
        encoded : ndarray of shape (n_labelled, n_labels)
            0 or 1.

        Returns
        -------
        ndarray of the same shape
            The same.
        """
        return encoded

    def strata(self, values: np.ndarray, present: np.ndarray) -> list[Strata]:
        """Give a column for each label, in which it is there or not.

        Parameters
        ----------
        values, present : ndarray
            What `read` gave.

        Returns
        -------
        list of Strata
            One for each label.
        """
        if values.ndim == 1:
            known = as_labels(sorted(set().union(*values.tolist()), key=repr))
            values = as_indicators(values, known, None, "")
            present = np.repeat(present[:, np.newaxis], len(known), axis=1)
        filled = np.where(present, values, 0)
        columns = zip(filled.T, present.T, strict=True)
        return [Strata(*column, are_classes=True) for column in columns]

    @property
    def is_balanced(self) -> bool:
        """True: rows are drawn by how rare their labels are."""
        return True

    def balanced(
        self, encoded: np.ndarray, weight: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Give nothing: that all labels come as often as not is seldom possible."""
        return []

    def present_labels(self, encoded: np.ndarray, weight: np.ndarray) -> PresentLabels:
        """Give the labels that are there, of the cells that are known.

        Parameters
        ----------
        encoded : ndarray of shape (n_samples, n_labels)
            0 or 1, with anything where a cell is missing.
        weight : ndarray of the same shape
            Weights in the loss, zero where a cell is missing.

        Returns
        -------
        PresentLabels
            Of each row.
        """
        there = (weight > 0) & (encoded > 0)
        sums = np.where(there, weight, 0).sum(axis=0)
        rows, labels = np.nonzero(there)
        return PresentLabels(rows, labels, shares(sums, weight.sum(axis=0)))

    def truths(
        self, labels: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give 1 where a label is there.

        Parameters
        ----------
        labels, weight : ndarray
            Labels as `read` gives them, and their weights.

        Returns
        -------
        truth, weight : ndarray of shape (n_labelled, n_labels)
            0 or 1; and zero where a cell is missing.
        """
        if labels.ndim == 1:
            labels = as_indicators(labels, self.classes_, None, "")
            weight = np.repeat(weight[:, np.newaxis], self.n_outputs, axis=1)
        return np.nan_to_num(labels), weight

    def outcomes(self) -> np.ndarray | None:
        """Give 0 and 1, unless labels come as sets."""
        return None if self.in_sets_ else np.array([0, 1])

    def lay_out(self, labels: np.ndarray) -> list[np.ndarray]:
        """Give a column for each label, or one of tuples of labels.

        Parameters
        ----------
        labels : ndarray of shape (n_samples, n_labels)
            0 or 1.

        Returns
        -------
        list of ndarray of shape (n_samples,)
            As y has them.
        """
        return [as_sets(labels, self.classes_)] if self.in_sets_ else list(labels.T)


def _as_floats(column: RawColumn, name: str) -> np.ndarray:
    if not column.present.any():
        return np.full(len(column.present), np.nan)
    if column.values.dtype.kind in "OU":
        found = column.values[column.present]
        raise InvalidDataError(
            f"Column {column.key!r} of y has {short(found[0])} for task {name!r}, "
            "which takes 0 and 1, or one column of label sets. Split texts: "
            "y.str.split(), or MultiLabel(sep=...)."
        )
    values = column.values.astype(np.float64)
    return np.where(column.present, values, np.nan)
