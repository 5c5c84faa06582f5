"""How a task of several labels is shown."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._written import written
from mtlearn.tasks._label_columns import LabelColumns
from mtlearn.tasks._shown import Mistakes

_MOST_NAMED, _MOST_MISSING = 12, 3  # labels of a row


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
            "RejectionDisplay",
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
            return ", ".join(f"{what} {_named(each)}" for what, each in parts if each)

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

    def worded(self, label: Any, weight: Any = 1.0) -> str:
        """Name the labels that are there in one row, and those that nobody knows.

        Parameters
        ----------
        label : ndarray of shape (n_labels,) or frozenset
            Of one row.
        weight : float or ndarray of shape (n_labels,), default=1.0
            Zero where a cell is missing.

        Returns
        -------
        str
            Names; one that is neither there nor not, with what it has.
        """
        names = self.classes_.tolist()
        if isinstance(label, frozenset):
            unknown = sorted(label.difference(names), key=repr)
            return _named([each for each in names if each in label] + unknown)
        known = np.broadcast_to(np.asarray(weight) > 0, label.shape)
        there = [
            name if value == 1 else f"{written(name)} = {value:g}"
            for name, value, is_known in zip(names, label, known, strict=True)
            if is_known and value != 0
        ]
        missing = [written(names[place]) for place in np.flatnonzero(~known)]
        nobody = f"; unknown: {listed(missing, _MOST_MISSING)}" if missing else ""
        return _named(there) + nobody

    def described(self, true: np.ndarray, weight: np.ndarray) -> str:
        """Say how many labels a row has, and which are in the most and fewest rows.

        Parameters
        ----------
        true, weight : ndarray
            Labels and weights.

        Returns
        -------
        str
            A line.
        """
        truth, weight = self.truths(true, weight)
        known = weight > 0
        counts = ((truth > 0) & known).sum(axis=0)
        per_row = np.sum(counts / np.maximum(known.sum(axis=0), 1))
        names = [written(name) for name in self.classes_.tolist()]
        most, fewest = counts.argmax(), counts.argmin()
        never = [names[place] for place in np.flatnonzero(counts == 0)]
        n_labels = f"{len(names):,} label{'s' * (len(names) > 1)}"
        return (
            f"{n_labels}, {per_row:.3g} in a row; most "
            f"{names[most]} ({counts[most]}), fewest {names[fewest]} ({counts[fewest]})"
            + (f"; in no row: {listed(never, _MOST_MISSING)}" if never else "")
        )


def _named(labels: Sequence[Any]) -> str:
    return listed(map(written, labels), _MOST_NAMED) or "none"
