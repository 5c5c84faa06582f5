"""Steps, epochs and figures of a net that several processes train."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn.data import Batches, Samples, Shard, Share, batch_slices
from mtlearn.exceptions import ProcessGroupError
from mtlearn.losses import LossParts
from mtlearn.training._learned import modules_of, parameters_of, parts_of
from mtlearn.training._loop import BatchLoop
from mtlearn.training._processes import Processes
from mtlearn.training._synchronised import SynchronisedNorms

# Weights of processes with different processors may differ in their last bits, which
# the first process decides. What differs by a larger share is no rounding.
_ROUNDING = 1e-3


class SharedLoop(BatchLoop):
    """A skorch net that several processes may train together.

    Each goes through its rows of a batch. What a step is made of is added up before the
    optimiser, and all that looks at gradients and losses, sees it: then all processes
    do the same, and come to the same.
    """

    processes_: Processes | None
    order_seed_: int
    batches_: Batches | None = None
    share_: Share | None = None
    # Which of the passes of a step is under way.
    pass_: int = 0

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, *, epochs: int = 1
    ) -> Self:
        """Run the training loop; all processes begin and end with the same weights.

        Parameters
        ----------
        X : tuple of (Samples, Samples or None)
            Training and validation rows.
        y, classes : None
            Not used.
        epochs : int, default=1
            Epochs at most.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        if self.processes_ is None:
            return super().partial_fit(X, y, classes, epochs=epochs)
        self.share_weights()
        super().partial_fit(X, y, classes, epochs=epochs)
        self.share_weights()
        return self

    def get_iterator(self, dataset: Samples, training: bool = False) -> Batches:
        """Index batches, or the parts of them that this process has.

        Parameters
        ----------
        dataset : Samples
            Rows.
        training : bool, default=False
            Whether to shuffle.

        Returns
        -------
        Batches
            An iterable of inputs and labels.
        """
        batches = super().get_iterator(dataset, training)
        processes = self.processes_
        if processes is not None:
            shard = Shard(processes.rank, processes.size)

            def share_of(n_rows: int) -> Share:
                if not training or self.accumulate == 1:
                    return shard.share_of([slice(0, n_rows)])
                at_once = self.batch_size, self.fewest_rows
                return shard.share_of(batch_slices(n_rows, *at_once))

            batches.share_of = share_of
        return batches

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Let other processes than the first one draw other numbers.

        Parameters
        ----------
        net : MultiTaskNet
            This net.
        **kwargs : object
            Passed on to skorch.
        """
        super().on_epoch_begin(net, **kwargs)
        if self.processes_ is not None and not self.processes_.is_first:
            # By the epoch, so that a checkpoint need not know of every process.
            place = self.order_seed_, len(self.history), self.processes_.rank
            numbers = np.random.SeedSequence(place).generate_state(2)
            generators = self.randomness_.generators.values(), [self.change_generator_]
            for number, each in zip(numbers.tolist(), generators, strict=True):
                for generator in each:
                    generator.manual_seed(number)

    def run_single_epoch(self, iterator: Any, training: bool, **kwargs: Any) -> None:
        """Run all batches once, and bring the processes together afterwards.

        Parameters
        ----------
        iterator : Batches or None
            The batches.
        training : bool
            Whether to train on them.
        **kwargs : object
            As in skorch.
        """
        self.batches_ = iterator
        try:
            super().run_single_epoch(iterator, training, **kwargs)
        finally:
            self.batches_ = self.share_ = None
        if self.processes_ is not None and iterator is not None:
            # The losses of steps have been added up already.
            self.tallies_[training].share(self.processes_, losses=not training)
            if training:
                self.share_weights(f"after epoch {len(self.history)}")

    def share_weights(self, when: str | None = None) -> None:
        """Take the weights and buffers of the first process.

        Parameters
        ----------
        when : str or None, default=None
            For the message, where they should be equal.

        Raises
        ------
        ProcessGroupError
            If weights that should be equal are not.
        """
        assert self.processes_ is not None
        weights = [each.detach() for each in parameters_of(self).values()]
        before = [each.clone() for each in weights]
        self.processes_.take_from_first(weights)
        self.share_buffers()
        if when is None:
            return
        apart = sum(
            float((a - b).abs().sum()) for a, b in zip(weights, before, strict=True)
        )
        size = sum(float(each.abs().sum()) for each in weights)
        found = self.processes_.of_each(apart > _ROUNDING * size)
        if any(found):
            raise ProcessGroupError(
                f"The weights of process {found.index(True)} are not those of process "
                f"0 {when}. A callback, layer or optimizer does something in one of "
                "them that it does not do in another: let it do the same in all."
            )

    def summed(self, values: Tensor) -> Tensor:
        """Add something up over the processes, if there are several."""
        return values if self.processes_ is None else self.processes_.summed(values)

    def share_buffers(self) -> None:
        """Take the buffers of the first process, such as statistics of batch norms."""
        assert self.processes_ is not None
        buffers = [each for _, part in parts_of(self) for each in part.buffers()]
        self.processes_.take_from_first(buffers)

    def note_inputs(self, x: Tensor) -> None:
        """Keep the inputs of a step, or the numbers of its rows in all processes.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            Those of this process.
        """
        if self.recent_ is None or self.processes_ is None:
            super().note_inputs(x)
            return
        batches = self.batches_
        assert batches is not None
        assert batches.present is not None
        self.recent_.add(x, batches.present[0])
        self.recent_.read = batches.inputs.take

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take one step of the optimiser.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows of this process.
        **fit_params : object
            Not used.

        Returns
        -------
        dict
            ``loss``, of all processes, and ``y_pred``.
        """
        if self.processes_ is not None:
            batches = self.batches_
            assert batches is not None
            assert batches.present is not None
            self.share_, self.pass_ = batches.present[1], 0
        return super().train_step(batch, **fit_params)

    def changed(self, x: Tensor, labels: Any, generator: torch.Generator) -> Any:
        """Augment and mix a batch; rows that do not count get no partner's labels."""
        x, labels = super().changed(x, labels, generator)
        padding = None if self.share_ is None else self.share_.padding
        if padding is not None:
            labels = labels.without(torch.from_numpy(padding))
        return x, labels

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch and its gradients, of all processes.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows of this process.
        **fit_params : object
            Not used.

        Returns
        -------
        dict
            ``loss`` and ``y_pred``.
        """
        step = super().train_step_single(batch, **fit_params)
        return step if self.processes_ is None else self._shared(step)

    def _shared(self, step: dict[str, Any]) -> dict[str, Any]:
        """Add up gradients and losses over the processes, in one go."""
        assert self.processes_ is not None
        parts, outputs, labels = step["counted"]
        loss = step["loss"].detach()
        trained = [w for _, w in self.get_all_learnable_params() if w.requires_grad]
        sums = torch.stack([parts.weighted_sums, parts.weight_sums])
        bucket = [
            # What no row of any process has used has no gradient, as ever.
            torch.tensor([float(w.grad is not None) for w in trained]),
            loss.view(1),
            sums,
            *(_flat_gradient(each) for each in trained),
        ]
        total = self.processes_.summed(
            torch.cat([each.flatten().to(loss) for each in bucket])
        )
        left = iter(total.split([each.numel() for each in bucket]))
        is_used = next(left).tolist()
        loss, sums = next(left)[0], next(left).view_as(sums)
        for weight, used, gradient in zip(trained, is_used, left, strict=True):
            if used:
                _give(weight, gradient)
        if self.balance_ is None:
            parts = _with_sums(parts, sums)
        return {**step, "loss": loss, "counted": (parts, outputs, labels)}

    def forward_step(
        self, batch: Any, training: bool, divisors: Tensor | None = None
    ) -> dict[str, Any]:
        """Compute outputs and the loss; see `BatchLoop.forward_step`.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows of this process.
        training : bool
            Whether these are training rows.
        divisors : Tensor of shape (n_tasks,), default=None
            What the losses are divided by, if not by what the rows say.

        Returns
        -------
        dict
            ``loss`` of these rows, ``y_pred`` and ``counted``.
        """
        with self._synchronised(training):
            step = super().forward_step(batch, training, divisors)
        if training and self.processes_ is not None and self.balance_ is not None:
            # Weights of losses follow from those of all rows.
            parts, *others = step["counted"]
            sums = torch.stack([parts.weighted_sums, parts.weight_sums])
            parts = _with_sums(parts, self.processes_.summed(sums))
            step["counted"] = (parts, *others)
        return step

    def _synchronised(self, training: bool) -> AbstractContextManager[Any]:
        if not training or self.processes_ is None or self.share_ is None:
            return nullcontext()
        # A layer that is not known may do what batch norms do.
        modules = modules_of(self)
        if not (self.watches_ or any(isinstance(m, _BatchNorm) for m in modules)):
            return nullcontext()
        return SynchronisedNorms(self.processes_, self.share_.counted[self.pass_])

    def passes_of(self, n_rows: int) -> Iterator[slice]:
        """Give which rows of a batch go through the network at a time, one by one.

        Parameters
        ----------
        n_rows : int
            Rows of the batch, of this process.

        Yields
        ------
        slice
            The rows.
        """
        if self.share_ is None:
            yield from super().passes_of(n_rows)
            return
        for number, rows in enumerate(self.share_.passes):
            self.pass_ = number
            yield rows
        self.pass_ = 0


def _flat_gradient(weight: nn.Parameter) -> Tensor:
    """Give a gradient as real numbers; zeros where there is none."""
    gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
    if gradient.is_sparse:
        gradient = gradient.to_dense()
    if gradient.is_complex():
        gradient = torch.view_as_real(gradient)
    return gradient.flatten()


def _give(weight: nn.Parameter, flat: Tensor) -> None:
    """Set a gradient, laid in memory as its weight is."""
    shape = torch.view_as_real(weight).shape if weight.is_complex() else weight.shape
    gradient = flat.view(shape).to(weight.dtype.to_real())
    if weight.is_complex():
        gradient = torch.view_as_complex(gradient)
    if weight.grad is None or weight.grad.is_sparse:
        weight.grad = torch.empty_like(weight)
    weight.grad.copy_(gradient)


def _with_sums(parts: LossParts, sums: Tensor) -> LossParts:
    return parts._replace(weighted_sums=sums[0], weight_sums=sums[1])
