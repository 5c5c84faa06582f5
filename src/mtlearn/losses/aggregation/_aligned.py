"""Gradients that are made orthogonal and of one length."""

import numpy as np
import torch

from mtlearn.losses.aggregation._base import Aggregation


class AlignedMTL(Aggregation):
    """Take the mean of the gradients after they were made orthogonal, of one length.

    The matrix of gradients gets equal singular values: the smallest one, but for those
    that are zero within rounding.

    References
    ----------
    .. [1] D. Senushkin, N. Patakin, A. Kuznetsov, A. Konushin, "Independent Component
       Alignment for Multi-Task Learning", CVPR 2023.

    Examples
    --------
    Gradients that are orthogonal already get the length of the shortest one:

    >>> from mtlearn.losses import AlignedMTL
    >>> AlignedMTL()([[1.0, 0.0], [0.0, 4.0]])
    array([0.5 , 0.25])
    """

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        n = len(gramian)
        values, vectors = np.linalg.eigh(gramian)
        counts = values > values.max() * n * np.finfo(np.float32).eps
        values, vectors = values[counts], vectors[:, counts]
        mean = np.full(n, 1 / n)
        return vectors @ ((vectors.T @ mean) * np.sqrt(values.min() / values))
