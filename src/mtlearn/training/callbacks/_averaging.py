"""Averages of the weights, batch by batch or epoch by epoch."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from mtlearn.data import Samples
from mtlearn.training._learned import parameters_of
from mtlearn.training._statistics import refresh_batch_norms

Update = Callable[[list[Tensor], list[Tensor], int], None]
# skorch's hooks have public names and no parameters of interest.


class WeightAverage:
    """A running average of tensors, which can change places with them.

    Parameters
    ----------
    tensors : iterable of Tensor
        Weights of a network. Those of whole numbers are left alone.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.tensors = [
            tensor.detach()
            for tensor in tensors
            if tensor.is_floating_point() or tensor.is_complex()
        ]
        self.mean = [tensor.clone() for tensor in self.tensors]
        self.count = 0

    @torch.no_grad()
    def update(self, function: Update) -> None:
        """Take in the tensors as they are.

        Parameters
        ----------
        function : callable
            Moves averages, the first argument, towards tensors, the second one; the
            third one says how many are in the average. Not called for the first ones,
            which are the average.
        """
        if self.count:
            function(self.mean, self.tensors, self.count)
        else:
            for mean, tensor in zip(self.mean, self.tensors, strict=True):
                mean.copy_(tensor)
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        """Give the averages and how many are in them."""
        return {"mean": self.mean, "count": self.count}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take averages over."""
        for mean, before in zip(self.mean, state["mean"], strict=True):
            mean.copy_(before)
        self.count = state["count"]

    @torch.no_grad()
    def exchange(self) -> None:
        """Let tensors and averages change places, each in its own memory."""
        for mean, tensor in zip(self.mean, self.tensors, strict=True):
            before = tensor.clone()
            tensor.copy_(mean)
            mean.copy_(before)


class EMACallback(Callback):
    """Average over the batches, and show the average from validation on.

    From an epoch's first batch of validation, at the latest from its end, the network
    has the averages. It gets its own weights back when the next epoch begins.

    Parameters
    ----------
    decay : float
        See `EMA`.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        # Other buffers may hold what has no mean, such as a mask of -inf.
        self.average_ = WeightAverage(parameters_of(net).values())
        self.shown_ = False

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self._show(False)

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        if not training:
            self._show(True)

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        if training:
            count = self.average_.count
            decay = min(self.decay, (1 + count) / (10 + count))
            self.average_.update(get_ema_multi_avg_fn(decay))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        self._show(True)

    def state_dict(self) -> dict[str, Any]:
        """Give the average, and whether the network has it."""
        return {"average": self.average_.state_dict(), "shown": self.shown_}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with an average."""
        self.average_.load_state_dict(state["average"])
        self.shown_ = state["shown"]

    def _show(self, averaged: bool) -> None:
        if averaged != self.shown_:
            self.average_.exchange()
            self.shown_ = averaged


class SWACallback(Callback):
    """Average over the last epochs, and give the network the average at the end.

    Parameters
    ----------
    start : int
        The first epoch that counts, from 1.
    lr : float or None
        Learning rate from that epoch on.
    rows : Samples
        Training rows, for the statistics of batch normalisation.
    """

    def __init__(self, start: int, lr: float | None, rows: Samples) -> None:
        self.start = start
        self.lr = lr
        self.rows = rows

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.average_ = WeightAverage(parameters_of(net).values())
        self.has_replaced_ = False
        self.epoch_ = 0
        rates = [group["lr"] for group in net.optimizer_.param_groups]
        # A backbone with a rate of its own keeps its distance to the heads.
        self.ratios_ = [rate / rates[-1] for rate in rates]

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self.epoch_ += 1

    # A schedule may set the rate between epochs or after each batch: before the step
    # it is set back, and after it too, for the history.
    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        self._hold_rate(net)

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        self._hold_rate(net)

    def _hold_rate(self, net: Any) -> None:
        if self.lr is not None and self.epoch_ >= self.start:
            groups = net.optimizer_.param_groups
            for group, ratio in zip(groups, self.ratios_, strict=True):
                group["lr"] = self.lr * ratio

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        if self.epoch_ >= self.start:
            self.average_.update(get_swa_multi_avg_fn())

    def state_dict(self) -> dict[str, Any]:
        """Give the average, and how many epochs there were."""
        return {"average": self.average_.state_dict(), "epoch": self.epoch_}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with an average."""
        self.average_.load_state_dict(state["average"])
        self.epoch_ = state["epoch"]

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        if self.average_.count:
            self.average_.exchange()
            self.has_replaced_ = True
            refresh_batch_norms(net, self.rows)
