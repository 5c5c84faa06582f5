"""What the members of an ensemble know of labels."""

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np

from mtlearn.tasks._label_calibration import LabelCalibration
from mtlearn.tasks._label_parameters import as_labels


class LabelMembers(LabelCalibration):
    """Labels that members have learned of sets, of which each may have seen others."""

    pos_weight_: np.ndarray

    def join(self, others: Sequence[Self]) -> Self:
        """Give a task with the labels of all, with means of what was learned of each.

        Parameters
        ----------
        others : sequence of MultiLabel
            Fitted on other rows of the same target.

        Returns
        -------
        MultiLabel
            This one, if all have the same labels.
        """
        members = [self, *others]
        if all(np.array_equal(self.classes_, task.classes_) for task in others):
            return self
        joined = copy.copy(self)
        named = set().union(*(task.classes_.tolist() for task in members))
        joined.classes_ = as_labels(sorted(named))
        for name in ("prevalence_", "pos_weight_", "thresholds_"):
            columns = np.full((len(members), len(named)), np.nan)
            for row, task in zip(columns, members, strict=True):
                row[joined._places_of(task)] = getattr(task, name)
            setattr(joined, name, np.nanmean(columns, axis=0))
        return joined

    def align(self, activated: np.ndarray, source: Self) -> np.ndarray:
        """Bring the probabilities of another task to the labels of this one.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_labels)
            Probabilities of the other one's labels.
        source : MultiLabel
            The other one, whose labels are among this one's.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Zero for a label that the other one does not know.
        """
        if np.array_equal(self.classes_, source.classes_):
            return activated
        aligned = np.zeros((len(activated), len(self.classes_)))
        aligned[:, self._places_of(source)] = activated
        return aligned

    def _places_of(self, source: LabelCalibration) -> list[int]:
        places = {label: i for i, label in enumerate(self.classes_.tolist())}
        return [places[label] for label in source.classes_.tolist()]
