"""An epoch of several networks of one kind, in one pass through their batches.

Each network has the rows, the order, the dropout, the rate and the history that it
would have by itself. What is one number for all of them is the number of steps.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from skorch.callbacks import Callback, GradientNormClipping
from torch import Tensor

from mtlearn.data import Batches, Labels
from mtlearn.losses import LossParts, weighted_losses, weighted_sums
from mtlearn.networks import drawing_from_each
from mtlearn.training._fingerprint import Reader
from mtlearn.training._own_numbers import is_ours
from mtlearn.training._stack import Stack, StackedOptimizer
from mtlearn.training._tally import AT_ONCE
from mtlearn.training.callbacks import (
    DivergenceGuard,
    EMACallback,
    FreshStatistics,
    TaskMetric,
)

# A batch of each network.
_Batch = list[tuple[Tensor, Labels]]


def likeness(net: Any, batches: Batches) -> tuple[Any, ...]:
    """Give what must be equal for an epoch of several networks to be one pass.

    Parameters
    ----------
    net : MultiTaskNet
        Before an epoch of training.
    batches : Batches
        Of this epoch.

    Returns
    -------
    tuple
        To compare with that of another one.
    """
    net._set_training(True)  # a callback may have predicted
    network, optimizer, labels = net.module_, net.optimizer_, batches.samples.labels
    assert labels is not None
    order: dict[int, Any] = {id(w): n for n, w in network.named_parameters()}
    return (
        repr(network),
        [module.training for module in network.modules()],
        [(n, w.shape, w.requires_grad) for n, w in network.named_parameters()],
        [(n, each.shape, each.dtype) for n, each in network.named_buffers()],
        type(optimizer),
        [
            # What is no longer in the network is like nothing else.
            {**group, "params": [order.get(id(w), id(w)) for w in group["params"]]}
            for group in optimizer.param_groups
        ],
        [
            (order.get(id(w), id(w)), float(state.get("step", 0)), sorted(state))
            for w, state in optimizer.state.items()
        ],
        len(net.history),
        batches.slices,
        batches.samples.X.shape[1:],
        net.precision,
        [_kind_of(callback) for _, callback in net.callbacks_],
        labels.class_weighted is None,
        [(len(each), each.shape[1:], each.dtype) for each in labels.weights],
    )


def _kind_of(callback: Callback) -> Any:
    if isinstance(callback, GradientNormClipping):
        return type(callback), callback.gradient_clip_value
    return type(callback)


def losses_of(net: Any) -> list[bytes | None]:
    """Describe the losses of a net, by which those of several are known to be equal.

    Parameters
    ----------
    net : MultiTaskNet
        In training.

    Returns
    -------
    list of bytes or None
        One a task; None where the loss may be one of all rows of a batch together.
    """
    criterion = net.criterion_
    several = zip(net.tasks, criterion.losses, criterion.reductions, strict=True)
    return [
        Reader(strict=False).digest((task, loss), "")
        if reduction is weighted_sums and is_ours(loss)
        else None
        for task, loss, reduction in several
    ]


def train_together(
    nets: Sequence[Any],
    batches: Sequence[Batches],
    losses: Sequence[list[bytes | None]],
) -> list[BaseException | None]:
    """Train several networks for an epoch.

    Parameters
    ----------
    nets : sequence of MultiTaskNet
        Alike, see `likeness`, and without obstacles, see `obstacle_of`.
    batches : sequence of Batches
        Those of each.
    losses : sequence of list of bytes or None
        Of each what `losses_of` gives.

    Returns
    -------
    list of BaseException or None
        What the callbacks of each have raised.
    """
    stack = Stack([net.module_ for net in nets])
    epoch = _Epoch(nets, stack, losses)
    for batch in zip(*batches, strict=True):
        epoch.step(list(batch))
    epoch.end()
    return epoch.errors


class _Epoch:
    """The steps of an epoch."""

    def __init__(
        self, nets: Sequence[Any], stack: Stack, losses: Sequence[list[bytes | None]]
    ) -> None:
        self.nets = nets
        self.stack = stack
        self.optimizer = StackedOptimizer(stack, [net.optimizer_ for net in nets])
        self.losses = _Losses(nets, losses)
        for net in nets:
            # A schedule warns of an optimiser that has taken no step: this one is none.
            net.optimizer_.zero_grad()
            net.optimizer_.step()
        self.clips = [
            callback.gradient_clip_value
            for _, callback in nets[0].callbacks_
            if isinstance(callback, GradientNormClipping)
            and callback.gradient_clip_value is not None
        ]
        self.callbacks = [_of_batches(net) for net in nets]
        self.guards = [_guard_of(net) for net in nets]
        self.shows_weights = any(
            isinstance(each, EMACallback) for own in self.callbacks for each in own
        )
        self.errors: list[BaseException | None] = [None] * len(nets)
        self.records = [_Record(net) for net in nets]
        self.n_steps = 0

    def step(self, batch: _Batch) -> None:
        """Take a step of each network."""
        self.n_steps += 1
        for number, net in self._left():
            x = batch[number][0]
            net.history.new_batch()
            for callback in self.callbacks[number]:
                callback.on_batch_begin(net, batch=batch[number], training=True)
            if net.recent_ is not None:
                net.recent_.add(x)
        self.optimizer.take_options()
        outputs, parts = self._gradients(batch)
        for most in self.clips:
            self.optimizer.clip(most)
        self.optimizer.optimizer.step()
        self._tell(batch, outputs, parts)

    def _left(self) -> list[tuple[int, Any]]:
        """Give the networks whose callbacks go on; the others' numbers go nowhere."""
        pairs = enumerate(self.nets)
        return [(i, net) for i, net in pairs if self.errors[i] is None]

    def _gradients(self, batch: _Batch) -> tuple[tuple[Tensor, ...], LossParts]:
        self.optimizer.optimizer.zero_grad()
        x = torch.stack([x for x, _ in batch])
        generators = [net.randomness_.generators[x.device.type] for net in self.nets]
        with drawing_from_each(generators):
            outputs = self.stack(x)
        parts = self.losses.of(outputs, [labels for _, labels in batch])
        parts.total.sum().backward()
        return outputs, parts

    def _tell(
        self, batch: _Batch, outputs: tuple[Tensor, ...], parts: LossParts
    ) -> None:
        """Write the histories, and tell the callbacks of the batch."""
        if self.shows_weights:
            self.stack.give_back()
        losses = parts.total.detach()
        values = losses.tolist()
        outputs = tuple(output.detach() for output in outputs)
        for number, net in self._left():
            x, labels = batch[number]
            net.history.record_batch("train_loss", values[number])
            net.history.record_batch("train_batch_size", len(x))
            own = tuple(output[number] for output in outputs)
            record, is_finite = self.records[number], math.isfinite(values[number])
            if not is_finite:
                record.flush()  # for the tally to tell of this batch alone
            record.add(
                own, labels, parts.weighted_sums[number], parts.weight_sums[number]
            )
            told: dict[str, Any] = {
                "batch": batch[number],
                "training": True,
                "y_pred": own,
            }
            try:
                if not is_finite:
                    record.flush()
                    self.guards[number].batch_ = self.n_steps - 1
                    self.guards[number].on_batch_end(net, **told)
                for callback in self.callbacks[number]:
                    callback.on_batch_end(net, loss=losses[number], **told)
            except Exception as error:  # which is for the fit of this one
                self.errors[number] = error

    def end(self) -> None:
        """Give all that was learned back to the networks."""
        self.stack.give_back()
        self.optimizer.give_back()
        for number, net in self._left():
            self.records[number].flush()
            self.guards[number].batch_ = self.n_steps
            net.history.record("train_batch_count", self.n_steps)


def _of_batches(net: Any) -> list[Callback]:
    """Give the callbacks that are to see each batch of training."""
    found = []
    for _, callback in net.callbacks_:
        own, base = type(callback), Callback
        sees = own.on_batch_begin is not base.on_batch_begin
        sees = sees or own.on_batch_end is not base.on_batch_end
        if isinstance(callback, DivergenceGuard | FreshStatistics):
            sees = False  # the one is asked where it has something to say
        if isinstance(callback, TaskMetric):
            sees = callback.on == "train"
        if getattr(callback, "step_every", "batch") == "epoch":
            sees = False
        if sees:
            found.append(callback)
    return found


def _guard_of(net: Any) -> DivergenceGuard:
    return next(each for _, each in net.callbacks_ if isinstance(each, DivergenceGuard))


class _Losses:
    """Losses of several networks, of all rows at once where these are alike."""

    def __init__(
        self, nets: Sequence[Any], losses: Sequence[list[bytes | None]]
    ) -> None:
        self.nets = nets
        first = nets[0]
        self.tasks = list(first.tasks)
        weights = [net.criterion_.task_weights for net in nets]
        self.task_weights = torch.tensor(weights, dtype=first.precision.dtype)
        self.alike = [
            set(described) == {described[0]} and described[0] is not None
            for described in zip(*losses, strict=True)
        ]

    def of(self, outputs: Sequence[Tensor], labels: Sequence[Labels]) -> LossParts:
        """Compute the losses of a batch of each network.

        Parameters
        ----------
        outputs : sequence of Tensor of shape (n_networks, n_samples, n_outputs)
            One a task.
        labels : sequence of Labels
            One a network.

        Returns
        -------
        LossParts
            Each of one more dimension, the networks, which is the first one.
        """
        n_rows = outputs[0].shape[1]
        both = [self._sums(task, output, labels) for task, output in enumerate(outputs)]
        sums, weight_sums = (
            torch.stack(each, dim=1) for each in zip(*both, strict=True)
        )
        divisors = torch.stack([net.step_sums_.of(n_rows) for net in self.nets])
        means = sums / divisors
        total = (means * self.task_weights).sum(dim=1)
        return LossParts(total, sums.detach(), weight_sums, means)

    def _sums(
        self, task: int, output: Tensor, labels: Sequence[Labels]
    ) -> tuple[Tensor, Tensor]:
        """Sum up the losses of a task, and its weights, for each network."""
        targets = _present([each.values[task] for each in labels])
        weights = [each.loss_weights[task] for each in labels]
        if not self.alike[task]:
            several = zip(self.nets, output, targets, weights, strict=True)
            pairs = [self._own_sums(task, *each) for each in several]
            sums, weight_sums = zip(*pairs, strict=True)
            return torch.stack(sums), torch.stack(weight_sums)
        loss, weight = self.nets[0].criterion_.losses[task], torch.cat(weights)
        linked = self.tasks[task].link(output.flatten(0, 1))
        losses = weighted_losses(loss, linked, torch.cat(targets), weight)
        n_nets = len(self.nets)
        return (
            losses.reshape(n_nets, -1).sum(dim=1),
            weight.reshape(n_nets, -1).sum(dim=1),
        )

    @staticmethod
    def _own_sums(
        task: int, net: Any, output: Tensor, target: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        criterion = net.criterion_
        linked = list(net.tasks)[task].link(output)
        return criterion.reductions[task](
            criterion.losses[task], linked, target, weight, None
        )


class _Record:
    """What the tally of a network gets, several batches at once."""

    def __init__(self, net: Any) -> None:
        self.net = net
        self.waiting: list[tuple[tuple[Tensor, ...], Labels]] = []
        self.sums: list[tuple[Tensor, Tensor]] = []
        self.n_rows = 0

    def add(
        self,
        outputs: tuple[Tensor, ...],
        labels: Labels,
        weighted_sums: Tensor,
        weight_sums: Tensor,
    ) -> None:
        """Keep a batch."""
        self.waiting.append((outputs, labels))
        self.sums.append((weighted_sums, weight_sums))
        self.n_rows += len(outputs[0])
        if self.n_rows >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Give the tally what is kept."""
        if not self.waiting:
            return
        outputs, labels = zip(*self.waiting, strict=True)
        tasks = zip(self.net.tasks, zip(*outputs, strict=True), strict=True)
        linked = [task.link(torch.cat(several)) for task, several in tasks]
        sums, weight_sums = (
            torch.stack(each).double().sum(dim=0)
            for each in zip(*self.sums, strict=True)
        )
        parts = LossParts(sums.sum(), sums, weight_sums, sums)
        self.net.tallies_[True].add(parts, linked, _in_one(labels))
        self.waiting, self.sums, self.n_rows = [], [], 0


def _in_one(labels: Sequence[Labels]) -> Labels:
    """Join the labels of several batches, but for weights that metrics do not see."""
    values = zip(*(own.values for own in labels), strict=True)
    weights = zip(*(own.weights for own in labels), strict=True)
    return Labels(
        tuple(torch.cat(_present(each)) for each in values),
        tuple(torch.cat(each) for each in weights),
    )


def _present(values: Sequence[Tensor | None]) -> list[Tensor]:
    """Give the values of tasks, which all have some; see `obstacle_of`."""
    return [each for each in values if each is not None]
