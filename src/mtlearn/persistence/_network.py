"""A net from what it is made of and its weights, checked before it is built."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from mtlearn.exceptions import ModelFormatError
from mtlearn.networks import (
    HeadSpec,
    build_network,
    filling,
    is_elsewhere,
    is_own_head,
    is_registered,
    resolved,
    structure,
)
from mtlearn.tasks import Tasks
from mtlearn.training import (
    MultiTaskNet,
    load_weights_of,
    make_net,
    own_modes,
    precision_of,
    split_weights,
    weights_of,
    with_ends,
)

_CPU = torch.device("cpu")


@own_modes()
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
    accumulate: int = 1,
    columns: Mapping[str, Any] | None = None,
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
        Name of what it computes in; float32 where this machine lacks it, or would be
        wrong.
    batch_size : int
        Rows a pass.
    lr : float
        Learning rate.
    accumulate : int, default=1
        Passes a step, which files of earlier versions lack.
    columns : mapping, default=None
        What `build_network` takes; there are some in files of tables with categories or
        missing values.

    Returns
    -------
    MultiTaskNet
        Ready to predict.

    Raises
    ------
    ModelFormatError
        If the weights are not those of this network, or not finite.
    """
    if len(heads) != len(tasks):
        raise ModelFormatError(
            f"The file describes {len(heads)} heads for {len(tasks)} tasks. It is "
            "damaged: make it again with save."
        )
    found = precision_of(precision).on(_CPU)
    if any(head.module is not None and is_elsewhere(head.module) for head in heads):
        raise ModelFormatError("one of its heads is a backbone")
    # A file says nothing of where weights were from at first.
    backbone_params = structure(backbone, backbone_params)
    lacking = [name for name in resolved(backbone) if not backbone_params.get(name)]
    if is_elsewhere(backbone) and lacking:
        raise ModelFormatError(f"its {backbone.__name__} has no {lacking[0]!r}")
    # A class of the user's may not know this device.
    if is_registered(backbone) or is_elsewhere(backbone):
        made_of = backbone, backbone_params, input_shape, heads, columns
        _check_outline(tasks, made_of, found.dtype, weights)
    with filling():
        net = make_net(
            tasks,
            found,
            backbone=backbone,
            backbone_params=dict(backbone_params),
            input_shape=input_shape,
            heads=heads,
            columns=columns,
            batch_size=batch_size,
            accumulate=accumulate,
            lr=lr,
            optimizer=torch.optim.Adam,
            device=str(_CPU),
        )
    _check_weights(weights_of(net), weights)
    load_weights_of(
        net, {name: torch.from_numpy(np.array(each)) for name, each in weights.items()}
    )
    net._set_training(False)
    with filling():
        net.settle_precision()
    return net


def _check_outline(
    tasks: Tasks,
    made_of: tuple[
        type[nn.Module],
        Mapping[str, Any],
        Sequence[int],
        Sequence[HeadSpec],
        Mapping[str, Any] | None,
    ],
    dtype: torch.dtype,
    weights: Mapping[str, np.ndarray],
) -> None:
    """Raise, before memory is taken, if a network would have other weights."""
    backbone, backbone_params, input_shape, heads, columns = made_of
    # A head of a class of the user's may not know this device either.
    own = tuple(
        f"heads.{number}."
        for number, head in enumerate(heads)
        if not (head.module is None or is_registered(head.module))
        and not is_own_head(head.module)
    )
    of_network, _ = split_weights(weights)
    of_network = {k: v for k, v in of_network.items() if not k.startswith(own)}
    with filling(), torch.device("meta"), _Outline(len(of_network)):
        network = build_network(
            backbone,
            dict(backbone_params),
            tuple(input_shape),
            with_ends(heads, tasks),
            dtype,
            columns=columns,
            outline=True,
        )
    _check_weights(network.state_dict(), of_network)


class _Outline(TorchFunctionMode):
    """Stops a network that grows more arrays of weights than a file has.

    Nothing is written to the arrays, which have no memory: torch would import its
    compiler to draw what is not there. It sees what the calling thread makes, unlike
    torch's hooks, which see what all do.

    Parameters
    ----------
    n_weights : int
        Arrays in the file.
    """

    def __init__(self, n_weights: int) -> None:
        super().__init__()
        self.left = n_weights

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is torch.empty:  # as torch's layers begin each of their weights
            self.left -= 1
            if self.left < 0:
                raise ModelFormatError(
                    "its network has more layers than the file weights"
                )
        name = getattr(func, "__name__", "")
        if name.endswith("_") and not name.startswith("_") and name != "requires_grad_":
            given = (*args, *(kwargs or {}).values())
            return next(each for each in given if isinstance(each, torch.Tensor))
        return func(*args, **(kwargs or {}))


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
