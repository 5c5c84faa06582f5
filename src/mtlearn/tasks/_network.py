"""What of the network belongs to a task."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

import numpy as np
from torch import Tensor, nn

from mtlearn.tasks._head import HeadLike


class TaskNetwork(ABC):
    """The head of a task: how wide it is, what it ends on, and what it begins with."""

    makes_inputs: ClassVar[bool] = False
    """Whether its output is what the network was given, as well as it can tell.

    Such a kind has a method `errors` of outputs and inputs.
    """

    head: HeadLike | None

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Width of the network's output for this task."""

    @property
    def n_scores(self) -> int:
        """Width of the head's last linear layer; all of the output unless it ends on.

        See `head_end`.
        """
        return self.n_outputs

    @property
    def score_shape(self) -> tuple[int, ...]:
        """Shape of the scores of one sample, which a module given as a head returns."""
        return (self.n_scores,)

    @property
    def own_head(self) -> HeadLike | None:
        """What the user gave for a head; None takes the estimator's default."""
        return self.head

    def seeing(self, input_shape: tuple[int, ...]) -> Self:
        """Give a task that knows what the network is given, if that matters to it.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one sample: `(n_channels, height, width)` or `(n_columns,)`.
        """
        return self

    def head_end(self) -> Callable[[], nn.Module] | None:
        """Give what makes the module that turns these scores into the output, if any.

        It gets scores `(n_samples, n_scores)` and returns `(n_samples, n_outputs)`,
        both in the type of the network's weights.
        """
        return None

    def mean_output(self) -> Callable[[Tensor], Tensor] | None:
        """Give what makes one output of those of a network's members.

        It gets `(n_samples, n_members, n_outputs)` and returns `(n_samples,
        n_outputs)`, of which `activate` makes the mean of what it makes of each. None
        takes the mean of the outputs themselves.
        """
        return None

    def head_start(self) -> np.ndarray | None:
        """Give what the last biases begin with, `(n_scores,)`; None: as torch draws."""
        return None

    def drawn_by(self, shares: np.ndarray) -> Self:
        """Give a task whose head begins as if its labels had other shares, if any has.

        Parameters
        ----------
        shares : ndarray of shape (n_labels,)
            Of `present_labels`, in the rows that a sampler draws; NaN of no known one.
        """
        return self

    @property
    def denoises(self) -> bool:
        """Whether it learns what inputs are without noise."""
        return False
