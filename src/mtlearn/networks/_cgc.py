"""Soft sharing: experts of each task's own and of all, and gates between them."""

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._dense import dense_layer
from mtlearn.networks._encoder import Encoder
from mtlearn.networks._mlp import MLP
from mtlearn.networks._near import near_names
from mtlearn.networks._resnet import ResNet
from mtlearn.networks._resnet_v2 import ResNetV2
from mtlearn.networks._weights import load_weights

# What experts may stand on, by name.
TRUNKS: dict[str, type[nn.Module]] = {
    "autoencoder": Encoder,
    "mlp": MLP,
    "resnet": ResNet,
    "resnet_v2": ResNetV2,
}


class CGC(nn.Module):
    """Customized gate control [1]_: tasks mix experts of their own with shared ones.

    An expert is a small network of dense layers. What a task gets are features of its
    own: the mean of its experts and of the shared ones, with weights that its gate, one
    linear layer with a softmax, gives for each sample. Without experts of their own,
    all tasks mix the same ones, a multi-gate mixture of experts [2]_.

    Parameters
    ----------
    n_tasks : int
        How many tasks.
    in_features : int, default=None
        Number of columns, of a table.
    in_channels : int, default=None
        Number of channels, of images.
    image_size : tuple (height, width), default=None
        Of images.
    trunk : {None, "autoencoder", "mlp", "resnet", "resnet_v2"}, default=None
        The backbone whose features experts and gates see. None is ``"resnet"`` for
        images, and the columns themselves for a table.
    trunk_params : mapping of str to object, default=None
        Arguments of its constructor.
    hidden : sequence of int, default=(64,)
        Width of each layer of an expert; each ends in a ReLU. The last one is the
        length of the feature vectors.
    n_shared : int, default=3
        Experts that all tasks share.
    n_own : int, default=1
        Experts of each task's own.
    dropout : float, default=0.0
        Share of each layer's outputs that are dropped in training, in [0, 1].
    batch_norm : bool, default=False
        Whether batch norm follows each linear layer of an expert.
    weights : str or path-like, default=None
        File to start from, as `save_weights` writes it from such a network.

    Raises
    ------
    InvalidParameterError
        If there is no expert, an expert has no layer, or there is no such trunk.
    NetworkError
        If the file of `weights` cannot be read or does not fit.

    Notes
    -----
    `layer_decay` takes experts for layers one behind the other, as it does all modules
    in the order of registration: give the trunk a `backbone_lr` instead.

    References
    ----------
    .. [1] H. Tang, J. Liu, M. Zhao, X. Gong, "Progressive Layered Extraction (PLE): A
       Novel Multi-Task Learning (MTL) Model for Personalized Recommendations",
       RecSys 2020.
    .. [2] J. Ma, Z. Zhao, X. Yi, J. Chen, L. Hong, E. H. Chi, "Modeling Task
       Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
       KDD 2018.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import CGC
    >>> backbone = CGC(2, in_features=5, hidden=(8,))
    >>> [features.shape for features in backbone(torch.zeros(3, 5))]
    [torch.Size([3, 8]), torch.Size([3, 8])]
    >>> [gate.shape for gate in backbone.gate_weights(torch.zeros(3, 5))]
    [torch.Size([3, 4]), torch.Size([3, 4])]
    """

    def __init__(
        self,
        n_tasks: int,
        in_features: int | None = None,
        in_channels: int | None = None,
        image_size: Sequence[int] | None = None,
        *,
        trunk: str | None = None,
        trunk_params: Mapping[str, Any] | None = None,
        hidden: Sequence[int] = (64,),
        n_shared: int = 3,
        n_own: int = 1,
        dropout: float = 0.0,
        batch_norm: bool = False,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        _check_experts(hidden, n_shared, n_own)
        given = {
            "in_features": in_features,
            "in_channels": in_channels,
            "image_size": image_size,
        }
        if trunk is None and in_features is None:
            trunk = "resnet"
        self.trunk, width = _make_trunk(trunk, trunk_params, given)

        def expert() -> nn.Sequential:
            layers, n_inputs = nn.Sequential(), width
            for each in hidden:
                layers.extend(
                    dense_layer(n_inputs, each, dropout=dropout, batch_norm=batch_norm)
                )
                n_inputs = each
            return layers

        self.shared = nn.ModuleList(expert() for _ in range(n_shared))
        self.own = nn.ModuleList(
            nn.ModuleList(expert() for _ in range(n_own)) for _ in range(n_tasks)
        )
        self.mixers = nn.ModuleList(
            nn.Linear(width, n_own + n_shared) for _ in range(n_tasks)
        )
        self.n_features = hidden[-1]
        self.experts = tuple(
            f"{whose} {number}"
            for whose, count in (("own", n_own), ("shared", n_shared))
            for number in range(1, count + 1)
        )
        if weights is not None:
            load_weights(self, weights)

    def shared_parameters(self) -> list[nn.Parameter]:
        """Give the weights of the trunk and of the shared experts.

        Returns
        -------
        list of Parameter
            What the tasks share.
        """
        return [*self.trunk.parameters(), *self.shared.parameters()]

    def gate_weights(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return how much each task takes of each expert.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            The rows or images.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_own + n_shared)
            Of each task; own experts come first. Rows sum to one.
        """
        return self._weights(self.trunk(x))

    def _weights(self, seen: Tensor) -> tuple[Tensor, ...]:
        return tuple(mixer(seen).softmax(dim=1) for mixer in self.mixers)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the features of each task.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            The rows or images.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_features)
            Of each task.
        """
        seen = self.trunk(x)
        shared = [expert(seen) for expert in self.shared]
        own = [[expert(seen) for expert in each] for each in self._own()]
        return tuple(
            _mixed(gate, [*features, *shared])
            for gate, features in zip(self._weights(seen), own, strict=True)
        )

    def _own(self) -> list[nn.ModuleList]:
        return [cast(nn.ModuleList, each) for each in self.own]


def _mixed(gate: Tensor, features: Sequence[Tensor]) -> Tensor:
    """Average features by the weights of a gate."""
    stacked = torch.stack(list(features), dim=1)
    # Of one type: autocast gives the softmax more digits.
    return (gate.to(stacked.dtype).unsqueeze(1) @ stacked).squeeze(1)


def _check_experts(hidden: Sequence[int], n_shared: int, n_own: int) -> None:
    if not hidden:
        raise InvalidParameterError(
            "The 'hidden' parameter of CGC must have a width for each layer of an "
            f"expert, one at least. Got {hidden!r} instead."
        )
    if min(n_shared, n_own) < 0 or n_shared + n_own < 1:
        raise InvalidParameterError(
            "The 'n_shared' and 'n_own' parameters of CGC must be 0 or more, and one "
            f"of them 1 or more. Got {n_shared!r} and {n_own!r} instead."
        )


def _make_trunk(
    name: str | None, params: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> tuple[nn.Module, int]:
    """Make what experts stand on, and tell how many features it has."""
    params = dict(params or {})
    if name is None:
        if params:
            raise InvalidParameterError(
                "The 'trunk_params' parameter of CGC needs a trunk, such as "
                f"trunk='mlp'. Got {params!r} without one."
            )
        return nn.Identity(), given["in_features"]
    if name not in TRUNKS:
        names = ", ".join(map(repr, TRUNKS))
        raise InvalidParameterError(
            f"The 'trunk' parameter of CGC must be None or one of {names}. Got "
            f"{name!r} instead.{near_names(str(name), TRUNKS)}"
        )
    if "weights" in params:
        raise InvalidParameterError(
            "The 'trunk_params' parameter of CGC takes no 'weights'. Give CGC a file "
            "of all its weights by weights=..., or leave them out."
        )
    accepted = inspect.signature(TRUNKS[name]).parameters
    known = {k: v for k, v in given.items() if k in accepted and v is not None}
    trunk = TRUNKS[name](**{**known, **params})
    return trunk, cast(int, trunk.n_features)
