"""The network as prediction runs it: fewer layers, and no work done twice."""

from array import array
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from operator import is_
from typing import Any

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

from mtlearn.networks._drop_block import DropBlock2d
from mtlearn.networks._each import BackboneOfEach
from mtlearn.networks._multitask import MultiTaskNetwork
from mtlearn.networks._own_heads import OwnHead
from mtlearn.networks._registry import is_registered

_FUSED: dict[tuple[type, type], Callable[..., nn.Module]] = {
    (nn.Conv2d, nn.BatchNorm2d): fuse_conv_bn_eval,
    (nn.Linear, nn.BatchNorm1d): fuse_linear_bn_eval,
}


def for_inference(
    network: MultiTaskNetwork, dtype: torch.dtype | None = None
) -> MultiTaskNetwork:
    """Return a copy of a trained network that predicts the same, faster.

    In the heads and backbones of this package, each batch norm becomes part of the
    layer before it, if there is one, which is exact to rounding, and the weights of
    convolutions and linear layers are cast once. A backbone or head of the user's is
    shared, not copied, and left as it is: what runs between its layers is not known.

    Parameters
    ----------
    network : MultiTaskNetwork
        A trained network.
    dtype : torch.dtype, default=None
        Type that autocast would cast weights to at each pass; None without autocast.

    Returns
    -------
    MultiTaskNetwork
        In evaluation mode, without gradients; what is shared stays as it is.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import HeadSpec, MLP, build_network, for_inference
    >>> params = {"hidden": (4,), "batch_norm": True}
    >>> network = build_network(MLP, params, (3,), [HeadSpec(2, hidden=())]).eval()
    >>> for_inference(network).backbone
    MLP(
      (layers): Sequential(
        (0): Linear(in_features=3, out_features=4, bias=True)
        (1): ReLU()
      )
    )
    """
    backbone = network.backbone
    parts = backbone.parts if isinstance(backbone, BackboneOfEach) else [backbone]
    if all(is_registered(type(part)) for part in parts):
        backbone = _prepared(backbone, dtype)
    heads = [
        head if isinstance(head, OwnHead) else _prepared(head, dtype)
        for head in network.heads
    ]
    copy = MultiTaskNetwork(
        backbone,
        heads,
        network.memory_format,
        per_task=network.per_task,
        n_members=network.n_members,
        means=network.means,
        columns=None if network.columns is None else _prepared(network.columns, None),
    )
    copy.training = copy.heads.training = False  # not of what is shared
    return copy


def shares_modules(copy: MultiTaskNetwork, network: MultiTaskNetwork) -> bool:
    """Tell whether a network and its copy for prediction have a part in common.

    Parameters
    ----------
    copy, network : MultiTaskNetwork
        The same network, or what `for_inference` made of the other.

    Returns
    -------
    bool
        False where all parts are copies.

    Examples
    --------
    >>> from mtlearn.networks import HeadSpec, MLP, build_network, for_inference
    >>> from mtlearn.networks import shares_modules
    >>> network = build_network(MLP, {}, (3,), [HeadSpec(2)])
    >>> shares_modules(for_inference(network), network)
    False
    """
    same_heads = map(is_, copy.heads, network.heads)
    return copy.backbone is network.backbone or any(same_heads)


def _prepared(module: nn.Module, dtype: torch.dtype | None) -> nn.Module:
    module = deepcopy(module).eval().requires_grad_(False)
    for part in list(module.modules()):
        if type(part) is nn.Sequential:
            _fold_norms(part)
    for part in module.modules():
        if dtype is not None and type(part) in (nn.Conv2d, nn.Linear):
            part.to(dtype)
    return module


def _fold_norms(sequence: nn.Sequential) -> None:
    """Join each batch norm with the layer before it, and drop dropout of any kind."""
    for index, (layer, norm) in enumerate(pairwise(list(sequence))):
        fuse = _FUSED.get((type(layer), type(norm)))
        if fuse is not None and norm.running_mean is not None:
            sequence[index] = fuse(layer, norm)
            sequence[index + 1] = nn.Identity()
    for index in reversed(range(len(sequence))):
        if isinstance(sequence[index], nn.Identity | nn.Dropout | DropBlock2d):
            del sequence[index]


@dataclass(frozen=True)
class Fingerprint:
    """The parts of a network and how often they changed.

    Parameters
    ----------
    parts : list of Module, Tensor and None
        Kept alive, so that no other object gets the address of one of them.
    marks : array of int
        Addresses of the tensors' memory, and how often each has changed.

    Examples
    --------
    >>> from array import array
    >>> from mtlearn.networks import Fingerprint
    >>> Fingerprint([], array("Q", [0, 1])).is_same(Fingerprint([], array("Q", [0, 2])))
    False
    """

    parts: list[object]
    marks: array

    def is_same(self, other: "Fingerprint") -> bool:
        """Tell whether a network is still the same.

        Parameters
        ----------
        other : Fingerprint
            Taken at another time.

        Returns
        -------
        bool
            Whether the parts are the very same, and unchanged.
        """
        same_length = len(self.parts) == len(other.parts)
        same_parts = same_length and all(map(is_, self.parts, other.parts))
        return same_parts and self.marks == other.marks


def fingerprint(network: MultiTaskNetwork) -> Fingerprint | None:
    """Describe the state of a network, so that a copy knows when it is out of date.

    Parameters
    ----------
    network : MultiTaskNetwork
        The network.

    Returns
    -------
    Fingerprint or None
        Changes with the weights, unless they are changed in evaluation mode through
        ``Tensor.data`` or by a fused optimiser, which torch does not count. None if no
        copy would do the same as the network: it has a forward hook, or a part of it
        is in training mode.

    Examples
    --------
    >>> from mtlearn.networks import HeadSpec, MLP, build_network, fingerprint
    >>> network = build_network(MLP, {}, (3,), [HeadSpec(2)])
    >>> fingerprint(network) is None
    True
    >>> before = fingerprint(network.eval())
    >>> fingerprint(network.train().eval()).is_same(before)
    False
    """
    # Quick, as it counts where one image is predicted: network.modules() is not, nor
    # are the attributes of a module, for whose own each class is searched first.
    modules: list[Any] = [network]
    tensors: list[Any] = []
    for module in modules:  # which grows
        own = vars(module)
        if own["training"] or own["_forward_hooks"] or own["_forward_pre_hooks"]:
            return None
        if children := own["_modules"]:
            # An empty container is false, but somebody may listen to it.
            modules.extend([x for x in children.values() if x is not None])
        if parameters := own["_parameters"]:
            tensors.extend(parameters.values())
        if buffers := own["_buffers"]:
            tensors.extend(buffers.values())
    known = [tensor for tensor in tensors if tensor is not None]
    marks = [tensor.data_ptr() for tensor in known]
    marks += [tensor._version for tensor in known]
    marks.append(network.n_trainings)
    # An array lies in one place: objects spread over the memory take as long to
    # compare as to make.
    return Fingerprint([*modules, *tensors], array("Q", marks))
