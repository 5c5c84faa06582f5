"""How right labels are, some of which may be unknown."""

from typing import Any

import numpy as np

from mtlearn.estimators import MultiTaskMixin
from mtlearn.openset._detector import OpenSetDetector
from mtlearn.tasks import Target, known_targets, open_targets


class OpenScored(MultiTaskMixin):
    """The accuracy of tasks that may be unknown, and what other tasks have."""

    detectors_: dict[str, OpenSetDetector]
    unknown_label_: Any

    def _known_targets(
        self, y: Any
    ) -> tuple[tuple[Target, ...], dict[str, np.ndarray]]:
        """Read labels of known classes, and tell which rows are of none, by task."""
        return known_targets(self._codec, y, self.detectors_, self.unknown_label_)

    def _closed_targets(self, y: Any) -> tuple[Target, ...]:
        return self._known_targets(y)[0]

    def _scored_targets(self, y: Any) -> tuple[Target, ...]:
        return open_targets(self._codec, y, self.detectors_, self.unknown_label_)

    def _task_score(
        self,
        name: str,
        labels: np.ndarray,
        predicted: np.ndarray,
        rows: np.ndarray,
        weight: np.ndarray,
    ) -> float:
        if name not in self.detectors_:
            return super()._task_score(name, labels, predicted, rows, weight)
        true = labels.astype(object)
        true[~self.tasks_[name].knows(labels)] = self.unknown_label_
        right = true == predicted[rows].astype(object)
        return float(np.average(right, weights=weight))
