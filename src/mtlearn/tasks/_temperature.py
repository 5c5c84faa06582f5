"""Temperatures of probabilities."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

# Far beyond what networks need; between them the loss has one minimum.
_COLDEST, _HOTTEST = 0.05, 20.0


def best_temperature(
    probabilities: np.ndarray,
    indices: np.ndarray,
    sample_weight: np.ndarray,
    log_at: Callable[[np.ndarray, float], np.ndarray],
) -> float:
    """Find the temperature with the lowest cross-entropy.

    Parameters
    ----------
    probabilities : ndarray of shape (n_labelled, n_classes)
        Of the classes.
    indices : ndarray of shape (n_labelled,)
        True classes.
    sample_weight : ndarray of shape (n_labelled,)
        Positive weights.
    log_at : callable
        Gets the probabilities and a temperature, and returns logarithms.

    Returns
    -------
    float
        1 of a single class.
    """
    if probabilities.shape[1] == 1:
        return 1.0
    places = np.arange(len(indices))

    def cross_entropy(temperature: float) -> float:
        found = log_at(probabilities, temperature)
        return float(-np.average(found[places, indices], weights=sample_weight))

    return lowest_temperature(cross_entropy)


def lowest_temperature(cross_entropy: Callable[[float], float]) -> float:
    """Find the temperature at which a cross-entropy is lowest.

    Parameters
    ----------
    cross_entropy : callable
        Gets a temperature.

    Returns
    -------
    float
        1 where no other is better.
    """
    found = minimize_scalar(
        lambda logarithm: cross_entropy(float(np.exp(logarithm))),
        bounds=(np.log(_COLDEST), np.log(_HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x)) if found.fun < cross_entropy(1.0) else 1.0


def scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the scores before the softmax by a temperature."""
    if temperature == 1:
        return probabilities
    return softmax(log_of(probabilities) / temperature, axis=1)


def log_scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Give the logarithms of what `scaled` returns."""
    return log_softmax(log_of(probabilities) / temperature, axis=1)


def log_of(probabilities: np.ndarray) -> np.ndarray:
    """Take logarithms, which are scores before a softmax, also of zero."""
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
