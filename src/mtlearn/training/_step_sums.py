"""What the losses of a step are divided by."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from mtlearn.data import Samples


class StepSums:
    """The sums of weights that are expected of a batch, by task.

    They are the rows of the batch times the mean weight of a row: not the sums of the
    batch at hand, which would take away what its weights say. Of a batch of all rows
    they are the very sums.

    Parameters
    ----------
    samples : Samples
        The rows that training draws its batches from, with labels.
    """

    def __init__(self, samples: Samples) -> None:
        assert samples.labels is not None
        weights = samples.labels.loss_weights
        self._dtype, self._device = weights[0].dtype, weights[0].device
        exact = [each.cpu().double().numpy() for each in weights]
        self._means = [_mean_weight(each, samples.chances) for each in exact]
        self._sums: dict[int, Tensor] = {}

    def of(self, n_rows: int) -> Tensor:
        """Give the sums of a batch.

        Parameters
        ----------
        n_rows : int
            Rows of the batch.

        Returns
        -------
        Tensor of shape (n_tasks,)
            Of the type of the weights, where these are; 1 for a task without any. It is
            made once for each number of rows, so that no step waits for it.
        """
        if n_rows not in self._sums:
            exact = [float(mean * n_rows) for mean in self._means]
            sums = torch.tensor(exact, dtype=self._dtype, device="cpu")
            self._sums[n_rows] = torch.where(sums > 0, sums, 1.0).to(self._device)
        return self._sums[n_rows]


def _mean_weight(weights: np.ndarray, chances: np.ndarray | None) -> Fraction:
    """Give the mean weight of the rows that are drawn, exact in what it is made of."""
    if chances is None:
        return Fraction(weights.sum()) / len(weights)
    of_rows = weights if weights.ndim == 1 else weights.sum(axis=1)
    return Fraction((of_rows * chances).sum()) / Fraction(chances.sum())
