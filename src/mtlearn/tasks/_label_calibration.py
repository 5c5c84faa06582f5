"""Temperatures of the probabilities of labels, one for each."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from scipy.special import expit, log_expit, logit
from torch import Tensor, sigmoid

from mtlearn.tasks._decisions import FEW_SAMPLES
from mtlearn.tasks._label_scores import LabelScores
from mtlearn.tasks._temperature import lowest_temperature

# Next to 0 and 1 the log-odds have no end.
_SURE = 1e-12


class LabelCalibration(LabelScores):
    """How sure probabilities of labels should be: their log-odds are divided."""

    is_calibrated: ClassVar[bool] = True

    def calibrate(
        self, activated: np.ndarray, labels: np.ndarray, sample_weight: np.ndarray
    ) -> np.ndarray:
        """Find the temperature of each label with the lowest cross-entropy.

        Parameters
        ----------
        activated : ndarray of shape (n_labelled, n_labels)
            Probabilities.
        labels, sample_weight : ndarray
            Labels as `read` gives them, and their weights; zero where a cell is
            missing.

        Returns
        -------
        ndarray of shape (n_labels,)
            What log-odds are to be divided by; NaN of a label that fewer than ten of
            these samples have, or have not.
        """
        truth, weight = self.truths(labels, sample_weight)
        columns = zip(activated.T, truth.T, weight.T, strict=True)
        return np.array([_temperature(*column) for column in columns])

    def calibrated(self, activated: np.ndarray, temperature: np.ndarray) -> np.ndarray:
        """Give the probabilities at a temperature for each label.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, n_labels)
            Probabilities.
        temperature : ndarray of shape (n_labels,)
            Above 0.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The same where the temperature is 1.
        """
        scaled = expit(logit(activated) / temperature)
        return np.where(temperature == np.float64(1), activated, scaled)

    def exported_calibration(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Give `calibrated` of tensors."""
        return lambda chances, temperature: sigmoid(
            (chances.log() - (1 - chances).log()) / temperature
        )


def _temperature(chances: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    known = weight > 0
    truth, weight = truth[known] > 0, weight[known]
    if min(truth.sum(), (~truth).sum()) < FEW_SAMPLES:
        return float("nan")
    odds = logit(np.clip(chances[known], _SURE, 1 - _SURE))
    right = np.where(truth, odds, -odds)

    def cross_entropy(temperature: float) -> float:
        return float(-np.average(log_expit(right / temperature), weights=weight))

    return lowest_temperature(cross_entropy)
