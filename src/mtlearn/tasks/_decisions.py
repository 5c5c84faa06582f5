"""Decisions of a kind that a threshold on a probability makes."""

from typing import Any, Protocol

import numpy as np

# Samples with a label, below which what is learned of them alone is mostly chance.
FEW_SAMPLES = 10


class Decisions(Protocol):
    """What is there or not, and is said to be there above some probability."""

    def chances(self, activated: np.ndarray) -> np.ndarray:
        """Give the probabilities that are decided on.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_outputs)
            What `activate` returned.

        Returns
        -------
        ndarray of shape (n_samples, n_decisions)
            Of what may be there.
        """

    def outputs_at(self, chances: np.ndarray) -> np.ndarray:
        """Give an output that has such probabilities, the inverse of `chances`.

        Parameters
        ----------
        chances : ndarray of shape (n_decisions,)
            Of what may be there.

        Returns
        -------
        ndarray of shape (1, n_outputs)
            As `activate` gives it.
        """

    def truths(
        self, labels: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give what would be the right decisions.

        Parameters
        ----------
        labels : ndarray of shape (n_labelled,) or (n_labelled, k)
            Labels.
        weight : ndarray of the same shape
            Weights; zero where one of several is missing.

        Returns
        -------
        truth : ndarray of shape (n_labelled, n_decisions)
            1 where something is there, else 0.
        weight : ndarray of the same shape
            Zero where nobody knows.
        """

    def decided(self, activated: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Give the labels that follow from other thresholds.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_outputs)
            What `activate` returned.
        thresholds : ndarray of shape (n_decisions,)
            Probabilities above which something is said to be there.

        Returns
        -------
        ndarray
            As `decode` gives them.
        """

    def labels_asked(self) -> list[Any]:
        """Give the label that each decision is about."""

    def own_thresholds(self) -> np.ndarray:
        """Give the thresholds of `decode`, `(n_decisions,)`."""

    def deciding_at(self, thresholds: np.ndarray) -> Any:
        """Give a fitted task like this one, which decides by other thresholds.

        Parameters
        ----------
        thresholds : ndarray of shape (n_decisions,)
            Probabilities above which something is said to be there.

        Returns
        -------
        Task
            What it learned otherwise is the same.
        """
