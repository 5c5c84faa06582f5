"""Thresholds between ordered classes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mtlearn.tasks._label_chances import softplus

# Between two thresholds, at first, where a class is rare or absent.
_LEAST_GAP = 0.05


class OrderedThresholds(nn.Module):
    """From one number a sample to logarithms of probabilities of ordered classes."""

    def __init__(self, shares: Sequence[float], ranks: Sequence[int]) -> None:
        super().__init__()
        up_to = np.clip(np.cumsum(shares)[:-1] / np.sum(shares), 1e-3, 1 - 1e-3)
        starts = np.log(up_to / (1 - up_to))
        gaps = np.maximum(np.diff(starts), _LEAST_GAP)
        self.first = nn.Parameter(torch.tensor(starts[:1], dtype=torch.float32))
        # The inverse of softplus, which keeps them positive.
        self.gaps = nn.Parameter(
            torch.tensor(np.log(np.expm1(gaps)), dtype=torch.float32)
        )
        self.ranks = list(ranks)

    def forward(self, score: Tensor) -> Tensor:
        """Return the logarithms of the probabilities, in the order of the classes."""
        gaps = softplus(self.gaps)
        up_to = torch.cat([self.first, self.first + gaps.cumsum(0)]) - score
        below, above = -softplus(-up_to), -softplus(up_to)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a))
        between = below[:, 1:] + above[:, :-1] + torch.log(-torch.expm1(-gaps))
        in_order = torch.cat([below[:, :1], between, above[:, -1:]], dim=1)
        # Not by an index, which a device would be waited for to be given.
        columns = in_order.unbind(dim=1)
        return torch.stack([columns[rank] for rank in self.ranks], dim=1)


def with_temperature(chances: Tensor, temperature: Tensor | float) -> Tensor:
    """Divide the log odds of lying below each threshold by a temperature.

    So the median stays, unlike where the logarithms of the chances are divided.

    Parameters
    ----------
    chances : Tensor of shape (n_samples, n_classes)
        Probabilities, in the order of the classes.
    temperature : Tensor or float
        Above 0.

    Returns
    -------
    Tensor of shape (n_samples, n_classes)
        Probabilities.
    """
    n_classes = chances.shape[1]
    is_below = chances.new_ones(n_classes, n_classes - 1).triu()
    tiny = torch.finfo(chances.dtype).tiny
    below, above = (
        (chances @ which).clamp(min=tiny).log() for which in (is_below, 1 - is_below)
    )
    odds = (below - above) / temperature
    nothing = torch.zeros_like(chances[:, :1])
    up_to = torch.cat([nothing, torch.sigmoid(odds), nothing + 1], dim=1)
    beyond = torch.cat([nothing + 1, torch.sigmoid(-odds), nothing], dim=1)
    # The difference of the smaller ones, which are less rounded.
    found = torch.where(
        up_to[:, :-1] < 0.5,
        up_to[:, 1:] - up_to[:, :-1],
        beyond[:, :-1] - beyond[:, 1:],
    )
    return found.clamp(min=0)
