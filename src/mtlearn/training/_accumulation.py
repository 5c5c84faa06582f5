"""A batch that goes through the network in pieces, for one step of the optimiser."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mtlearn.data import Labels
from mtlearn.losses import Inputs, LossParts


def in_pieces(net: Any, batch: tuple[Tensor, Labels]) -> bool:
    """Tell whether a batch is more than may go through the network at a time.

    Parameters
    ----------
    net : MultiTaskNet
        In training.
    batch : tuple of (Tensor, Labels)
        Rows.

    Returns
    -------
    bool
        Whether a step takes several passes.
    """
    return net.accumulate > 1 and len(list(net.passes_of(len(batch[0])))) > 1


def pieces_of(
    net: Any, batch: tuple[Tensor, Labels]
) -> Iterator[tuple[Tensor, Labels]]:
    """Give what goes through the network at a time.

    Parameters
    ----------
    net : MultiTaskNet
        In training.
    batch : tuple of (Tensor, Labels)
        Rows.

    Yields
    ------
    tuple of (Tensor, Labels)
        The batch itself, or pieces of it.
    """
    if not in_pieces(net, batch):
        yield batch
        return
    yield from _pieces(*batch, net.passes_of(len(batch[0])))


def step_in_pieces(net: Any, batch: tuple[Tensor, Labels]) -> dict[str, Any]:
    """Compute the loss of a batch and its gradients, some rows at a time.

    The losses of a piece are divided by what those of the whole batch are, so that its
    gradients, and its losses, add up to those of the whole. Nothing of a piece stays in
    memory but its outputs.

    Parameters
    ----------
    net : MultiTaskNet
        In training. The pieces have `batch_size` rows, as batches of such a net have.
    batch : tuple of (Tensor, Labels)
        Rows, augmented and mixed.

    Returns
    -------
    dict
        ``loss``, ``y_pred`` and ``counted`` of the whole batch, without a graph.
    """
    x, labels = batch
    divisors = _divisors(net, batch)
    steps = [
        _without_graph(net.backward_step(piece, divisors))
        for piece in pieces_of(net, batch)
    ]
    if labels.inputs is None:
        labels = labels._replace(inputs=Inputs(x, x))
    return _joined(steps, labels)


def _divisors(net: Any, batch: tuple[Tensor, Labels]) -> Tensor:
    """Give what the losses of a whole batch are divided by."""
    x, labels = batch
    if net.step_sums_ is not None:
        return net.step_sums_.of(len(x), net.share_)
    sums = torch.stack([each.sum() for each in labels.loss_weights])
    return torch.where(sums > 0, sums, 1.0)


def _pieces(
    x: Tensor, labels: Labels, slices: Iterable[slice]
) -> Iterator[tuple[Tensor, Labels]]:
    """Cut a batch; a mixed row keeps its own label and that of its partner."""
    for rows in slices:
        own = labels.map(partial(_rows_of, rows=rows, n_rows=len(x)))
        if labels.inputs is not None:
            own = own._replace(inputs=labels.inputs.take(rows))
        yield x[rows], own


def _rows_of(each: Tensor, rows: slice, n_rows: int) -> Tensor:
    # Of a mixed batch, all own labels come before all those of the partners.
    return each.unflatten(0, (-1, n_rows))[:, rows].flatten(0, 1)


def _whole(pieces: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """Join what `_rows_of` would cut so."""
    halves = [
        piece.unflatten(0, (-1, n_rows))
        for piece, n_rows in zip(pieces, sizes, strict=True)
    ]
    return torch.cat(halves, dim=1).flatten(0, 1)


def _without_graph(step: dict[str, Any]) -> dict[str, Any]:
    """Let go of what a piece needed for its gradients, features among it."""
    parts, outputs, _ = step["counted"]
    return {
        "loss": step["loss"].detach(),
        "y_pred": [each.detach() for each in step["y_pred"]],
        "parts": [each.detach() for each in parts],
        "outputs": [each.detach() for each in outputs],
    }


def _joined(steps: Sequence[dict[str, Any]], labels: Labels) -> dict[str, Any]:
    """Make one step of those of the pieces."""
    y_pred = tuple(
        map(torch.cat, zip(*(step["y_pred"] for step in steps), strict=True))
    )
    sizes = [len(step["y_pred"][0]) for step in steps]
    outputs = tuple(
        _whole(each, sizes) for each in zip(*(s["outputs"] for s in steps), strict=True)
    )
    # All of them are sums over rows, the means too: they have the same divisors.
    parts = LossParts(
        *(
            torch.stack(each).sum(dim=0)
            for each in zip(*(step["parts"] for step in steps), strict=True)
        )
    )
    loss = torch.stack([step["loss"] for step in steps]).sum(dim=0)
    return {"loss": loss, "y_pred": y_pred, "counted": (parts, outputs, labels)}
