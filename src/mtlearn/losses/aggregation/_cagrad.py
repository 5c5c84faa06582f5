"""The gradient near the mean that serves the worst task best."""

import numpy as np
import torch
from scipy.optimize import brentq

from mtlearn._utils._validation import check_real
from mtlearn.losses.aggregation._base import Aggregation
from mtlearn.losses.aggregation._cone import shortest_in_hull

# Of the root of the mean squared length: a shorter gradient of the hull has no
# direction that is more than rounding.
_LEAST = 1e-5


class CAGrad(Aggregation):
    """Take, of the gradients near the mean, the one that serves the worst task best.

    With the mean gradient g0, it is the d with ``|d - g0| <= c * |g0|`` whose least
    product with a task's gradient is the largest.

    Parameters
    ----------
    c : float, default=0.4
        How far from the mean it may be, in [0, 1); 0 takes the mean.

    References
    ----------
    .. [1] B. Liu, X. Liu, X. Jin, P. Stone, Q. Liu, "Conflict-Averse Gradient Descent
       for Multi-task Learning", NeurIPS 2021.

    Examples
    --------
    Of two gradients of one length the mean serves both alike, and is made longer:

    >>> from mtlearn.losses import CAGrad
    >>> CAGrad(c=0.4)([[1.0, 0.0], [0.0, 1.0]]).round(3)
    array([0.7, 0.7])
    """

    def __init__(self, c: float = 0.4) -> None:
        self.c = c

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            The estimator that the value belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the CAGrad of {owner}"
        check_real(self.c, "c", where, low=0, high=1, include_high=False)

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        n = len(gramian)
        gramian = gramian / (np.trace(gramian) / n)
        mean = np.full(n, 1 / n)
        with_mean = gramian @ mean
        radius = self.c * np.sqrt(max(mean @ with_mean, 0))
        if radius == 0:
            return mean
        # The dual: weights in the simplex for which g_w @ g0 + radius * |g_w| is least.
        # With t for |g_w|, radius / 2 * (|g_w|² / t + t) takes the place of the last
        # term, and is least over t where they are equal. For each t the weights are
        # those of the shortest vector in a hull moved by t / radius * g0.
        moved = np.add.outer(with_mean, with_mean)
        squared = mean @ with_mean

        def weights_at(length: float) -> np.ndarray:
            shift = length / radius
            return shortest_in_hull(gramian + shift * moved + shift**2 * squared)

        def length_of(weights: np.ndarray) -> float:
            return np.sqrt(max(weights @ gramian @ weights, 0))

        def excess(length: float) -> float:
            return length - length_of(weights_at(length))

        longest = np.sqrt(np.diagonal(gramian).max())
        found = _LEAST
        if excess(_LEAST) < 0:
            found = brentq(excess, _LEAST, longest * (1 + 1e-9), rtol=1e-9)
        weights = weights_at(found)
        return mean + radius / max(found, length_of(weights)) * weights
