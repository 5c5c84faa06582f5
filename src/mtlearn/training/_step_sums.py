"""What the losses of a step are divided by."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from mtlearn.data import Samples, Share


class StepSums:
    """The sums of weights that are expected of a batch, by task.

    They are the rows of the batch times the mean weight of a row: not the sums of the
    batch at hand, which would take away what its weights say. Of a batch of all rows
    they are the very sums.

    Parameters
    ----------
    samples : Samples
        The rows that training draws its batches from, with labels.
    united : sequence of float, default=()
        By task, the share of the rows of a batch whose labels are united with those of
        another row; empty for none.
    """

    def __init__(self, samples: Samples, united: Sequence[float] = ()) -> None:
        assert samples.labels is not None
        weights = samples.labels.loss_weights
        self._dtype, self._device = weights[0].dtype, weights[0].device
        exact = [each.cpu().double().numpy() for each in weights]
        self._means = [_mean_weight(each, samples.chances) for each in exact]
        self._changes = {
            place: share * _change_by_union(samples, place, exact[place])
            for place, share in enumerate(united)
            if share
        }
        self._sums: dict[int, Tensor] = {}

    def of(self, n_rows: int, share: Share | None = None) -> Tensor:
        """Give the sums of a batch.

        Parameters
        ----------
        n_rows : int
            Rows of the batch.
        share : Share or None, default=None
            What they are of a batch that several processes share, if they do: the sums
            are those of the whole.

        Returns
        -------
        Tensor of shape (n_tasks,)
            Of the type of the weights, where these are; 1 for a task without any. It is
            made once for each number of rows, so that no step waits for it.
        """
        n_alone = 1  # one is its own partner, in each process
        if share is not None:
            n_rows, n_alone = share.n_rows, share.n_sharing
        if n_rows not in self._sums:
            exact = [float(mean * n_rows) for mean in self._means]
            for place, change in self._changes.items():
                exact[place] += (n_rows - n_alone) * change
            sums = torch.tensor(exact, dtype=self._dtype, device="cpu")
            self._sums[n_rows] = torch.where(sums > 0, sums, 1.0).to(self._device)
        return self._sums[n_rows]


def _mean_weight(weights: np.ndarray, chances: np.ndarray | None) -> Fraction:
    """Give the mean weight of the rows that are drawn, exact in what it is made of."""
    if chances is None:
        return Fraction(weights.sum()) / len(weights)
    of_rows = weights if weights.ndim == 1 else weights.sum(axis=1)
    return Fraction((of_rows * chances).sum()) / Fraction(chances.sum())


def _change_by_union(samples: Samples, place: int, weights: np.ndarray) -> float:
    """Give by how much the mean weight of a row changes where it has a partner.

    A cell that is known meets an unknown one in a share of the rows: it then counts for
    both if it says that the label is there, and else no longer.
    """
    assert samples.labels is not None
    values = samples.labels.values[place]
    assert values is not None
    there = values.cpu().numpy() > 0
    chances = samples.chances
    if chances is None:  # no row is drawn twice
        of_rows = np.full(len(weights), 1 / len(weights))
        others = max(len(weights) - 1, 1) / len(weights)
    else:
        of_rows, others = chances / chances.sum(), 1.0
    unknown = of_rows @ (weights == 0) / others
    return float((unknown * (of_rows @ np.where(there, weights, -weights))).sum())
