"""The reduction of losses over a batch."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Inputs(NamedTuple):
    """What a batch was before the network saw it, and what it saw.

    Attributes
    ----------
    given : Tensor of shape (n_samples, ...)
        The inputs as they were given.
    seen : Tensor of the same shape
        The same after augmentation and mixing, of which there are none but in training.
    before_noise : Tensor of the same shape, or None
        What was seen, less its noise and cutout, where a task asks for it and there
        are any.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import Inputs
    >>> Inputs(torch.zeros(1), torch.ones(1)).seen
    tensor([1.])
    """

    given: Tensor
    seen: Tensor
    before_noise: Tensor | None = None

    @property
    def clean(self) -> Tensor:
        """What was seen, less noise and cutout."""
        return self.seen if self.before_noise is None else self.before_noise

    def take(self, rows: slice) -> "Inputs":
        """Select rows."""
        clean = self.before_noise
        return Inputs(
            self.given[rows], self.seen[rows], None if clean is None else clean[rows]
        )


def weighted_losses(
    loss: Callable[[Tensor, Tensor], Tensor],
    output: Tensor,
    target: Tensor,
    weight: Tensor,
) -> Tensor:
    """Return weight times loss of each label, zero where it is absent.

    Parameters
    ----------
    loss : callable
        Gives the loss of each target; see `sample_loss`.
    output : Tensor of shape (n_samples, ...)
        Outputs on the scale of the loss; the first dimensions are those of `target`.
    target : Tensor of shape (n_samples,) or (n_samples, k)
        Targets; those of weight 0 may have any value.
    weight : Tensor of the shape of `target`
        Weights, none below 0; 0 where a label is absent.

    Returns
    -------
    Tensor of the shape of `target`
        With its graph.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import sample_loss, weighted_losses
    >>> output, target = torch.tensor([[1.0], [5.0]]), torch.tensor([0.0, 0.0])
    >>> weighted_losses(sample_loss("mse"), output, target, torch.tensor([2.0, 0.0]))
    tensor([2., 0.])
    """
    absent = weight <= 0
    if _is_complete(absent):
        return weight * loss(output, target)
    return weight * _present(loss, output, target, absent)


def weighted_sums(
    loss: Callable[[Tensor, Tensor], Tensor],
    output: Tensor,
    target: Tensor,
    weight: Tensor,
    inputs: Inputs | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the sum of weight times loss, and the sum of weights.

    Parameters
    ----------
    loss : callable
        Gives the loss of each target; see `sample_loss`.
    output : Tensor of shape (n_samples, ...)
        Outputs on the scale of the loss; the first dimensions are those of `target`.
    target : Tensor of shape (n_samples,) or (n_samples, k)
        Targets; those of weight 0 may have any value.
    weight : Tensor of the shape of `target`
        Weights, none below 0; 0 where a label is absent.
    inputs : Inputs, default=None
        Not used.

    Returns
    -------
    weighted_sum, weight_sum : Tensor of shape ()
        With a graph, and without.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import sample_loss, weighted_sums
    >>> output, target = torch.tensor([[1.0], [5.0]]), torch.tensor([0.0, 0.0])
    >>> weighted_sums(sample_loss("mse"), output, target, torch.tensor([2.0, 0.0]))
    (tensor(2.), tensor(2.))
    """
    return weighted_losses(loss, output, target, weight).sum(), weight.sum()


def sums_of_columns(
    losses: Sequence[Callable[[Tensor, Tensor], Tensor]],
    outputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    weights: Sequence[Tensor],
) -> tuple[Tensor, Tensor]:
    """Return the `weighted_sums` of many tasks, in fewer operations.

    Parameters
    ----------
    losses, outputs : sequence of callable, sequence of Tensor
        One a task.
    targets, weights : sequence of Tensor of shape (n_samples,)
        One a task, of the same rows.

    Returns
    -------
    weighted_sums, weight_sums : Tensor of shape (n_tasks,)
        With a graph, and without.
    """
    weight = torch.stack(tuple(weights), dim=1)
    absent = weight <= 0
    complete = _is_complete(absent)
    each = [
        loss(output, target) if complete else _present(loss, output, target, rows)
        for loss, output, target, rows in zip(
            losses, outputs, targets, absent.unbind(dim=1), strict=True
        )
    ]
    return (weight * torch.stack(each, dim=1)).sum(dim=0), weight.sum(dim=0)


def _is_complete(absent: Tensor) -> bool:
    # An accelerator would have to be waited for, to learn that none is absent.
    return absent.device.type == "cpu" and not absent.any()


def _present(
    loss: Callable[[Tensor, Tensor], Tensor],
    output: Tensor,
    target: Tensor,
    absent: Tensor,
) -> Tensor:
    """Return the losses where there is a label, and zero elsewhere.

    What belongs to absent labels is filled before the loss, so that no NaN of its
    gradient reaches the network, and after it, so that no NaN of its value reaches the
    sum. Unlike selecting the rows, this never makes an accelerator wait.
    """
    by_output = absent.reshape(*absent.shape, *[1] * (output.ndim - absent.ndim))
    filled = output.masked_fill(by_output, 0)
    return loss(filled, target.masked_fill(absent, 0)).masked_fill(absent, 0)
