"""The random numbers of a fit."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from mtlearn.networks import drawing_from
from mtlearn.training._rerouting import lent, rerouted


class Randomness:
    """Generators that belong to one fit.

    They draw the weights of a network and what it drops in training, and all that a
    user's code draws from torch without a generator of its own.

    Parameters
    ----------
    seed : int
        Seed.
    device : torch.device
        Where the network is.

    Attributes
    ----------
    draws_again : bool
        Whether the network is known to draw in its backward pass too.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        devices = {"cpu": torch.device("cpu"), device.type: device}
        self.generators = {
            kind: torch.Generator(each).manual_seed(seed)
            for kind, each in devices.items()
        }
        self.draws_again = False

    def for_layers(self) -> AbstractContextManager[None]:
        """Let the dropout of this package draw from these generators."""
        return drawing_from(self.generators)

    def for_all(self) -> AbstractContextManager[None]:
        """Let all that the calling thread draws come from these generators.

        Each call of torch takes a little longer.
        """
        return rerouted(self.generators)

    @contextmanager
    def for_all_threads(self) -> Iterator[None]:
        """Let torch's default generators draw the same numbers.

        For what cannot be told where to draw from, such as a compiled network. What
        other threads draw meanwhile comes from here too.
        """
        with drawing_from({}), lent(self.generators.values()):
            yield

    def state(self) -> dict[str, Any]:
        """Give what the numbers to come depend on."""
        states = {kind: each.get_state() for kind, each in self.generators.items()}
        return {"generators": states, "draws_again": self.draws_again}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` has given."""
        for kind, generator in self.generators.items():
            if kind in state["generators"]:  # else it began on another device
                generator.set_state(state["generators"][kind])
        self.draws_again = state["draws_again"]
