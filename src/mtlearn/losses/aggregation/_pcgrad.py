"""Gradients that give up what conflicts with others."""

import numpy as np
import torch

from mtlearn.losses.aggregation._base import Aggregation


class PCGrad(Aggregation):
    """Project each task's gradient onto the normal planes of those it conflicts with.

    For each task the others are gone through in random order. Where the gradient, as
    it is by then, has a negative product with that of another task, it gives up its
    part along it. The sum over tasks is the aggregated gradient; without a conflict it
    is the sum of the gradients, as in training without aggregation.

    In training the order is drawn from a generator of the fit.

    References
    ----------
    .. [1] T. Yu, S. Kumar, A. Gupta, S. Levine, K. Hausman, C. Finn, "Gradient Surgery
       for Multi-Task Learning", NeurIPS 2020.

    Examples
    --------
    The gradients (1, 0) and (-1, 1) become (0.5, 0.5) and (0, 1):

    >>> from mtlearn.losses import PCGrad
    >>> PCGrad()([[1.0, -1.0], [-1.0, 2.0]])
    array([2. , 1.5])
    """

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        n = len(gramian)
        # Each row has a task's gradient as a combination of all gradients.
        parts = np.eye(n)
        for i, part in enumerate(parts):
            others = np.delete(np.arange(n), i)
            if generator is not None:
                drawn = torch.randperm(n - 1, generator=generator, device="cpu")
                others = others[drawn.numpy()]
            for j in others:
                product = part @ gramian[:, j]
                if product < 0:
                    part[j] -= product / gramian[j, j]
        return parts.sum(axis=0)
