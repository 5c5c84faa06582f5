"""How kinds are shown whose rows have one class each."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mtlearn._utils._written import written
from mtlearn.tasks._shown import Mistakes, TaskShown


class ClassShown(TaskShown, ABC):
    """Answers of kinds with `classes_`, of which outputs are the probabilities."""

    has_probabilities: ClassVar[bool] = True
    displays: ClassVar[frozenset[str]] = frozenset(
        {
            "CalibrationDisplay",
            "ClasswiseDisplay",
            "ConfusionDisplay",
            "EmbeddingDisplay",
            "RejectionDisplay",
        }
    )

    classes_: np.ndarray

    @abstractmethod
    def locate(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find labels among the classes."""

    def confidences(
        self, true: np.ndarray, activated: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give the chance of each likeliest class; an unknown label makes it wrong.

        Parameters
        ----------
        true, activated, weight : ndarray
            As for every kind of task.

        Returns
        -------
        confidence, right, weight : ndarray of shape (n_labelled,)
            Of each row.
        """
        indices, known = self.locate(true)
        right = known & (indices == activated.argmax(axis=1))
        return activated.max(axis=1).astype(np.float64), right, weight

    def mistakes(
        self,
        true: np.ndarray,
        predicted: np.ndarray,
        activated: np.ndarray,
        weight: np.ndarray,
    ) -> Mistakes:
        """Rank wrong rows by the probability of the true class, the lowest first.

        Parameters
        ----------
        true, predicted, activated, weight : ndarray
            As for every kind of task.

        Returns
        -------
        Mistakes
            With both probabilities in words.
        """
        rows = np.arange(len(activated))
        indices, known = self.locate(true)
        of_true = np.where(known, activated[rows, indices], 0.0)
        sure = activated[rows, self.locate(predicted)[0]]
        return Mistakes(
            np.where(true == predicted, 0.0, 1 - of_true),
            lambda place: (
                f"{sure[place]:.0%} sure, {of_true[place]:.0%} for the true class"
            ),
        )

    def never_predicted(
        self, true: np.ndarray, predicted: np.ndarray, weight: np.ndarray
    ) -> Mapping[Any, int]:
        """Count the rows of each class that is never predicted.

        Parameters
        ----------
        true, predicted, weight : ndarray of shape (n_labelled,)
            True and predicted labels, and weights.

        Returns
        -------
        mapping of label to int
            In the order in which they occur.
        """
        predictions = set(predicted.tolist())
        counts: dict[Any, int] = {}
        for label in true[self.locate(true)[1]].tolist():
            if label not in predictions:
                counts[label] = counts.get(label, 0) + 1
        return counts

    def coloured_by(self, values: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Give the labels, as the task has them.

        Parameters
        ----------
        values, present : ndarray of shape (n_samples,)
            Labels as `read` gives them.

        Returns
        -------
        ndarray of object of shape (n_samples,)
            None where there is none.
        """
        labels = values.astype(object)
        # An array of y may hold whole numbers as real ones.
        indices, known = self.locate(values)
        labels[known] = self.classes_[indices[known]].astype(object)
        labels[~present] = None
        return labels

    def described(self, true: np.ndarray, weight: np.ndarray) -> str:
        """Say how many classes there are, and which has the most and fewest rows.

        Parameters
        ----------
        true, weight : ndarray of shape (n_labelled,)
            Labels, at least one, and weights.

        Returns
        -------
        str
            A line.
        """
        names = [written(label) for label in true[self.locate(true)[1]].tolist()]
        if not names:
            return "none of the classes"
        found, counts = np.unique(names, return_counts=True)
        most, least = counts.argmax(), counts.argmin()
        n_unknown = len(true) - len(names)
        return (
            f"{len(found)} of {len(self.classes_)} classes; most {found[most]} "
            f"({counts[most]}), fewest {found[least]} ({counts[least]})"
            + (f"; {n_unknown} of no class" if n_unknown else "")
        )
