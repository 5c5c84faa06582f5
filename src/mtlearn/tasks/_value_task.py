"""What kinds with one number a sample have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from mtlearn._utils._exact import first_rounded
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks._base import Task
from mtlearn.tasks._figure import Figure
from mtlearn.tasks._regions import ValueRegions
from mtlearn.tasks._shown import Mistakes
from mtlearn.tasks._value_figures import VALUE_FIGURES


class ValueTask(ValueRegions, Task):
    """Base class of kinds whose labels are numbers, and whose output is one.

    Attributes
    ----------
    mean_ : float
        Weighted mean of the training labels.
    """

    unknown: ClassVar[str] = "out of its bounds"
    estimator_type = "regressor"
    displays: ClassVar[frozenset[str]] = frozenset(
        {
            "CalibrationDisplay",
            "EmbeddingDisplay",
            "RejectionDisplay",
            "ResidualsDisplay",
        }
    )

    mean_: float

    @property
    def n_outputs(self) -> int:
        """One."""
        return 1

    def check_labels(
        self, labels: np.ndarray, name: str, predicted: np.ndarray | None = None
    ) -> None:
        """Raise if labels are not numbers.

        Parameters
        ----------
        labels, predicted, name
            As for every kind of task.
        """
        if len(labels) and labels.dtype.kind not in "biuf":
            raise InvalidDataError(
                f"Task {name!r} is a {self.kind} and got labels that are not numbers, "
                f"such as {labels.tolist()[0]!r}. Declare Classification(), or convert."
            )

    def _as_numbers(
        self, labels: np.ndarray, name: str, rows: np.ndarray | None
    ) -> np.ndarray:
        self.check_labels(labels, name)
        place = first_rounded(labels)
        if place is not None:
            row = place if rows is None else rows[place]
            raise InvalidDataError(
                f"Row {row} of y has the value {labels[place]} for task {name!r}, "
                "which a float of 64 bits would round. Subtract a constant from y, or "
                "pass y.astype(float) if rounded values will do."
            )
        return labels.astype(np.float64)

    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Drop the second axis.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, 1)
            Values.

        Returns
        -------
        ndarray of shape (n_samples,)
            Values.
        """
        return activated[:, 0]

    def figures(self) -> Mapping[str, Figure]:
        """Give R², and errors in the units of y."""
        return VALUE_FIGURES

    def disagreement(
        self, members: Sequence[np.ndarray], sample_weight: np.ndarray
    ) -> float:
        """Give the mean deviation of the members' values.

        Parameters
        ----------
        members : sequence of ndarray of shape (n_labelled, 1)
            Values of each member.
        sample_weight : ndarray of shape (n_labelled,)
            Positive weights, at least one.

        Returns
        -------
        float
            In the units of y, ``ddof=0`` as in `spread`.
        """
        deviation = np.std([values[:, 0] for values in members], axis=0)
        return float(np.average(deviation, weights=sample_weight))

    def mistakes(
        self,
        true: np.ndarray,
        predicted: np.ndarray,
        activated: np.ndarray,
        weight: np.ndarray,
    ) -> Mistakes:
        """Rank rows by the distance between true and predicted value.

        Parameters
        ----------
        true, predicted, activated, weight : ndarray
            As for every kind of task.

        Returns
        -------
        Mistakes
            With the signed difference in words.
        """
        errors = (predicted - true).astype(float)
        return Mistakes(np.abs(errors), lambda place: f"off by {errors[place]:+.3g}")

    def coloured_by(self, values: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Give the values.

        Parameters
        ----------
        values, present : ndarray of shape (n_samples,)
            Labels as `read` gives them.

        Returns
        -------
        ndarray of shape (n_samples,)
            NaN where there is none.
        """
        return np.where(present, values.astype(np.float64), np.nan)

    def baseline(self) -> Any:
        """Give the mean of the training labels.

        Returns
        -------
        float
            Mean, in the units of y.
        """
        return self.mean_
