"""Records of rows: X, and labels where they are known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from torch import Tensor

from mtlearn.data._datasets import DatasetRows
from mtlearn.data._lazy import LazyRows
from mtlearn.losses import Inputs

# An array, or what is read where it is indexed.
Rows: TypeAlias = np.ndarray | DatasetRows | LazyRows


class Labels(NamedTuple):
    """Encoded labels of some rows, as tensors.

    Attributes
    ----------
    values : tuple of Tensor of shape (n_samples,) or (n_samples, k), or None
        In task order; anything where the weight is zero. None for a task without a
        column of y.
    weights : tuple of Tensor of the same shapes
        Weights, zero where a label is missing. Of each row, for a task without a
        column.
    class_weighted : tuple of Tensor of the same shapes, or None
        The same times the factors of the classes, which the loss alone sees; None where
        no task has any.
    inputs : Inputs or None
        What tasks without a column of y learn from; None where nothing has changed the
        batch.
    """

    values: tuple[Tensor | None, ...]
    weights: tuple[Tensor, ...]
    class_weighted: tuple[Tensor, ...] | None = None
    inputs: Inputs | None = None

    @property
    def loss_weights(self) -> tuple[Tensor, ...]:
        """Weight of each label in the loss."""
        return self.weights if self.class_weighted is None else self.class_weighted

    def map(self, change: Callable[[Tensor], Tensor]) -> "Labels":
        """Change each tensor."""
        weighted = self.class_weighted
        return Labels(
            tuple(None if each is None else change(each) for each in self.values),
            tuple(map(change, self.weights)),
            None if weighted is None else tuple(map(change, weighted)),
        )

    def without(self, rows: Tensor) -> "Labels":
        """Give some rows, by a mask, no weight; of a mixed batch both their halves."""

        def masked(each: Tensor) -> Tensor:
            halves = rows.to(each.device).repeat(len(each) // len(rows))
            return each.masked_fill(halves.view(-1, *[1] * (each.ndim - 1)), 0)

        weighted = self.class_weighted
        return self._replace(
            weights=tuple(map(masked, self.weights)),
            class_weighted=None if weighted is None else tuple(map(masked, weighted)),
        )

    def take(self, index: Tensor) -> "Labels":
        """Select rows by their numbers, wherever those are kept."""
        index = index.to(self.weights[0].device)
        return self.map(lambda each: each.index_select(0, index))


@dataclass(frozen=True)
class Samples:
    """Rows of X, with labels where they are known.

    Attributes
    ----------
    X : ndarray of shape (n_samples, height, width, n_channels) or (n_samples, d)
        Of any real dtype; cast one batch at a time. Or what reads it.
    labels : Labels or None
        Labels of the rows; None for prediction.
    rows : ndarray of int or None
        Which rows of X these are, so that a split copies nothing; None means all.
    chances : ndarray of shape (n_samples,) or None
        How often each row is drawn in training, relative to the mean row; None draws
        each once an epoch.
    name : str or None
        What the user calls X, if not so.
    """

    X: Rows
    labels: Labels | None = None
    rows: np.ndarray | None = None
    chances: np.ndarray | None = None
    name: str | None = None

    def __len__(self) -> int:
        return len(self.X if self.rows is None else self.rows)
