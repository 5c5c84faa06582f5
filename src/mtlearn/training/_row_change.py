"""One change of all rows, in front of a network that predicts."""

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args

import torch
from torch import Tensor

from mtlearn.augmentation import Policy, SharedGenerator
from mtlearn.training._changes import Change, check_batch
from mtlearn.training._randomness import Randomness

# Maps a batch to one like it; of each row to what comes of that row alone.
RowChange = Callable[[Tensor], Tensor]

_OURS = get_args(Policy)


@dataclass(frozen=True)
class SameChange:
    """An augmentation that draws the same for every row.

    Each row becomes what it would alone, with a generator that begins anew, which
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
        if _shares(self.augmentation):
            generator = SharedGenerator().manual_seed(self.seed)
            return self.augmentation(x, generator)
        return torch.cat([self._changed(row) for row in x.split(1)])

    def _changed(self, row: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        # What a callable draws without the generator is the same too.
        with Randomness(self.seed, row.device).for_all():
            changed = self.augmentation(row, generator)
        check_batch(changed, row, "augmentation", self.augmentation)
        return changed


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


def _shares(augmentation: Any) -> bool:
    """Tell whether all rows can share the draws of a whole batch, which is faster."""
    policy = getattr(augmentation, "policy", None)
    # Not subclasses, which may draw in a way of their own.
    return type(augmentation) in _OURS and type(policy) in (*_OURS, str, NoneType)
