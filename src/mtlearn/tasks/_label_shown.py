"""How a task of several labels is shown."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn.tasks._label_columns import LabelColumns
from mtlearn.tasks._shown import Mistakes


class LabelShown(LabelColumns):
    """Which displays show labels, and how a row of them is put into words."""

    displays: ClassVar[frozenset[str]] = frozenset(
        {
            "CalibrationDisplay",
            "CooccurrenceDisplay",
            "EmbeddingDisplay",
            "LabelErrorsDisplay",
            "LabelwiseDisplay",
            "PrecisionRecallDisplay",
        }
    )
    has_probabilities: ClassVar[bool] = True

    thresholds_: np.ndarray

    def confidences(
        self, true: np.ndarray, activated: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tell how sure each answer is, whether the label is there or not.

        Parameters
        ----------
        true, weight : ndarray
            Labels and weights.
        activated : ndarray of shape (n_labelled, n_labels)
            Probabilities.

        Returns
        -------
        confidence, right, weight : ndarray of shape (n_answers,)
            Of the likelier answer, for each label that is known.
        """
        truth, weight = self.truths(true, weight)
        known = weight > 0
        likelier = activated >= 0.5
        sure = np.where(likelier, activated, 1 - activated)
        return sure[known], (likelier == (truth > 0))[known], weight[known]

    def mistakes(
        self,
        true: np.ndarray,
        predicted: np.ndarray,
        activated: np.ndarray,
        weight: np.ndarray,
    ) -> Mistakes:
        """Tell how sure each row's worst mistake is.

        Parameters
        ----------
        true, predicted, weight : ndarray
            True and predicted labels, and weights.
        activated : ndarray of shape (n_labelled, n_labels)
            Probabilities.

        Returns
        -------
        Mistakes
            0 for rows that are all right.
        """
        found, _ = self.truths(predicted, weight)
        truth, weight = self.truths(true, weight)
        wrong = (found > 0) != (truth > 0)
        wrong &= weight > 0
        names = self.classes_.tolist()

        def words(place: int) -> str:
            there = truth[place] > 0
            missed = [names[i] for i in np.flatnonzero(wrong[place] & there)]
            invented = [names[i] for i in np.flatnonzero(wrong[place] & ~there)]
            parts = [("missed", missed), ("invented", invented)]
            return ", ".join(f"{what} {listed(each)}" for what, each in parts if each)

        sure = np.abs(activated - truth)
        return Mistakes(np.where(wrong, sure, 0).max(axis=1), words)

    def never_predicted(
        self, true: np.ndarray, predicted: np.ndarray, weight: np.ndarray
    ) -> Mapping[Any, int]:
        """Count, of each label that is there and never predicted, its rows.

        Parameters
        ----------
        true, predicted, weight : ndarray
            True and predicted labels, and weights.

        Returns
        -------
        mapping of label to int
            Empty if all are predicted.
        """
        found, _ = self.truths(predicted, weight)
        truth, weight = self.truths(true, weight)
        counts = ((truth > 0) & (weight > 0)).sum(axis=0)
        never = (counts > 0) & ~(found > 0).any(axis=0)
        names = self.classes_.tolist()
        return {names[i]: int(counts[i]) for i in np.flatnonzero(never)}

    def coloured_by(self, values: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Give the number of labels that are there.

        Parameters
        ----------
        values, present : ndarray
            Labels as `read` gives them.

        Returns
        -------
        ndarray of shape (n_samples,)
            NaN where none is known.
        """
        if values.ndim == 1:
            return np.where(present, [len(own) for own in values], np.nan)
        counts = np.where(present, values, 0).sum(axis=1)
        return np.where(present.any(axis=1), counts, np.nan)
