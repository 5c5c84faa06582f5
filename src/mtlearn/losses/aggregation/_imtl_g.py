"""The gradient that is alike to all tasks."""

import numpy as np
import torch

from mtlearn.losses.aggregation._base import Aggregation

# Of the largest eigenvalue, and of one: gradients have about seven digits.
_NOISE = 1e-6


class IMTLG(Aggregation):
    """Take the gradient whose projections onto all tasks' gradients are equal.

    Each task's gradient counts by its direction alone, and the weights add up to 1.
    Weights may be negative. Where the gradients are such that all projections can only
    be zero, as two opposite ones, all weights are 0.

    References
    ----------
    .. [1] L. Liu, Y. Li, Z. Kuang, J.-H. Xue, Y. Chen, W. Yang, Q. Liao, W. Zhang,
       "Towards Impartial Multi-task Learning", ICLR 2021.

    Examples
    --------
    >>> from mtlearn.losses import IMTLG
    >>> IMTLG()([[1.0, 0.0], [0.0, 9.0]])
    array([0.75, 0.25])
    """

    def _weights(
        self, gramian: np.ndarray, generator: torch.Generator | None
    ) -> np.ndarray:
        lengths = np.sqrt(np.diagonal(gramian))
        cosines = gramian / np.outer(lengths, lengths)
        inverse = np.linalg.pinv(cosines, rcond=_NOISE, hermitian=True)
        ones = np.ones(len(gramian))
        of_units = inverse @ ones
        if np.abs(cosines @ of_units - ones).max() > np.sqrt(_NOISE):
            return np.zeros(len(gramian))
        weights = of_units / lengths
        # Of three tasks or more the sum may be negative, and the step would be one that
        # harms each of them; or about zero, and the step without bounds.
        total = max(abs(weights.sum()), 1e-3 * np.abs(weights).sum())
        return weights / total
