"""One change of all rows, in front of a network that predicts."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from mtlearn.augmentation import Policy
from mtlearn.training._changes import Change, check_batch
from mtlearn.training._randomness import Randomness

# Maps a batch to one like it; of each row to what comes of that row alone.
RowChange = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class SameChange:
    """An augmentation that draws the same for every row.

    Each row is changed by itself, with a generator that begins anew: what becomes of it
    depends neither on the other rows nor on how many there are.

    Parameters
    ----------
    augmentation : callable
        Maps a batch and a generator to a batch of the same shape.
    seed : int
        Of the generator.
    """

    augmentation: Change
    seed: int

    def __call__(self, x: Tensor) -> Tensor:
        """Change a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            Inputs of a network.

        Returns
        -------
        Tensor of shape (n_samples, ...)
            Changed inputs.

        Raises
        ------
        InvalidParameterError
            If the augmentation gives something else.
        """
        return torch.cat([self._changed(row) for row in x.split(1)])

    def _changed(self, row: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        with self._drawn(row.device):
            changed = self.augmentation(row, generator)
        check_batch(changed, row, "augmentation", self.augmentation)
        return changed

    def _drawn(self, device: torch.device) -> AbstractContextManager[None]:
        """Let what a callable draws without the generator be the same too."""
        if type(self.augmentation) in get_args(Policy):
            return nullcontext()
        return Randomness(self.seed, device).for_all()


@dataclass(frozen=True)
class TwoChanges:
    """A change of what another has changed.

    Parameters
    ----------
    first, second : callable
        Map a batch to one like it.
    """

    first: RowChange
    second: RowChange

    def __call__(self, x: Tensor) -> Tensor:
        """Change a batch by one and then the other."""
        return self.second(self.first(x))
