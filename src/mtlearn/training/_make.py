"""A net from fitted tasks and a description of its network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mtlearn.losses import MultiTaskLoss, sample_loss, weighted_sums
from mtlearn.networks import HeadSpec, build_network, output_layer
from mtlearn.tasks import Task, Tasks
from mtlearn.training._net import MultiTaskNet
from mtlearn.training._precision import Precision


def make_net(
    tasks: Tasks,
    precision: Precision,
    *,
    backbone: Any,
    backbone_params: dict[str, Any],
    input_shape: Sequence[int],
    heads: Sequence[HeadSpec],
    columns: Mapping[str, Any] | None = None,
    begun: Tasks | None = None,
    **kwargs: Any,
) -> MultiTaskNet:
    """Make a net with the losses of its tasks, and initialise it.

    Parameters
    ----------
    tasks : Tasks
        Fitted tasks.
    precision : Precision
        What the network computes in.
    backbone, backbone_params, input_shape, heads, columns : object
        What `build_network` takes.
    begun : Tasks, default=None
        Those that say what heads begin with, see `drawn_by`; None: the tasks.
    **kwargs : object
        Arguments of `MultiTaskNet`, such as its optimiser.

    Returns
    -------
    MultiTaskNet
        Its weights are drawn from torch's generator, or what stands for it.
    """
    begun = tasks if begun is None else begun
    losses = [task.loss_spec() for task in tasks]
    net = MultiTaskNet(
        build_network,
        MultiTaskLoss,
        tasks=tasks,
        precision=precision,
        module__backbone=backbone,
        module__backbone_params=backbone_params,
        module__input_shape=tuple(input_shape),
        module__heads=with_ends(heads, begun),
        module__columns=columns,
        criterion__losses=tuple(sample_loss(loss, **given) for loss, given in losses),
        criterion__task_weights=tasks.weights(),
        criterion__reductions=tuple(map(_reduction, tasks)),
        train_split=None,
        verbose=0,
        **kwargs,
    )
    net.initialize()
    for head, task in zip(net.module_.heads, begun, strict=True):
        _start(head, task)
    return net


def _start(head: nn.Module, task: Task) -> None:
    """Let outputs begin with what is best to say of a sample that nothing is known of.

    Otherwise a training begins by learning how rare each label is. A head of the user's
    stays as it is: nobody knows what it makes of a layer's bias.
    """
    start, last = task.head_start(), output_layer(head)
    if start is None or last is None:
        return
    with torch.no_grad():
        last.bias.copy_(torch.from_numpy(start))


def _reduction(task: Task) -> Callable[..., tuple[Tensor, Tensor]]:
    """Give what sums up a batch: of a kind that has none of its own the usual one.

    By it the loss knows the tasks that it can sum up together.
    """
    has_own = type(task).loss_sums is not Task.loss_sums
    return task.loss_sums if has_own else weighted_sums


def with_ends(heads: Sequence[HeadSpec], tasks: Tasks) -> tuple[HeadSpec, ...]:
    """Give the description of each head with what its task says of it.

    Parameters
    ----------
    heads : sequence of HeadSpec
        In task order.
    tasks : Tasks
        Fitted tasks.

    Returns
    -------
    tuple of HeadSpec
        For `build_network`.
    """
    return tuple(
        replace(
            head,
            end=task.head_end(),
            output_shape=task.score_shape,
            mean=task.mean_output(),
            name=name,
        )
        for head, (name, task) in zip(heads, tasks.items(), strict=True)
    )
