"""The losses of a batch by a pass that leaves no trace."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mtlearn.training._accumulation import pieces_of
from mtlearn.training._learned import modules_of


def loss_sums(
    net: Any, batch: Any, numbers: Mapping[str, Any] | None = None
) -> tuple[Tensor, Tensor]:
    """Compute each task's losses of a batch, as its step does, without gradients.

    Statistics of batch normalisation and other buffers, and the generators of the fit,
    are what they were.

    Parameters
    ----------
    net : MultiTaskNet
        In training.
    batch : tuple of (Tensor, Labels)
        Rows, augmented and mixed.
    numbers : dict, default=None
        State of the generators that dropout is to draw from; None: as they are.

    Returns
    -------
    weighted_sums, weight_sums : Tensor of shape (n_tasks,)
        As of `LossParts`.
    """
    with torch.no_grad(), _without_trace(net, numbers), net.own_pass():
        parts = [
            net.forward_step(piece, training=True)["counted"][0]
            for piece in pieces_of(net, batch)
        ]
    sums, weights = (
        torch.stack(each).sum(dim=0)
        for each in zip(*((p.weighted_sums, p.weight_sums) for p in parts), strict=True)
    )
    return sums, weights


@contextmanager
def _without_trace(net: Any, numbers: Mapping[str, Any] | None) -> Iterator[None]:
    """Give buffers and generators back as they were."""
    state = net.randomness_.state()
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in modules_of(net)
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        if numbers is not None:
            net.randomness_.load_state(numbers)
        yield
    finally:
        net.randomness_.load_state(state)
        for module, name, buffer, value in buffers:
            # A module may have put another tensor in its place.
            module._buffers[name] = buffer.copy_(value)
