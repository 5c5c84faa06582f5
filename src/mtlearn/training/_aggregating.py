"""Steps that combine the tasks' gradients in the weights that they share."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mtlearn._utils._short import short
from mtlearn.data import Labels
from mtlearn.exceptions import InvalidParameterError, NetworkError
from mtlearn.losses import Aggregation, LossParts
from mtlearn.training._kept_graph import kept_graph
from mtlearn.training._own_numbers import is_ours
from mtlearn.training._rerouting import watched_gradients
from mtlearn.training._shared_loop import SharedLoop

Gradients = list[Tensor | None]


class AggregatingLoop(SharedLoop):
    """A skorch net whose steps may weigh the tasks' gradients anew.

    A step in which fewer than two tasks have labels, or in which the tasks share no
    weights that train, is one like any other.
    """

    aggregation_: Callable[..., Any] | None
    aggregation_generator_: torch.Generator
    module_: Any
    # What a step has collected, while there is one.
    collected_: "Collected | None" = None

    def set_aggregation(self, value: Callable[..., Any] | None, seed: int) -> None:
        """Combine the tasks' gradients in the next training.

        Parameters
        ----------
        value : Aggregation, callable or None
            What weighs them; None adds them up.
        seed : int
            Of what is drawn.

        Raises
        ------
        NetworkError
            If there is nothing that the tasks share.
        """
        if value is not None and not self.module_.shared_parameters():
            raise NetworkError(
                f"The backbone {type(self.module_.backbone).__name__} has no weights "
                f"that the tasks share, and aggregation={short(value)} combines "
                "gradients in these. Use one with layers, or set aggregation=None."
            )
        # skorch would take a module, as torchjd's are, for a part of the net.
        self.aggregation_ = partial(value) if isinstance(value, nn.Module) else value
        self.aggregation_generator_.manual_seed(seed)

    def _gradients_of(self, batch: Any) -> dict[str, Any]:
        if self.aggregation_ is None:
            return super()._gradients_of(batch)
        present = present_tasks(batch[1], self.criterion_.task_weights)
        shared = self.module_.shared_parameters().values()
        trained = [weight for weight in shared if weight.requires_grad]
        if len(present) < 2 or not trained:
            return super()._gradients_of(batch)
        self.collected_ = Collected(self, present, trained)
        try:
            step = super()._gradients_of(batch)
            self._aggregate(self.collected_)
        finally:
            self.collected_ = None
        return step

    def backward_step(
        self, batch: Any, divisors: Tensor | None = None
    ) -> dict[str, Any]:
        """Go forward once, and backward once for each task where these are combined.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows, all at once.
        divisors : Tensor of shape (n_tasks,), default=None
            What the losses are divided by where these rows are a piece of a batch.

        Returns
        -------
        dict
            What `forward_step` returns; without a graph where tasks are combined.
        """
        if self.collected_ is None:
            return super().backward_step(batch, divisors)
        with kept_graph(self):
            with nullcontext() if self.lends_ else self.own_pass():
                step = self.forward_step(batch, training=True, divisors=divisors)
            self.collected_.add(step)
        # Whose memory is free at once, as after a backward pass.
        return without_graph(step)

    def _aggregate(self, collected: "Collected") -> None:
        """Weigh the tasks' gradients, and give the sum to the optimiser."""
        gramian = collected.gramian()
        # Where it is not finite, the step is one that the scaler skips, or that ends
        # the training: as without aggregation.
        weights = np.ones(len(gramian))
        if np.isfinite(gramian).all():
            weights = self._task_weights(gramian)
        collected.write(weights)

    def _task_weights(self, gramian: np.ndarray) -> np.ndarray:
        aggregation = self.aggregation_
        assert aggregation is not None
        if isinstance(aggregation, Aggregation):
            return aggregation(gramian, self.aggregation_generator_)
        own = nullcontext() if self.lends_ else self.randomness_.for_all()
        quiet = is_ours(aggregation)
        with nullcontext() if quiet else own, torch.no_grad():
            found = aggregation(torch.from_numpy(gramian))
        return checked_weights(found, len(gramian))


class Collected:
    """The tasks' gradients of a step, added up over its passes.

    Parameters
    ----------
    net : MultiTaskNet
        In training.
    present : sequence of int
        The tasks whose gradients are combined.
    shared : sequence of Parameter
        The weights that they share, and that train.
    """

    def __init__(
        self, net: Any, present: Sequence[int], shared: Sequence[nn.Parameter]
    ) -> None:
        self.net = net
        self.shared = list(shared)
        known = set(map(id, shared))
        self.others = [
            weight
            for weight in net.module_.parameters()
            if weight.requires_grad and id(weight) not in known
        ]
        self.of_losses = [w for w in net.criterion_.parameters() if w.requires_grad]
        self._by_task: dict[int, Gradients] = {
            task: [None] * len(self.shared) for task in present
        }
        self._of_others: Gradients = [None] * len(self.others)
        self._of_losses: Gradients = [None] * len(self.of_losses)

    def add(self, step: dict[str, Any]) -> None:
        """Compute the gradients of a pass, and add them to those of earlier ones.

        Each task's goes back from its own output, so that no head is gone through for
        another task.

        Parameters
        ----------
        step : dict
            What `forward_step` has returned, with its graph.
        """
        parts: LossParts = step["counted"][0]
        factors = parts.means.new_tensor(self.net.criterion_.task_weights)
        # Scaled as the loss is, so that small gradients do not vanish in float16.
        directions = self.net.scaler_.scale(torch.diag(factors))
        for task, output in enumerate(step.get("of_members", step["y_pred"])):
            if output.requires_grad:
                found = self._gradients(parts.means, [output], directions[task])
                if found[0] is not None:
                    self._add_task(task, output, found[0])
        if self.of_losses:
            total = directions.diagonal()
            found = self._gradients(parts.means, self.of_losses, total)
            _add(self._of_losses, found)

    def _add_task(self, task: int, output: Tensor, direction: Tensor) -> None:
        n_shared = len(self.shared) if task in self._by_task else 0
        weights = [*self.shared[:n_shared], *self.others]
        if not weights:
            return
        found = self._gradients(output, weights, direction)
        if n_shared:
            _add(self._by_task[task], found[:n_shared])
        # Of an absent task they are zero, as after a backward pass.
        _add(self._of_others, found[n_shared:])

    def _gradients(
        self, output: Tensor, weights: Sequence[Tensor], direction: Tensor
    ) -> Gradients:
        if self.net.watches_ and not self.net.lends_:
            found = watched_gradients(output, weights, direction)
        else:
            found = torch.autograd.grad(
                output, weights, direction, retain_graph=True, allow_unused=True
            )
        return [
            each.to_dense() if each is not None and each.is_sparse else each
            for each in found
        ]

    def gramian(self) -> np.ndarray:
        """Give the inner products of the tasks' gradients in the weights they share.

        Returns
        -------
        ndarray of shape (n_present, n_present)
            Of float64, and of losses that were not scaled.
        """
        n_tasks = len(self._by_task)
        total = torch.zeros(
            n_tasks, n_tasks, dtype=torch.float64, device=self.shared[0].device
        )
        for weight, of_tasks in self._by_weight():
            rows = [
                torch.zeros_like(weight) if each is None else each for each in of_tasks
            ]
            flat = torch.stack(rows).flatten(1)
            if flat.is_complex():
                flat = torch.view_as_real(flat).flatten(1)
            flat = flat.double()
            total += flat @ flat.T
        scale = self.net.scaler_.get_scale() if self.net.scaler_.is_enabled() else 1.0
        return total.cpu().numpy() / scale**2

    def write(self, task_weights: np.ndarray) -> None:
        """Give each weight its gradient.

        Parameters
        ----------
        task_weights : ndarray of shape (n_present,)
            By which the gradients of the tasks are summed up in what they share.
        """
        for weight, of_tasks in self._by_weight():
            total = torch.zeros_like(weight)
            for factor, each in zip(task_weights.tolist(), of_tasks, strict=True):
                if each is not None:
                    total.add_(each, alpha=factor)
            _give(weight, total)
        rest = [*zip(self.others, self._of_others, strict=True)]
        rest += zip(self.of_losses, self._of_losses, strict=True)
        for weight, gradient in rest:
            if gradient is not None:
                # torch.autograd.grad promises no order in memory, and fused optimisers
                # read the gradient in that of the weight.
                _give(weight, torch.empty_like(weight).copy_(gradient))

    def _by_weight(self) -> Iterable[tuple[nn.Parameter, tuple[Tensor | None, ...]]]:
        """Give each shared weight that some task reaches, with the tasks' gradients."""
        columns = zip(*self._by_task.values(), strict=True)
        for weight, of_tasks in zip(self.shared, columns, strict=True):
            if any(each is not None for each in of_tasks):
                yield weight, of_tasks


def present_tasks(labels: Labels, task_weights: Sequence[float]) -> list[int]:
    """List the tasks that a batch has a label of, and that count.

    Parameters
    ----------
    labels : Labels
        Of the batch.
    task_weights : sequence of float
        One per task.

    Returns
    -------
    list of int
        Their numbers.
    """
    there = torch.stack([(each > 0).any() for each in labels.loss_weights]).tolist()
    pairs = enumerate(zip(there, task_weights, strict=True))
    return [task for task, (is_there, weight) in pairs if is_there and weight > 0]


def checked_weights(found: Any, n_tasks: int) -> np.ndarray:
    """Return the weights that a user's callable has made.

    Parameters
    ----------
    found : array-like or Tensor
        What it has returned.
    n_tasks : int
        Of the Gramian that it was given.

    Returns
    -------
    ndarray of shape (n_tasks,)
        Of float64.

    Raises
    ------
    InvalidParameterError
        If they are not one finite number for each task.
    """
    if isinstance(found, Tensor):
        found = found.detach().cpu()
    try:
        weights = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError):
        weights = np.full(n_tasks, np.nan)
    if weights.shape != (n_tasks,) or not np.isfinite(weights).all():
        raise InvalidParameterError(
            "The 'aggregation' parameter is a callable, which must return a finite "
            f"weight for each row of the Gramian, in shape ({n_tasks},). Got "
            f"{short(found)} instead."
        )
    return weights


def without_graph(step: dict[str, Any]) -> dict[str, Any]:
    """Let go of what gradients were computed from.

    Parameters
    ----------
    step : dict
        What `forward_step` has returned.

    Returns
    -------
    dict
        The same, but for the graph.
    """
    parts, outputs, labels = step["counted"]
    counted = (
        LossParts(*(each.detach() for each in parts)),
        tuple(each.detach() for each in outputs),
        labels,
    )
    y_pred = tuple(each.detach() for each in step["y_pred"])
    return {
        **{name: each for name, each in step.items() if name != "of_members"},
        "loss": step["loss"].detach(),
        "y_pred": y_pred,
        "counted": counted,
    }


def _add(sums: Gradients, gradients: Sequence[Tensor | None]) -> None:
    for place, each in enumerate(gradients):
        before = sums[place]
        if each is not None:
            sums[place] = each if before is None else before + each


def _give(weight: nn.Parameter, gradient: Tensor) -> None:
    if weight.grad is None:
        weight.grad = gradient
    else:
        weight.grad.add_(gradient)
