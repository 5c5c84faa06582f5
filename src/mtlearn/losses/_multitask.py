"""The loss of all tasks together."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidDataError, InvalidParameterError


class LossParts(NamedTuple):
    """What `MultiTaskLoss` returns for one batch.

    The sums of several batches, added up, give the mean loss of each task over all
    of them.

    Attributes
    ----------
    total : Tensor of shape ()
        The loss to minimise, with its graph.
    weighted_sums : Tensor of shape (n_tasks,)
        The sum over samples of weight times loss, without a graph.
    weight_sums : Tensor of shape (n_tasks,)
        The sum of the weights, without a graph.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import MultiTaskLoss, sample_loss
    >>> loss = MultiTaskLoss([sample_loss("mse")], [10.0])
    >>> parts = loss((torch.tensor([[2.0]]),), (torch.zeros(1),), torch.ones(1, 1))
    >>> parts.total, parts.weighted_sums / parts.weight_sums
    (tensor(40.), tensor([4.]))
    """

    total: Tensor
    weighted_sums: Tensor
    weight_sums: Tensor


class MultiTaskLoss(nn.Module):
    """Weighted sum over tasks of the mean loss of their labelled samples.

    With the weight `w[i, t]` of sample i in task t and the weight `a[t]` of the
    task, the loss is the sum over t of
    ``a[t] * sum_i(w[i, t] * loss[i, t]) / sum_i(w[i, t])``. In training, the estimators
    put the sum that is expected of a batch of that size in the place of the last sum,
    so that a batch of rows with large weights takes a larger step.

    A weight of 0 means that the label is absent: the sample then adds exactly
    nothing to the task's loss and gradient, even if its own loss is infinite or
    NaN. A task without any weight in the batch adds an exact zero, with zero
    gradients.

    Parameters
    ----------
    losses : sequence of callable
        One per task, as `sample_loss` makes them. Modules among them are registered:
        their weights and buffers are those of this one.
    task_weights : sequence of float
        One per task.

    Raises
    ------
    InvalidParameterError
        If the two sequences differ in length.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import MultiTaskLoss, sample_loss
    >>> loss = MultiTaskLoss([sample_loss("mse"), sample_loss("mae")], [1.0, 10.0])
    >>> outputs = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [0.0]])
    >>> targets = torch.tensor([0.0, 0.0]), torch.tensor([3.0, float("nan")])
    >>> weights = torch.tensor([[3.0, 1.0], [1.0, 0.0]])  # one label is absent
    >>> loss(outputs, targets, weights)
    LossParts(total=tensor(31.7500), weighted_sums=tensor([7., 3.]),
              weight_sums=tensor([4., 1.]))
    """

    def __init__(
        self,
        losses: Sequence[Callable[[Tensor, Tensor], Tensor]],
        task_weights: Sequence[float],
    ) -> None:
        super().__init__()
        if len(losses) != len(task_weights):
            raise InvalidParameterError(
                "The 'task_weights' parameter of MultiTaskLoss must have one weight "
                f"for each of the {len(losses)} losses. Got {len(task_weights)} "
                "instead."
            )
        self.losses = tuple(losses)
        # What a loss learns, or has as a buffer, moves and is trained with this module.
        self.parts = nn.ModuleDict(
            {
                str(position): loss
                for position, loss in enumerate(losses)
                if isinstance(loss, nn.Module)
            }
        )
        self.task_weights = tuple(float(weight) for weight in task_weights)

    def forward(
        self,
        outputs: tuple[Tensor, ...],
        targets: tuple[Tensor, ...],
        weights: Tensor,
        divisors: Tensor | None = None,
    ) -> LossParts:
        """Return the loss of one batch, and its parts.

        Parameters
        ----------
        outputs : tuple of Tensor of shape (n_samples, n_outputs)
            The outputs of the network, in task order.
        targets : tuple of Tensor of shape (n_samples,)
            The targets, in task order. Those of weight 0 may have any value.
        weights : Tensor of shape (n_samples, n_tasks)
            The weights of the labels, none below 0; 0 where a label is absent.
        divisors : Tensor of shape (n_tasks,), default=None
            What each task's weighted sum is divided by, above 0; None takes the sums of
            `weights`.

        Returns
        -------
        LossParts
            The total, and per task the sums it is made of.

        Raises
        ------
        InvalidDataError
            If the number of tasks in the arguments is not that of the losses.
        """
        sums, weight_sums = self.sums(outputs, targets, weights)
        if divisors is None:
            divisors = torch.where(weight_sums > 0, weight_sums, 1.0)
        means = sums / divisors
        total = (means * means.new_tensor(self.task_weights)).sum()
        return LossParts(total, sums.detach(), weight_sums.detach())

    def sums(
        self,
        outputs: tuple[Tensor, ...],
        targets: tuple[Tensor, ...],
        weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return each task's sum of weight times loss over one batch, with its graph.

        Parameters
        ----------
        outputs, targets : tuple of Tensor
            As in `forward`.
        weights : Tensor of shape (n_samples, n_tasks)
            As in `forward`.

        Returns
        -------
        weighted_sums, weight_sums : Tensor of shape (n_tasks,)
            The sums, and those of the weights alone.

        Raises
        ------
        InvalidDataError
            If the number of tasks in the arguments is not that of the losses.
        """
        self._check_lengths(outputs, targets, weights)
        absent = weights <= 0
        # An accelerator would have to be waited for, to learn that none is absent.
        complete = absent.device.type == "cpu" and not absent.any()
        losses = [
            loss(output, target) if complete else _present(loss, output, target, rows)
            for loss, output, target, rows in zip(
                self.losses, outputs, targets, absent.unbind(dim=1), strict=True
            )
        ]
        sums = (weights * torch.stack(losses, dim=1)).sum(dim=0)
        return sums, weights.sum(dim=0)

    def _check_lengths(
        self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor
    ) -> None:
        """Raise an error if an argument has not one entry per task."""
        n_tasks = len(self.losses)
        expected = (len(outputs[0]) if outputs else 0, n_tasks)
        if len(outputs) != n_tasks or len(targets) != n_tasks:
            raise InvalidDataError(
                f"MultiTaskLoss expects outputs and targets of {n_tasks} tasks. "
                f"Got {len(outputs)} outputs and {len(targets)} targets instead."
            )
        if weights.shape != expected:
            raise InvalidDataError(
                "MultiTaskLoss expects weights of shape (n_samples, n_tasks) = "
                f"{expected}. Got {tuple(weights.shape)} instead."
            )


def _present(
    loss: Callable[[Tensor, Tensor], Tensor],
    output: Tensor,
    target: Tensor,
    absent: Tensor,
) -> Tensor:
    """Return the losses of the samples that have a label, and zero for the others.

    Absent rows are filled before the loss, so that no NaN of its gradient reaches
    the network, and after it, so that no NaN of its value reaches the sum. Unlike
    selecting the rows, this never makes an accelerator wait.
    """
    filled = output.masked_fill(absent[:, None], 0)
    return loss(filled, target.masked_fill(absent, 0)).masked_fill(absent, 0)
