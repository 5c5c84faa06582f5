"""Learning rates: of the heads, of the backbone, and of its layers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MultiTaskNetwork, layer_numbers


@dataclass(frozen=True)
class Rates:
    """Which learning rate each weight has.

    Attributes
    ----------
    heads : float
        Of all that is not told apart.
    backbone : float or None
        Of the weights that the tasks share; None: that of the heads.
    layer_decay : float or None
        By how much it falls from each of their layers to the one before. The last of
        them has it once, next to the heads, which have it not at all.
    """

    heads: float
    backbone: float | None = None
    layer_decay: float | None = None

    @property
    def parameter(self) -> str | None:
        """The parameter by which weights are told apart; None where they are not."""
        if self.layer_decay is not None:
            return "layer_decay"
        return None if self.backbone is None else "backbone_lr"

    def groups(
        self, network: MultiTaskNetwork, learnable: Iterable[nn.Parameter]
    ) -> list[tuple[float, list[nn.Parameter]]]:
        """Give the groups of weights that have a rate of their own.

        Parameters
        ----------
        network : MultiTaskNetwork
            The network.
        learnable : iterable of Parameter
            All weights, those of the loss among them.

        Returns
        -------
        list of (float, list of Parameter)
            The layers of the backbone, from the first one on, and the heads with what
            the tasks do not share.

        Raises
        ------
        InvalidParameterError
            If the tasks share no weights that could have another rate.
        """
        if self.parameter is None:
            return [(self.heads, list(learnable))]
        layers = self._layers(network)
        if not layers:
            raise InvalidParameterError(
                f"The {self.parameter!r} parameter must be None where the backbone has "
                "no weights that the tasks share. Got "
                f"{self.layer_decay or self.backbone!r} instead."
            )
        base = self.heads if self.backbone is None else self.backbone
        decay = 1.0 if self.layer_decay is None else self.layer_decay
        depth = len(layers)
        groups = [(base * decay ** (depth - k), each) for k, each in enumerate(layers)]
        shared = {id(weight) for layer in layers for weight in layer}
        others = [weight for weight in learnable if id(weight) not in shared]
        return [*groups, (self.heads, others)] if others else groups

    def _layers(self, network: MultiTaskNetwork) -> list[list[nn.Parameter]]:
        shared = network.shared_parameters()
        if self.layer_decay is None:
            return [list(shared.values())] if shared else []
        numbers = layer_numbers(network.backbone)
        layers: dict[int, list[nn.Parameter]] = defaultdict(list)
        for name, weight in shared.items():
            layers[numbers[name]].append(weight)
        return [layers[number] for number in sorted(layers)]
