"""Records of rows: X, and labels where they are known."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from mtlearn.data._datasets import DatasetRows


class Labels(NamedTuple):
    """Encoded labels of some rows, as tensors.

    Attributes
    ----------
    values : tuple of Tensor of shape (n_samples,)
        In task order; anything where the weight is zero.
    weights : Tensor of shape (n_samples, n_tasks)
        Weights, zero where a label is missing.
    class_weighted : Tensor of shape (n_samples, n_tasks) or None
        The same times the factors of the classes, which the loss alone sees; None where
        no task has any.
    """

    values: tuple[Tensor, ...]
    weights: Tensor
    class_weighted: Tensor | None = None

    @property
    def loss_weights(self) -> Tensor:
        """Weight of each label in the loss."""
        return self.weights if self.class_weighted is None else self.class_weighted

    def take(self, index: Tensor) -> "Labels":
        """Select rows by their numbers, wherever those are kept."""
        index = index.to(self.weights.device)
        return Labels(
            tuple(value[index] for value in self.values),
            self.weights[index],
            None if self.class_weighted is None else self.class_weighted[index],
        )


@dataclass(frozen=True)
class Samples:
    """Rows of X, with labels where they are known.

    Attributes
    ----------
    X : ndarray of shape (n_samples, height, width, n_channels) or (n_samples, d)
        Of any real dtype; cast one batch at a time. Or DatasetRows, which read it.
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

    X: np.ndarray | DatasetRows
    labels: Labels | None = None
    rows: np.ndarray | None = None
    chances: np.ndarray | None = None
    name: str | None = None

    def __len__(self) -> int:
        return len(self.X if self.rows is None else self.rows)
