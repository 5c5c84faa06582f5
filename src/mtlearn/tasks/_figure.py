"""A figure of merit, and the labels that it is computed on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def share_of(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide, with NaN where there is nothing to have a share of."""
    share = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=share, where=whole > 0)


@dataclass(frozen=True)
class ScoredLabels:
    """The labels of one task that count.

    Attributes
    ----------
    true, predicted : ndarray of shape (n_labelled,) or (n_labelled, k)
        Labels or values; for a figure `of_outputs`, what is predicted is what
        `activate` returned.
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
    of_outputs : bool
        Whether it is computed on probabilities, not on predicted labels.
    each : callable or None
        Of a mean over labels, gets the same and gives what it is the mean of, with NaN
        where a label has no such figure and is left out.
    """

    compute: Callable[[ScoredLabels], float]
    greater_is_better: bool = True
    of_outputs: bool = False
    each: Callable[[ScoredLabels], np.ndarray] | None = None

    def __call__(self, labels: ScoredLabels) -> float:
        """Compute it; NaN without a label."""
        return float(self.compute(labels)) if len(labels) else float("nan")

    def left_out(self, labels: ScoredLabels) -> tuple[int, int]:
        """Count the labels that a mean leaves out, and all of them; 0 of no mean."""
        if self.each is None or not len(labels):
            return 0, 0
        found = self.each(labels)
        return int(np.isnan(found).sum()), len(found)


@dataclass(frozen=True)
class LabelFigure:
    """A figure of each of several labels, with NaN where a label has none.

    Attributes
    ----------
    compute : callable
        Gets `ScoredLabels`, at least one, and returns an array `(n_labels,)`.
    of_outputs : bool
        As of a `Figure`.
    varies : bool
        Whether it depends on predictions, and has an interval.
    """

    compute: Callable[[ScoredLabels], np.ndarray]
    of_outputs: bool = False
    varies: bool = True
