"""Gradients of least length: in the hull of the tasks' gradients, and in their cone."""

import numpy as np
from scipy.optimize import nnls

# Of the mean squared length. It tells equal gradients apart, and moves no weight that
# counts by more.
_RIDGE = 1e-10
# More than any of such small problems takes.
_STEPS_PER_TASK = 100


def root_of(gramian: np.ndarray, ridge: float) -> np.ndarray:
    """Give R with ``R.T @ R = gramian + ridge * I``; what is below zero is noise."""
    values, vectors = np.linalg.eigh(gramian)
    return (vectors * np.sqrt(np.maximum(values, 0) + ridge)).T


def not_negative(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Give the x of no negative number for which ``matrix @ x`` is next to a target."""
    return nnls(matrix, target, maxiter=_STEPS_PER_TASK * matrix.shape[1])[0]


def shortest_in_hull(gramian: np.ndarray) -> np.ndarray:
    """Give the weights, of sum 1, of the shortest vector in a hull.

    Parameters
    ----------
    gramian : ndarray of shape (n, n)
        Inner products of its corners, not all zero.

    Returns
    -------
    ndarray of shape (n,)
        Weights.
    """
    n = len(gramian)
    root = root_of(gramian / (np.trace(gramian) / n), _RIDGE)
    # |R z|² + (sum(z) - 1)² is least at a multiple of the weights of sum 1 for which
    # the first term is, whatever the second one is multiplied by.
    matrix = np.vstack([root, np.ones((1, n))])
    found = not_negative(matrix, np.append(np.zeros(n), 1.0))
    return found / found.sum()
