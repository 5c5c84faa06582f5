"""Batches by indexing whole arrays: nothing is collated sample by sample."""

from collections.abc import Iterator

import torch
from torch import Tensor

from mtlearn.tasks import EncodedTargets
from mtlearn.training._inputs import choose_inputs
from mtlearn.training._samples import Labels, Samples
from mtlearn.training._sampling import draw_order


def batch_slices(n_rows: int, batch_size: int, at_least: int = 1) -> list[slice]:
    """Cut rows into batches.

    Parameters
    ----------
    n_rows, batch_size : int
        Rows in all, and in a batch.
    at_least : int
        A last batch with fewer rows joins the one before it: batch normalisation
        cannot train on one row.

    Returns
    -------
    list of slice
        In order.
    """
    starts = list(range(0, n_rows, batch_size))
    if len(starts) > 1 and n_rows - starts[-1] < at_least:
        starts.pop()
    stops = [*starts[1:], n_rows]
    return [slice(a, b) for a, b in zip(starts, stops, strict=True)]


def to_labels(
    targets: EncodedTargets, dtype: torch.dtype, device: torch.device
) -> Labels:
    """Turn encoded targets into tensors.

    Parameters
    ----------
    targets : EncodedTargets
        Class indices and scaled values.
    dtype : torch.dtype
        Type of real values and weights.
    device : torch.device
        Where they are kept; they are small.

    Returns
    -------
    Labels
        Tensors.
    """
    values = tuple(
        torch.as_tensor(
            value, dtype=torch.int64 if value.dtype.kind == "i" else dtype
        ).to(device)
        for value in targets.values
    )
    return Labels(values, torch.as_tensor(targets.weights, dtype=dtype).to(device))


class Batches:
    """Iterate over samples in batches.

    Parameters
    ----------
    samples : Samples
        The rows.
    batch_size : int
        Rows a batch.
    dtype : torch.dtype
        Type that X is cast to.
    generator : torch.Generator or None
        Draws a new order at every pass; None keeps the order.
    at_least : int
        Rows that a last batch must have; see `batch_slices`.
    device : torch.device or str, default="cpu"
        Where the inputs are wanted.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        dtype: torch.dtype,
        generator: torch.Generator | None = None,
        at_least: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        self.samples = samples
        self.generator = generator
        self.slices = batch_slices(len(samples), batch_size, at_least)
        # Rows of training and validation, which have labels, are passed over often.
        again = samples.labels is not None
        self.inputs = choose_inputs(samples, dtype, torch.device(device), again)

    def __len__(self) -> int:
        return len(self.slices)

    def __iter__(self) -> Iterator[tuple[Tensor, Labels | None]]:
        order = torch.arange(len(self.samples))
        if self.generator is not None:
            order = draw_order(len(order), self.samples.chances, self.generator)
        rows = [order[batch] for batch in self.slices]
        for index, x in zip(rows, self.inputs.batches(rows), strict=True):
            yield x, self._labels(index)

    def _labels(self, index: Tensor) -> Labels | None:
        labels = self.samples.labels
        if labels is None:
            return None
        index = index.to(labels.weights.device)
        values = tuple(value[index] for value in labels.values)
        return Labels(values, labels.weights[index])
