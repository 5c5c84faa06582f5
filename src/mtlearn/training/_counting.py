"""The losses of a pass: of its rows, or of each member of the network on each row."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mtlearn.data import Labels
from mtlearn.losses import Inputs, LossParts

Counted = tuple[LossParts, tuple[Tensor, ...], Labels]


def count(
    net: Any,
    y_pred: Sequence[Tensor],
    labels: Labels,
    training: bool,
    divisors: Tensor | None = None,
) -> Counted:
    """Compute the losses of a pass, and give what they are made of beside them.

    A network of members learns by the mean of their losses: each row counts for each
    member, with its share of the weight. All else is of what they predict together.

    Parameters
    ----------
    net : MultiTaskNet
        Whose network has made the pass, and is in the mode that it was in.
    y_pred : sequence of Tensor
        What the network has returned.
    labels : Labels
        Of the rows, with inputs.
    training : bool
        Whether these are training rows.
    divisors : Tensor of shape (n_tasks,), default=None
        What the losses are divided by, if not by what the rows say.

    Returns
    -------
    LossParts
        The losses.
    tuple of Tensor
        Outputs on the scale of the losses, a row for each of `labels`.
    Labels
        As they were given.
    """
    network = net.module_
    n_members = network.n_members if network.training else None
    if training and divisors is None and net.step_sums_ is not None:
        # Mixing makes two labels of each row, which share its weight.
        n_rows = len(y_pred[0]) // (n_members or 1)
        divisors = net.step_sums_.of(n_rows, net.share_)

    def compared(outputs: Sequence[Tensor], with_labels: Labels) -> tuple[Tensor, ...]:
        """Bring outputs to the scale of the losses, and to the rows of labels."""
        linked = [
            task.link(each) for task, each in zip(net.tasks, outputs, strict=True)
        ]
        # Of a mixed batch, but for tasks that learn from its inputs.
        return tuple(
            output if len(output) == len(weight) else torch.cat([output, output])
            for output, weight in zip(linked, with_labels.weights, strict=True)
        )

    learned = labels if n_members is None else of_members(labels, n_members)
    outputs = compared(y_pred, learned)
    parts = net.criterion_(
        outputs, learned.values, learned.loss_weights, divisors, learned.inputs
    )
    if n_members is not None:
        with torch.no_grad():
            outputs = compared(network.joined(y_pred), labels)
    return parts, outputs, labels


def of_members(labels: Labels, n_members: int) -> Labels:
    """Give the labels of each member on each row, as the outputs of a network are.

    Parameters
    ----------
    labels : Labels
        Of some rows.
    n_members : int
        Members of the network.

    Returns
    -------
    Labels
        Each row so many times, one after the other, with its share of the weight.
    """
    repeat = partial(torch.repeat_interleave, repeats=n_members, dim=0)

    def share(weights: Tensor) -> Tensor:
        return repeat(weights / n_members)

    weighted, inputs = labels.class_weighted, labels.inputs
    if inputs is not None:
        clean = inputs.before_noise
        inputs = Inputs(
            repeat(inputs.given),
            repeat(inputs.seen),
            None if clean is None else repeat(clean),
        )
    return Labels(
        tuple(None if each is None else repeat(each) for each in labels.values),
        tuple(map(share, labels.weights)),
        None if weighted is None else tuple(map(share, weighted)),
        inputs,
    )
