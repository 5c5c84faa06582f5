"""A network whose tasks have the weights of different epochs."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from mtlearn.networks import BackboneOfEach, structure
from mtlearn.training._learned import CRITERION, load_weights_of

_BACKBONE = "backbone."


def give_own_epochs(
    net: Any, weights: Mapping[int, Mapping[str, Tensor]], epochs: Sequence[int]
) -> None:
    """Give each task the backbone and the head that it had at the end of an epoch.

    Parameters
    ----------
    net : MultiTaskNet
        Changed in place: with a backbone for each epoch where these differ.
    weights : mapping of int to mapping of str to Tensor
        By epoch: what `weights_of` gave.
    epochs : sequence of int
        That of each task.
    """
    load_weights_of(net, _of_heads(weights, epochs))
    network = net.module_
    parts: list[nn.Module] = []
    kept: list[dict[str, Tensor]] = []
    which = []
    for epoch in epochs:
        own = _of_backbone(weights[epoch])
        same = [number for number, each in enumerate(kept) if _equal(each, own)]
        if not same:
            kept.append(own)
        which.append(same[0] if same else len(kept) - 1)
    if len(kept) == 1:  # of one epoch, or frozen
        return
    for own in kept:
        part = copy.deepcopy(network.backbone)
        part.load_state_dict(own)
        parts.append(part)
    before = net.module__backbone, net.module__backbone_params, network.backbone
    options = net.compile_options
    net.set_compile(None)
    network.backbone = BackboneOfEach.of(parts, which)
    network.per_task, network.frozen_names = True, None
    # Not setattr, by which skorch keeps lists of what it made.
    net.__dict__.update(
        module__backbone=BackboneOfEach,
        module__backbone_params={
            "backbone": before[0],
            "params": structure(*before),
            "which": tuple(which),
        },
    )
    net.forget_optimizer()
    net.set_compile(options)


def _of_heads(
    weights: Mapping[int, Mapping[str, Tensor]], epochs: Sequence[int]
) -> dict[str, Tensor]:
    """Join the heads and losses of the tasks' own epochs, and a backbone of one."""
    joined = dict(weights[epochs[0]])
    for number, epoch in enumerate(epochs):
        mine = f"heads.{number}.", f"{CRITERION}parts.{number}."
        own = {k: v for k, v in weights[epoch].items() if k.startswith(mine)}
        joined.update(own)
    return joined


def _of_backbone(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(_BACKBONE): value
        for name, value in weights.items()
        if name.startswith(_BACKBONE)
    }


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(value.equal(other[name]) for name, value in one.items())
