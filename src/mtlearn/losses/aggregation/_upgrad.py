"""Gradients that are projected so that they hinder no task."""

import numpy as np
import torch

from mtlearn._utils._validation import check_real
from mtlearn.losses.aggregation._base import Aggregation
from mtlearn.losses.aggregation._cone import not_negative, root_of


class UPGrad(Aggregation):
    """Project each gradient onto the cone of what hinders no task, and take the mean.

    The aggregated gradient has no negative product with that of any task, but for what
    `ridge` allows. Without a conflict it is the mean of the gradients.

    Parameters
    ----------
    ridge : float, default=1e-4
        What is added to the diagonal of the Gramian, in units of its trace, above 0:
        how nearly opposite gradients may be before they count as less so.

    References
    ----------
    .. [1] P. Quinton, V. Rey, "Jacobian Descent for Multi-Objective Optimization",
       2024.

    Examples
    --------
    >>> from mtlearn.losses import UPGrad
    >>> UPGrad()([[1.0, -1.0], [-1.0, 2.0]]).round(2)
    array([1.  , 0.75])
    """

    def __init__(self, ridge: float = 1e-4) -> None:
        self.ridge = ridge

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
        where = f"the UPGrad of {owner}"
        check_real(self.ridge, "ridge", where, low=0, include_low=False)

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        root = root_of(gramian / np.trace(gramian), self.ridge)
        # What is added to each gradient is a combination, without negative weights, of
        # all gradients: the one that leaves the least.
        added = [not_negative(root, -column) for column in root.T]
        return (np.eye(len(gramian)) + added).mean(axis=0)
