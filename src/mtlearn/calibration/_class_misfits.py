"""How ill each class fits, of its probability and those of the others."""

from collections.abc import Callable

import numpy as np

METHODS = ("lac", "aps", "raps")
# Digits of sums of probabilities; others depend on the batch of a row, and not on it.
_DIGITS = 12


def class_misfits(
    method: str, penalty: float, n_free: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Give the function of probabilities that a method sorts classes by.

    Parameters
    ----------
    method : {"lac", "aps", "raps"}
        Which one.
    penalty : float
        Of ``"raps"``, for each class of a set beyond the first ones.
    n_free : int
        How many these are.

    Returns
    -------
    callable
        Maps `(n_samples, n_classes)` to the like.
    """
    if method == "lac":
        return least_ambiguous
    if method == "aps":
        return adaptive
    return lambda chances: regularised(chances, penalty, n_free)


def least_ambiguous(chances: np.ndarray) -> np.ndarray:
    """Give what is missing to certainty.

    Parameters
    ----------
    chances : ndarray of shape (n_samples, n_classes)
        Probabilities.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        One less the probability.
    """
    return np.round(1 - chances, _DIGITS)


def adaptive(chances: np.ndarray) -> np.ndarray:
    """Sum up the probabilities of the classes that are likelier than each.

    Parameters
    ----------
    chances : ndarray of shape (n_samples, n_classes)
        Probabilities.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Sums, 0 of the likeliest; of equal probabilities the first class comes first.
    """
    return regularised(chances, 0.0, 0)


def regularised(chances: np.ndarray, penalty: float, n_free: int) -> np.ndarray:
    """Give the same sums, and more for each class beyond the likeliest ones.

    Parameters
    ----------
    chances : ndarray of shape (n_samples, n_classes)
        Probabilities.
    penalty : float
        For each class beyond.
    n_free : int
        How many are without.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Sums.
    """
    order = np.argsort(-chances, axis=1, kind="stable")
    sums = np.zeros(chances.shape)
    sums[:, 1:] = np.take_along_axis(chances, order, axis=1)[:, :-1].cumsum(axis=1)
    ranks = np.arange(1, chances.shape[1] + 1)
    sums += penalty * np.maximum(ranks - n_free, 0)
    found = np.empty_like(sums)
    np.put_along_axis(found, order, np.round(sums, _DIGITS), axis=1)
    return found
