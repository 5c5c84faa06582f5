"""Decisions of a kind that a threshold on a probability makes."""

import numpy as np


class TaskDecisions:
    """What is there or not, and is said to be there above some probability.

    A kind of several labels decides on each; a classification of two classes on the
    second one. Other kinds decide nothing so.
    """

    def chances(self, activated: np.ndarray) -> np.ndarray | None:
        """Give the probabilities that are decided on.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_outputs)
            What `activate` returned.

        Returns
        -------
        ndarray of shape (n_samples, n_decisions) or None
            None of a kind that has no such decisions.
        """
        return None

    def truths(
        self, labels: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give what would be the right decisions, if the kind has any.

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
        raise NotImplementedError

    def decided(self, activated: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Give the labels that follow from other thresholds, if the kind has any.

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
        raise NotImplementedError

    def own_thresholds(self) -> np.ndarray:
        """Give the thresholds of `decode`, `(n_decisions,)`, if the kind has any."""
        raise NotImplementedError
