"""Dense networks of one kind, computed by products of their stacked weights."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn

from mtlearn.networks import MLP, MultiTaskNetwork, OutputLayer

# Of what x is, of shape (n_networks, n_samples, n_features).
Layer: TypeAlias = Callable[[Tensor], Tensor]


class DensePasses:
    """What stacked networks of dense layers compute, without vmap.

    For narrow layers, `torch.func.vmap` takes longer than the products themselves.

    Parameters
    ----------
    backbone : list of callable
        Layers of all networks.
    heads : list of list of callable
        Those of each task.
    """

    def __init__(self, backbone: list[Layer], heads: list[list[Layer]]) -> None:
        self.backbone = backbone
        self.heads = heads

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs, as a stack does."""
        features = _through(self.backbone, x)
        return tuple(_through(head, features) for head in self.heads)

    @classmethod
    def of(
        cls, network: MultiTaskNetwork, weights: Mapping[str, Tensor]
    ) -> "DensePasses | None":
        """Make the passes of networks, if nothing but dense layers is in them.

        Parameters
        ----------
        network : MultiTaskNetwork
            One of them.
        weights : mapping of str to Tensor of shape (n_networks, ...)
            Of all.

        Returns
        -------
        DensePasses or None
            None where there is a layer of another kind.
        """
        parts = [network.backbone, *network.heads]
        names = ["backbone.", *(f"heads.{i}." for i in range(len(network.heads)))]
        found = [
            _layers(part, name, weights)
            for part, name in zip(parts, names, strict=True)
        ]
        known = [each for each in found if each is not None]
        plain = type(network) is MultiTaskNetwork and type(network.backbone) is MLP
        plain = plain and network.columns is None
        return cls(known[0], known[1:]) if plain and known == found else None


def _through(layers: list[Layer], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _layers(
    module: nn.Module, prefix: str, weights: Mapping[str, Tensor]
) -> list[Layer] | None:
    """Give the layers in a module; None if there is one of another kind."""
    kind = type(module)
    if kind is nn.ReLU:
        return [torch.relu]
    if kind is nn.Linear or kind is OutputLayer:
        bias = weights.get(f"{prefix}bias")
        return [partial(_dense, weights[f"{prefix}weight"], bias)]
    if kind is not nn.Sequential and kind is not MLP:
        return None
    found: list[Layer] = []
    for name, child in module.named_children():
        inside = _layers(child, f"{prefix}{name}.", weights)
        if inside is None:
            return None
        found += inside
    return found


def _dense(weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    by_input = weight.transpose(1, 2)
    if bias is None:
        return torch.bmm(x, by_input)
    return torch.baddbmm(bias.unsqueeze(1), x, by_input)
