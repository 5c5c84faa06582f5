"""The shortest gradient in the hull of all tasks' gradients."""

import numpy as np
import torch

from mtlearn.losses.aggregation._base import Aggregation
from mtlearn.losses.aggregation._cone import shortest_in_hull


class MGDA(Aggregation):
    """Take the shortest of the weighted means of the tasks' gradients.

    Weights are not negative, and their sum is 1. The step lowers the losses of all
    tasks, as far as it is short, or is zero where no step does. It follows the task
    whose gradient is the shortest, which may be one that has nothing left to learn.

    References
    ----------
    .. [1] J.-A. Désidéri, "Multiple-Gradient Descent Algorithm (MGDA) for
       Multiobjective Optimization", Comptes Rendus Mathématique 350, 2012.
    .. [2] O. Sener, V. Koltun, "Multi-Task Learning as Multi-Objective Optimization",
       NeurIPS 2018.

    Examples
    --------
    >>> from mtlearn.losses import MGDA
    >>> MGDA()([[1.0, -1.0], [-1.0, 2.0]]).round(4)
    array([0.6, 0.4])
    """

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        return shortest_in_hull(gramian)
