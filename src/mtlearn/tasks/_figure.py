"""A figure of merit, and the labels that it is computed on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScoredLabels:
    """The labels of one task that count.

    Attributes
    ----------
    true, predicted : ndarray of shape (n_labelled,) or (n_labelled, k)
        Labels or values.
    weight : ndarray of the same shape
        Positive weights; zero where one of several labels of a row is missing.
    """

    true: np.ndarray
    predicted: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.true)


@dataclass(frozen=True)
class Figure:
    """A figure of merit of one task.

    Attributes
    ----------
    compute : callable
        Gets `ScoredLabels`, at least one, and returns a float.
    greater_is_better : bool
        False for an error.
    """

    compute: Callable[[ScoredLabels], float]
    greater_is_better: bool = True

    def __call__(self, labels: ScoredLabels) -> float:
        """Compute it; NaN without a label."""
        return float(self.compute(labels)) if len(labels) else float("nan")
