"""Training loops on a device: by hand, by hand as one CUDA graph, and mtlearn's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks._hand import PlainNetwork, summed_loss
from benchmarks._mtlearn import make_estimator
from benchmarks._problem import Problem

# Before a step is captured, torch asks for some on another stream.
_STEPS_BEFORE_CAPTURE = 3


@dataclass(frozen=True)
class Loop:
    """Something that trains.

    Attributes
    ----------
    run : callable
        Trains on so many first rows for so many epochs, the two arguments, and waits
        for the device; returns the mean loss of the last epoch.
    """

    run: Callable[[int, int], float]


@dataclass(frozen=True)
class Rows:
    """Images and targets on a device."""

    images: Tensor
    digit: Tensor
    item: Tensor
    shade: Tensor

    def take(self, index: Tensor) -> tuple[Tensor, ...]:
        """Select rows."""
        parts = (self.images, self.digit, self.item, self.shade)
        return tuple(part.index_select(0, index) for part in parts)


def place(
    X: np.ndarray, y: np.ndarray, device: str, layout: torch.memory_format
) -> Rows:
    """Copy images and targets to a device."""
    images = torch.from_numpy(X)[:, None].to(device).contiguous(memory_format=layout)
    digit, item = (torch.from_numpy(y[:, k]).long().to(device) for k in (0, 1))
    return Rows(images, digit, item, torch.from_numpy(y[:, 2].copy()).to(device))


class _Hand:
    """A network, its optimiser and its rows, and one step of training."""

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        problem: Problem,
        device: str,
        *,
        channels_last: bool,
        bfloat16: bool,
        **of_adam: bool,
    ) -> None:
        torch.manual_seed(0)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.batch_size, self.device = problem.batch_size, torch.device(device)
        self.bfloat16 = bfloat16
        self.network = PlainNetwork(problem).to(device, memory_format=layout).train()
        self.rows = place(X, y, device, layout)
        weights = self.network.parameters()
        self.optimizer = torch.optim.Adam(weights, lr=problem.lr, fused=True, **of_adam)
        # Added up there: a number that is asked for at each step is waited for.
        self.total = torch.zeros((), device=device)
        self.forward: Callable[[Tensor], Any] = self.network

    def gradients(self, index: Tensor) -> Tensor:
        """Go forward and backward; return the loss."""
        images, *targets = self.rows.take(index)
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.bfloat16, cache_enabled=False
        ):
            outputs = self.forward(images)
        loss = summed_loss(outputs, *targets)
        loss.backward()
        return loss.detach()

    def step(self, index: Tensor) -> Tensor:
        """Take one step, and return the loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.gradients(index)
        self.optimizer.step()
        self.total += loss
        return loss

    def epochs(
        self, n_rows: int, n_epochs: int, step: Callable[[Tensor], Any]
    ) -> float:
        """Take steps through rows in new orders; return the last mean loss."""
        for _ in range(n_epochs):
            self.total.zero_()
            order = torch.randperm(n_rows, device=self.device)
            batches = order.split(self.batch_size)
            for index in batches:
                step(index)
        return self.total.item() / len(batches)


def by_hand(
    X: np.ndarray,
    y: np.ndarray,
    problem: Problem,
    device: str,
    *,
    channels_last: bool = True,
    bfloat16: bool = False,
    mode: str | None = None,
    waits: bool = False,
) -> Loop:
    """Return a hand-written loop.

    Parameters
    ----------
    X, y, problem, device
        What to train on, what, and where.
    channels_last, bfloat16
        How the network computes.
    mode : str or None, default=None
        Of torch.compile, which None does without.
    waits : bool, default=False
        Whether each step asks for its loss as a number.
    """
    layout = {"channels_last": channels_last, "bfloat16": bfloat16}
    hand = _Hand(X, y, problem, device, **layout)
    if mode is not None:
        hand.forward = torch.compile(hand.network, mode=mode, dynamic=False)

    def step(index: Tensor) -> None:
        loss = hand.step(index)
        if waits:
            loss.item()

    return Loop(lambda n_rows, n_epochs: hand.epochs(n_rows, n_epochs, step))


def by_graph(
    X: np.ndarray, y: np.ndarray, problem: Problem, device: str, *, bfloat16: bool
) -> Loop:
    """Return a loop whose whole step is one CUDA graph, on batches of one size."""
    hand = _Hand(
        X, y, problem, device, channels_last=True, bfloat16=bfloat16, capturable=True
    )
    chosen = torch.arange(problem.batch_size, device=device)
    before = torch.cuda.Stream()
    before.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(before):
        for _ in range(_STEPS_BEFORE_CAPTURE):
            hand.step(chosen)
    torch.cuda.current_stream().wait_stream(before)
    # So that gradients are made anew, in the memory of the graph, at each replay.
    hand.optimizer.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = hand.gradients(chosen)
        hand.optimizer.step()
        hand.total += loss

    def step(index: Tensor) -> None:
        chosen.copy_(index)
        graph.replay()

    return Loop(lambda n_rows, n_epochs: hand.epochs(n_rows, n_epochs, step))


def by_mtlearn(
    X: np.ndarray, y: np.ndarray, problem: Problem, device: str, **params: Any
) -> Loop:
    """Return whole calls of an estimator's `fit`, which go on with its network."""
    estimator = make_estimator(problem, device=device, warm_start=True, **params)

    def run(n_rows: int, n_epochs: int) -> float:
        estimator.set_params(max_epochs=n_epochs).fit(X[:n_rows], y[:n_rows])
        return estimator.history_[-1]["train_loss"]

    return Loop(run)
