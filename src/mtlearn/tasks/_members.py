"""What an ensemble asks of a kind, whose members were fitted on other rows."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import combinations
from typing import Self

import numpy as np


class TaskMembers(ABC):
    """How the members of an ensemble lie apart, and what they know together."""

    @abstractmethod
    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Map outputs to labels."""

    def disagreement(
        self, members: Sequence[np.ndarray], sample_weight: np.ndarray
    ) -> float:
        """Tell how far the members of an ensemble lie apart.

        Parameters
        ----------
        members : sequence of ndarray of shape (n_labelled, n_outputs)
            What `activate` returned for each.
        sample_weight : ndarray of shape (n_labelled,)
            Positive weights, at least one.

        Returns
        -------
        float
            Share of the samples about which two members differ, as a mean over pairs;
            a kind may say it in its own units.
        """
        predicted = [self.decode(output) for output in members]
        shares = [
            np.average(one != other, weights=sample_weight)
            for one, other in combinations(predicted, 2)
        ]
        return float(np.mean(shares)) if shares else 0.0

    def join(self, others: Sequence[Self]) -> Self:
        """Give a fitted task that knows what this one and others of its kind know.

        Parameters
        ----------
        others : sequence of Task
            Fitted on other rows of the same target.

        Returns
        -------
        Task
            This one, where the others know nothing more.
        """
        return self

    def align(self, activated: np.ndarray, source: Self) -> np.ndarray:
        """Bring the outputs of another task of this kind to the order of this one's.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_outputs)
            What `activate` of the other one returned.
        source : Task
            The other one, which `join` has taken in.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Outputs of this task.
        """
        return activated
