"""What is decided of labels, and how it is scored."""

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mtlearn.losses import Inputs
from mtlearn.tasks._decisions import Decisions
from mtlearn.tasks._figure import Figure, LabelFigure, ScoredLabels
from mtlearn.tasks._label_figures import (
    FIGURES_BY_LABEL,
    LABEL_FIGURES,
    as_cells,
    bound,
    mean_f1,
)
from mtlearn.tasks._label_shown import LabelShown


class LabelScores(LabelShown):
    """Decisions by a threshold for each label, and their figures."""

    prevalence_: np.ndarray

    @property
    def decisions(self) -> Decisions:
        """Whether each label is there: what is asked, the task answers itself."""
        return self

    def chances(self, activated: np.ndarray) -> np.ndarray:
        """Give the probability of each label."""
        return activated

    def outputs_at(self, chances: np.ndarray) -> np.ndarray:
        """Give a row of these probabilities."""
        return chances[np.newaxis]

    def decided(self, activated: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Give 1 for labels that are more probable than thresholds.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_labels)
            Probabilities.
        thresholds : ndarray of shape (n_labels,)
            Of each label.

        Returns
        -------
        ndarray of int64 of shape (n_samples, n_labels)
            0 or 1.
        """
        return (activated > thresholds).astype(np.int64)

    def labels_asked(self) -> list[Any]:
        """Give the labels."""
        return self.classes_.tolist()

    def own_thresholds(self) -> np.ndarray:
        """Give `thresholds_`."""
        return self.thresholds_

    def deciding_at(self, thresholds: np.ndarray) -> Self:
        """Give a task that decides by other thresholds."""
        task = copy.copy(self)
        task.thresholds_ = thresholds
        return task

    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Give 1 for labels that are more probable than their thresholds.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_labels)
            Probabilities.

        Returns
        -------
        ndarray of int64 of shape (n_samples, n_labels)
            0 or 1.
        """
        return self.decided(activated, self.thresholds_)

    def statistics(
        self,
        output: Tensor,
        target: Tensor,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> Tensor:
        """Sum up, by label, the weights of right answers, of true and of found ones.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_labels)
            Scores.
        target : Tensor of shape (n_samples, n_labels)
            0 or 1.
        weight : Tensor of shape (n_samples, n_labels)
            Weights, zero where a cell is missing.
        inputs : Inputs, default=None
            Not used.

        Returns
        -------
        Tensor of shape (3 * n_labels,)
            Three sums for each label.
        """
        cuts = torch.as_tensor(self.thresholds_, device=output.device)
        found, weight = (self.activate(output) > cuts).double(), weight.double()
        true = torch.where(weight > 0, target.double(), 0.0)
        parts = [(weight * each).sum(dim=0) for each in (true * found, true, found)]
        return torch.cat(parts)

    def metric_from(self, statistics: np.ndarray) -> float:
        """Compute the mean F1 from added-up statistics.

        Parameters
        ----------
        statistics : ndarray of shape (3 * n_labels,)
            Sums over batches.

        Returns
        -------
        float
            Over the labels that are there at all, in [0, 1]; NaN if none is.
        """
        return mean_f1(*np.split(statistics, 3))

    def figures(self) -> Mapping[str, Figure]:
        """Give F1 scores, shares of labels and of rows, and figures of probabilities.

        Returns
        -------
        mapping of str to Figure
            By name.
        """
        return {name: bound(figure, self) for name, figure in LABEL_FIGURES.items()}

    def by_cell(self, labels: ScoredLabels) -> ScoredLabels:
        """Give indicators of labels that came as sets.

        Parameters
        ----------
        labels : ScoredLabels
            As `read` and `lay_out` have them.

        Returns
        -------
        ScoredLabels
            Of shape (n_labelled, n_labels).
        """
        return as_cells(labels, self)

    def figures_by_label(self) -> Mapping[str, LabelFigure]:
        """Give what reports have of each label.

        Returns
        -------
        mapping of str to LabelFigure
            By name.
        """
        return {name: bound(figure, self) for name, figure in FIGURES_BY_LABEL.items()}

    def baseline_output(self) -> np.ndarray:
        """Give the share of training samples that have each label.

        Returns
        -------
        ndarray of shape (n_labels,)
            Probabilities.
        """
        return self.prevalence_

    def baseline(self) -> Any:
        """Give the answer for each label that most training samples have.

        Returns
        -------
        ndarray of shape (n_labels,)
            0 or 1.
        """
        return (self.prevalence_ > 0.5).astype(np.int64)
