"""Weights that tasks agree on: what each gains is a power of its weight."""

import numpy as np
import torch

from mtlearn._utils._validation import check_real
from mtlearn.losses.aggregation._base import Aggregation

# The least eigenvalue of the cosines. Where a positive combination of the gradients is
# zero there is no solution: it is made up to this.
_LEAST = 1e-6
_STEPS = 200
_ENOUGH = 1e-9


class NashMTL(Aggregation):
    """Take the Nash bargaining solution: ``gramian @ w == 1 / w``.

    The product of what the tasks gain, to first order, is the largest for a step of
    its length. The squared length of the aggregated gradient is the number of tasks,
    whatever those of the gradients are, so that the learning rate alone says how far a
    step goes. Weights are above 0.

    References
    ----------
    .. [1] A. Navon, A. Shamsian, I. Achituve, H. Maron, K. Kawaguchi, G. Chechik,
       E. Fetaya, "Multi-Task Learning as a Bargaining Game", ICML 2022.

    Examples
    --------
    >>> from mtlearn.losses import NashMTL
    >>> NashMTL()([[1.0, 0.0], [0.0, 4.0]]).round(3)
    array([1. , 0.5])
    """

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        return bargained(gramian, 1.0)


class FairGrad(Aggregation):
    """Take the alpha-fair solution: ``gramian @ w == w ** (-1 / alpha)``.

    Weights are above 0. A common factor of all losses changes the weights, as in
    `NashMTL`, which this is with ``alpha=1``.

    Parameters
    ----------
    alpha : float, default=2.0
        How much more the tasks that gain least count, in [0.5, 10]. Beyond, gradients
        of very unequal length would not let the equations be solved.

    References
    ----------
    .. [1] H. Ban, K. Ji, "Fair Resource Allocation in Multi-Task Learning", ICML 2024.

    Examples
    --------
    >>> from mtlearn.losses import FairGrad
    >>> FairGrad(alpha=2.0)([[1.0, 0.0], [0.0, 8.0]]).round(3)
    array([1.  , 0.25])
    """

    def __init__(self, alpha: float = 2.0) -> None:
        self.alpha = alpha

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
        where = f"the FairGrad of {owner}"
        check_real(self.alpha, "alpha", where, low=0.5, high=10)

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        return bargained(gramian, 1 / self.alpha)


def bargained(gramian: np.ndarray, power: float) -> np.ndarray:
    """Solve ``gramian @ w == w ** -power`` for w above 0.

    Parameters
    ----------
    gramian : ndarray of shape (n, n)
        With a diagonal above 0.
    power : float
        Above 0.

    Returns
    -------
    ndarray of shape (n,)
        w.
    """
    lengths = np.sqrt(np.diagonal(gramian))
    unit = np.exp(np.log(lengths).mean())
    relative = lengths / unit
    cosines = gramian / np.outer(lengths, lengths)
    lacking = max(_LEAST - np.linalg.eigvalsh(cosines)[0], 0)
    cosines += lacking * np.eye(len(gramian))
    # Of unit vectors, whose equations are no worse where lengths differ by much:
    # cosines @ z == gains * z ** -power, with w = z / relative but for the unit.
    solution = _newton(cosines, relative ** (power - 1), power)
    return solution / relative * unit ** (-2 / (1 + power))


def _newton(matrix: np.ndarray, gains: np.ndarray, power: float) -> np.ndarray:
    """Solve ``matrix @ z == gains * z ** -power``, where a convex function is least."""

    def terms(z: np.ndarray) -> np.ndarray:
        utility = np.log(z) if power == 1 else z ** (1 - power) / (1 - power)
        return z * (matrix @ z) / 2 - gains * utility

    z, last = gains ** (1 / (1 + power)), np.inf  # that of orthogonal gradients
    for _ in range(_STEPS):
        demand = gains * z**-power
        slope = matrix @ z - demand
        worst = np.max(np.abs(slope) / demand)
        step = -np.linalg.solve(matrix + np.diag(power * demand / z), slope)
        # Nine tenths of the way to where a weight would be 0, at most.
        step = step / max(1.0, np.max(-step / z) / 0.9)
        before = terms(z)
        # What the function cannot tell from none for rounding, where terms cancel too.
        least = 1e-15 * (np.abs(before).sum() + z @ np.abs(matrix) @ z)
        is_near = slope @ step > -least
        if worst <= _ENOUGH or (is_near and worst > last / 2):
            break
        while (terms(z + step) - before).sum() > slope @ step / 4 + least:
            step = step / 2
        z, last = z + step, worst if is_near else np.inf
    return z
