"""The loss of all tasks together."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.losses._sums import Inputs, sums_of_columns, weighted_sums


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
    means : Tensor of shape (n_tasks,)
        Mean losses, which `total` is the weighted sum of, with their graph.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import MultiTaskLoss, sample_loss
    >>> loss = MultiTaskLoss([sample_loss("mse")], [10.0])
    >>> parts = loss((torch.tensor([[2.0]]),), (torch.zeros(1),), (torch.ones(1),))
    >>> parts.total, parts.weighted_sums / parts.weight_sums
    (tensor(40.), tensor([4.]))
    """

    total: Tensor
    weighted_sums: Tensor
    weight_sums: Tensor
    means: Tensor


class MultiTaskLoss(nn.Module):
    """Weighted sum over tasks of the mean loss of their labelled samples.

    With the weight `w[t][i]` of label i in task t and the weight `a[t]` of the
    task, the loss is the sum over t of
    ``a[t] * sum_i(w[t][i] * loss[t][i]) / sum_i(w[t][i])``. In training, the estimators
    put the sum that is expected of a batch of that size in the place of the last sum,
    so that a batch of rows with large weights takes a larger step.

    A weight of 0 means that the label is absent: it then adds exactly nothing to the
    task's loss and gradient, even if its own loss is infinite or NaN. A task without
    any weight in the batch adds an exact zero, with zero gradients.

    Parameters
    ----------
    losses : sequence of callable
        One per task, as `sample_loss` makes them. Modules among them are registered:
        their weights and buffers are those of this one.
    task_weights : sequence of float
        One per task.
    reductions : sequence of callable, default=None
        One per task, each like `weighted_sums`, which None takes for all.

    Raises
    ------
    InvalidParameterError
        If the sequences differ in length.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import MultiTaskLoss, sample_loss
    >>> loss = MultiTaskLoss([sample_loss("mse"), sample_loss("mae")], [1.0, 10.0])
    >>> outputs = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [0.0]])
    >>> targets = torch.tensor([0.0, 0.0]), torch.tensor([3.0, float("nan")])
    >>> weights = torch.tensor([3.0, 1.0]), torch.tensor([1.0, 0.0])  # one is absent
    >>> parts = loss(outputs, targets, weights)
    >>> parts.total, parts.weighted_sums, parts.weight_sums
    (tensor(31.7500), tensor([7., 3.]), tensor([4., 1.]))
    """

    # The weights of the tasks as a tensor, and those that it was made of.
    _kept: tuple[Any, Tensor] | None = None

    def __init__(
        self,
        losses: Sequence[Callable[[Tensor, Tensor], Tensor]],
        task_weights: Sequence[float],
        reductions: Sequence[Callable[..., tuple[Tensor, Tensor]]] | None = None,
    ) -> None:
        super().__init__()
        if reductions is None:
            reductions = [weighted_sums] * len(losses)
        for name, each in (("task_weights", task_weights), ("reductions", reductions)):
            if len(losses) != len(each):
                raise InvalidParameterError(
                    f"The {name!r} parameter of MultiTaskLoss must have one entry for "
                    f"each of the {len(losses)} losses. Got {len(each)} instead."
                )
        self.losses = tuple(losses)
        self.reductions = tuple(reductions)
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
        outputs: Sequence[Tensor],
        targets: Sequence[Tensor | None],
        weights: Sequence[Tensor],
        divisors: Tensor | None = None,
        inputs: Inputs | None = None,
    ) -> LossParts:
        """Return the loss of one batch, and its parts.

        Parameters
        ----------
        outputs : sequence of Tensor of shape (n_samples, ...)
            The outputs of the network, in task order.
        targets : sequence of Tensor of shape (n_samples,) or (n_samples, k)
            The targets, in task order; None for a task that learns from the inputs.
            Those of weight 0 may have any value.
        weights : sequence of Tensor of the shapes of `targets`
            The weights of the labels, none below 0; 0 where a label is absent.
        divisors : Tensor of shape (n_tasks,), default=None
            What each task's weighted sum is divided by, above 0; None takes the sums of
            `weights`.
        inputs : Inputs, default=None
            What the network was given.

        Returns
        -------
        LossParts
            The total, and per task the sums it is made of.

        Raises
        ------
        InvalidDataError
            If the number of tasks in the arguments is not that of the losses.
        """
        sums, weight_sums = self.sums(outputs, targets, weights, inputs)
        if divisors is None:
            divisors = torch.where(weight_sums > 0, weight_sums, 1.0)
        means = sums / divisors
        total = (means * self._factors_beside(means)).sum()
        return LossParts(total, sums.detach(), weight_sums.detach(), means)

    def _factors_beside(self, means: Tensor) -> Tensor:
        """Give the weights of the tasks where their losses are.

        They are brought there once, as an accelerator is waited for at every copy.
        """
        weights = tuple(self.task_weights)
        asked = weights, means.dtype, means.device
        kept = self._kept
        if kept is None or kept[0] != asked:
            with torch.inference_mode(False):  # else no graph could have them later
                made = torch.tensor(weights, dtype=means.dtype, device=means.device)
            kept = self._kept = asked, made
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what lies on a device that another machine may lack."""
        return {k: v for k, v in super().__getstate__().items() if k != "_kept"}

    def sums(
        self,
        outputs: Sequence[Tensor],
        targets: Sequence[Tensor | None],
        weights: Sequence[Tensor],
        inputs: Inputs | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return each task's sum of weight times loss over one batch, with its graph.

        Parameters
        ----------
        outputs, targets, weights, inputs
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
        parts = list(zip(self.losses, outputs, targets, weights, strict=True))
        columns = self._columns(targets, weights)
        pairs: dict[int, Any] = {}
        if columns:
            both = sums_of_columns(*zip(*(parts[i] for i in columns), strict=True))
            if len(columns) == len(parts):
                return both
            pairs = dict(zip(columns, zip(*both, strict=True), strict=True))
        for i, reduce in enumerate(self.reductions):
            if i not in pairs:
                pairs[i] = reduce(*parts[i], inputs)
        in_order = (pairs[i] for i in range(len(parts)))
        sums, weight_sums = map(torch.stack, zip(*in_order, strict=True))
        return sums, weight_sums

    def _columns(
        self, targets: Sequence[Tensor | None], weights: Sequence[Tensor]
    ) -> list[int]:
        """List the tasks of one label a row that are summed up as usual."""
        usual = [
            i
            for i, reduce in enumerate(self.reductions)
            if reduce is weighted_sums and targets[i] is not None
        ]
        found = [i for i in usual if weights[i].ndim == 1]
        return found if len({len(weights[i]) for i in found}) == 1 else []

    def _check_lengths(
        self,
        outputs: Sequence[Tensor],
        targets: Sequence[Tensor | None],
        weights: Sequence[Tensor],
    ) -> None:
        """Raise an error if an argument has not one entry per task."""
        n_tasks = len(self.losses)
        counts = len(outputs), len(targets), len(weights)
        if set(counts) != {n_tasks}:
            raise InvalidDataError(
                f"MultiTaskLoss expects outputs, targets and weights of {n_tasks} "
                "tasks. Got {} outputs, {} targets and {} weights instead.".format(
                    *counts
                )
            )
        for number, (target, weight) in enumerate(zip(targets, weights, strict=True)):
            if target is not None and target.shape != weight.shape:
                raise InvalidDataError(
                    "MultiTaskLoss expects weights of the shapes of the targets. Got "
                    f"{tuple(weight.shape)} and {tuple(target.shape)} instead, in "
                    f"place {number}."
                )
