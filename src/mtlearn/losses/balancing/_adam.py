"""Adam on some numbers, of which others stand still."""

import numpy as np

_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8


def new_moments(n_tasks: int) -> np.ndarray:
    """Give what `adam_step` keeps: both means and the count of steps, by task."""
    return np.zeros((3, n_tasks))


def adam_step(
    values: np.ndarray,
    moments: np.ndarray,
    gradient: np.ndarray,
    where: np.ndarray,
    lr: float,
) -> None:
    """Take a step where there is a gradient; elsewhere nothing changes.

    An optimiser of torch would move the numbers of an absent task by its momentum.

    Parameters
    ----------
    values : ndarray of shape (n_tasks,)
        Changed in place.
    moments : ndarray of shape (3, n_tasks)
        From `new_moments`; changed in place.
    gradient : ndarray of shape (n_tasks,)
        Anything where there is none.
    where : ndarray of bool of shape (n_tasks,)
        Which numbers move.
    lr : float
        Learning rate.
    """
    slope, (mean, square, count) = gradient[where], moments[:, where]
    mean += (1 - _FIRST) * (slope - mean)
    square += (1 - _SECOND) * (slope * slope - square)
    count += 1
    moments[:, where] = mean, square, count
    deviation = np.sqrt(square / (1 - _SECOND**count)) + _EPSILON
    values[where] -= lr * mean / (1 - _FIRST**count) / deviation
