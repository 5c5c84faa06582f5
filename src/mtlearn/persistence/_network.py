"""A net from what it is made of and its weights, checked before it is built."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from mtlearn.exceptions import ModelFormatError
from mtlearn.networks import HeadSpec, build_network, is_registered
from mtlearn.tasks import Tasks
from mtlearn.training import (
    MultiTaskNet,
    isolated,
    load_weights_of,
    make_net,
    precision_of,
    split_weights,
    weights_of,
)

_CPU = torch.device("cpu")


def build_net(
    weights: Mapping[str, np.ndarray],
    *,
    tasks: Tasks,
    backbone: type[nn.Module],
    backbone_params: Mapping[str, Any],
    input_shape: Sequence[int],
    heads: Sequence[HeadSpec],
    precision: str,
    batch_size: int,
    lr: float,
) -> MultiTaskNet:
    """Build a net on the CPU, and give it its weights.

    Parameters
    ----------
    weights : mapping of str to ndarray
        The state of its network.
    tasks : Tasks
        Fitted tasks.
    backbone, backbone_params, input_shape, heads : object
        What `build_network` takes.
    precision : str
        Name of what it computes in; float32 where this machine lacks it.
    batch_size : int
        Rows a step.
    lr : float
        Learning rate.

    Returns
    -------
    MultiTaskNet
        Ready to predict.

    Raises
    ------
    ModelFormatError
        If the weights are not those of this network, or not finite.
    """
    found = precision_of(precision).on(_CPU)
    if is_registered(backbone):  # a class of the user's may not know this device
        of_network, _ = split_weights(weights)
        with isolated(0, _CPU), torch.device("meta"), _at_most(len(of_network)):
            network = build_network(
                backbone, dict(backbone_params), tuple(input_shape), heads, found.dtype
            )
        _check_weights(network.state_dict(), of_network)
    with isolated(0, _CPU):
        net = make_net(
            tasks,
            found,
            backbone=backbone,
            backbone_params=dict(backbone_params),
            input_shape=input_shape,
            heads=heads,
            batch_size=batch_size,
            lr=lr,
            optimizer=torch.optim.Adam,
            device=str(_CPU),
        )
    _check_weights(weights_of(net), weights)
    load_weights_of(
        net, {name: torch.from_numpy(np.array(each)) for name, each in weights.items()}
    )
    net._set_training(False)
    return net


@contextmanager
def _at_most(n_weights: int) -> Iterator[None]:
    """Stop a network that grows more arrays of weights than a file has."""
    left = n_weights

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise ModelFormatError("its network has more layers than the file weights")

    hook = nn.modules.module.register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _check_weights(
    state: Mapping[str, torch.Tensor], weights: Mapping[str, np.ndarray]
) -> None:
    if state.keys() != weights.keys():
        other = sorted(state.keys() ^ weights.keys())[:5]
        raise ModelFormatError(f"its network and its weights differ in {other}")
    for name, tensor in state.items():
        array = weights[name]
        kind = str(tensor.dtype).removeprefix("torch.")
        if tuple(tensor.shape) != array.shape or kind != array.dtype.name:
            raise ModelFormatError(
                f"its weights {name!r} are {array.dtype.name} of shape {array.shape}, "
                f"and its network has {kind} of shape {tuple(tensor.shape)}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelFormatError(f"its weights {name!r} are not finite")
