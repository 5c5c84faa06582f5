"""What all ways to weigh the tasks' gradients have in common."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import ArrayLike

from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import InvalidDataError


class Aggregation(VersionedEstimator, ABC):
    """Weights of tasks that follow from the inner products of their gradients.

    With the gradients of the tasks in the rows of J, the Gramian is ``J @ J.T``, and
    the aggregated gradient is ``weights @ J``. A task without any gradient has the
    weight 0, and those of the others are what they would be without it.
    """

    def __call__(
        self, gramian: ArrayLike, generator: torch.Generator | None = None
    ) -> np.ndarray:
        """Compute the weights.

        Parameters
        ----------
        gramian : array-like of shape (n_tasks, n_tasks)
            Inner products of the tasks' gradients, finite; also a tensor on the CPU.
        generator : torch.Generator, default=None
            What is drawn comes from it; None draws nothing, and takes tasks in their
            order.

        Returns
        -------
        ndarray of shape (n_tasks,)
            Weights, of float64.

        Raises
        ------
        InvalidDataError
            If it is not square, or not finite.
        """
        given = np.asarray(gramian, dtype=np.float64)
        if given.ndim != 2 or len(given) != given.shape[-1]:
            raise InvalidDataError(
                f"{type(self).__name__} expects a Gramian of shape (n_tasks, n_tasks). "
                f"Got shape {given.shape} instead."
            )
        if not np.isfinite(given).all():
            raise InvalidDataError(
                f"{type(self).__name__} expects a Gramian of finite numbers. Got some "
                "that are infinite or NaN."
            )
        moving = np.flatnonzero(np.diagonal(given) > 0)
        weights = np.zeros(len(given))
        if len(moving) == 1:
            weights[moving] = 1.0
        elif len(moving):
            among = given[np.ix_(moving, moving)]
            weights[moving] = self._weights(among, generator)
        return weights

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

    @abstractmethod
    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        """Compute the weights of two tasks or more, each with some gradient."""
