"""What a kind says of sets of labels, and intervals, that are to hold the true one."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

ClassMisfits = Callable[[np.ndarray], np.ndarray]
"""Maps probabilities `(n_samples, n_classes)` to how ill each class fits."""

# Of the scale of values: what is added to how far members lie apart, which may agree
# by chance.
_LEAST_SPREAD = 0.1
# Of a prediction: what is not told apart.
_LAST_DIGITS = 2.0**-48


class TaskRegions:
    """How ill a label fits an output, and the labels that fit; by default no kind says.

    A misfit is a number, the larger the worse. The labels whose misfit is at most a
    limit are a region. What is counted of labels that are known tells which limit
    holds the true label as often as is wanted.
    """

    region: ClassVar[Literal["set", "interval"] | None] = None
    """What labels that fit are: a set of them, or an interval; None: neither."""

    def misfits(
        self,
        labels: np.ndarray,
        weight: np.ndarray,
        activated: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Tell how ill true labels fit; of a kind without a `region`, nothing does.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,) or (n_labelled, k)
            Labels that the task `knows`.
        weight : ndarray of the shape of `labels`
            Zero where one of several labels of a row is missing, or not known.
        activated : ndarray of shape (n_labelled, n_outputs)
            What `activate` returned; none of it NaN.
        of_classes : callable
            How ill each class fits, of probabilities.
        spread : ndarray of shape (n_labelled, n_outputs), default=None
            How far the members of an ensemble lie apart; None: all alike.

        Returns
        -------
        ndarray of shape (n_labelled, n_parts)
            One for each part of the label: one, or each of several labels. NaN where
            it is missing. Without a region there are no parts.
        """
        return np.empty((len(labels), 0))

    def regions(
        self,
        activated: np.ndarray,
        limits: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Give the labels whose misfit is at most a limit; none without a `region`.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_outputs)
            What `activate` returned; NaN of an unknown row.
        limits : ndarray of shape (n_parts,)
            Misfits; infinite ones hold every label.
        of_classes, spread
            As for `misfits`.

        Returns
        -------
        ndarray
            A set as booleans `(n_samples, n_classes)`, or `(n_samples, n_labels, 2)`
            of labels that are there or not, all true of an unknown row; an interval
            `(n_samples, 2)` in the units of y, NaN of one.
        """
        return np.empty((len(activated), 0))


class ClassRegions(TaskRegions, ABC):
    """Sets of classes."""

    region: ClassVar[Literal["set", "interval"] | None] = "set"

    @abstractmethod
    def locate(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find labels among the classes."""

    def misfits(
        self,
        labels: np.ndarray,
        weight: np.ndarray,
        activated: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Tell how ill the true class of each row fits.

        Parameters
        ----------
        labels, weight, activated, of_classes, spread
            As for every kind of task.

        Returns
        -------
        ndarray of shape (n_labelled, 1)
            Misfits.
        """
        indices = self.locate(labels)[0]
        return np.take_along_axis(of_classes(activated), indices[:, np.newaxis], axis=1)

    def regions(
        self,
        activated: np.ndarray,
        limits: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Give the classes that fit.

        Parameters
        ----------
        activated, limits, of_classes, spread
            As for every kind of task.

        Returns
        -------
        ndarray of bool of shape (n_samples, n_classes)
            True where a class is in the set.
        """
        inside = of_classes(activated) <= limits
        inside[np.isnan(activated).any(axis=1)] = True
        return inside


class LabelRegions(TaskRegions, ABC):
    """Sets of answers for each label: it is not there, it is there."""

    region: ClassVar[Literal["set", "interval"] | None] = "set"

    @abstractmethod
    def truths(
        self, labels: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give 1 where a label is there, and zero weight where nobody knows."""

    def misfits(
        self,
        labels: np.ndarray,
        weight: np.ndarray,
        activated: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Tell how ill the true answer for each label fits.

        Parameters
        ----------
        labels, weight, activated, of_classes, spread
            As for every kind of task.

        Returns
        -------
        ndarray of shape (n_labelled, n_labels)
            Misfits; NaN where a cell is missing.
        """
        truth, weight = self.truths(labels, weight)
        both = _of_answers(activated, of_classes)
        there = (truth > 0).astype(np.intp)[:, :, np.newaxis]
        found = np.take_along_axis(both, there, axis=2)[:, :, 0]
        return np.where(weight > 0, found, np.nan)

    def regions(
        self,
        activated: np.ndarray,
        limits: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Give the answers that fit.

        Parameters
        ----------
        activated, limits, of_classes, spread
            As for every kind of task.

        Returns
        -------
        ndarray of bool of shape (n_samples, n_labels, 2)
            Whether it is possible that a label is not there, and that it is.
        """
        inside = _of_answers(activated, of_classes) <= limits[:, np.newaxis]
        inside[np.isnan(activated).any(axis=1)] = True
        return inside


def _of_answers(chances: np.ndarray, of_classes: ClassMisfits) -> np.ndarray:
    """Give the misfits of both answers for each label: two classes."""
    pairs = np.stack([1 - chances, chances], axis=2)
    return of_classes(pairs.reshape(-1, 2)).reshape(pairs.shape)


class ValueRegions(TaskRegions):
    """Intervals of values, with the predicted one in the middle."""

    region: ClassVar[Literal["set", "interval"] | None] = "interval"

    @property
    def value_scale(self) -> float:
        """How far values lie apart, roughly: a unit in which errors are no trifles."""
        return 1.0

    @property
    def value_range(self) -> tuple[float, float]:
        """Ends that no value lies beyond."""
        return -np.inf, np.inf

    def _unit(self, spread: np.ndarray | None) -> np.ndarray | float:
        """Give what the errors of each row are divided by."""
        if spread is None:
            return 1.0
        return spread[:, 0] + _LEAST_SPREAD * self.value_scale

    def misfits(
        self,
        labels: np.ndarray,
        weight: np.ndarray,
        activated: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Give the distance of true and predicted value, by how far members lie apart.

        Parameters
        ----------
        labels, weight, activated, of_classes, spread
            As for every kind of task.

        Returns
        -------
        ndarray of shape (n_labelled, 1)
            In the units of y without a spread.
        """
        distance = np.abs(labels.astype(np.float64) - activated[:, 0])
        return (distance / self._unit(spread))[:, np.newaxis]

    def regions(
        self,
        activated: np.ndarray,
        limits: np.ndarray,
        of_classes: ClassMisfits,
        spread: np.ndarray | None = None,
    ) -> np.ndarray:
        """Give the values that fit, and are possible.

        Parameters
        ----------
        activated, limits, of_classes, spread
            As for every kind of task.

        Returns
        -------
        ndarray of float64 of shape (n_samples, 2)
            Lower and upper ends.
        """
        middle, reach = activated[:, 0], limits[0] * self._unit(spread)
        return _ends(middle, reach).clip(*self.value_range)


def _ends(middle: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Give the ends of intervals, which hold what is at the distance of the limit.

    The last digits of a prediction and of sums depend on the batch and on rounding.
    """
    room = reach + _LAST_DIGITS * np.maximum(np.abs(middle), reach)
    return np.column_stack([middle - room, middle + room])
