"""Batches by indexing whole arrays: nothing is collated sample by sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import EncodedTargets


class Labels(NamedTuple):
    """Encoded labels of some rows, as tensors.

    Attributes
    ----------
    values : tuple of Tensor of shape (n_samples,)
        In task order; anything where the weight is zero.
    weights : Tensor of shape (n_samples, n_tasks)
        Weights, zero where a label is missing.
    """

    values: tuple[Tensor, ...]
    weights: Tensor


@dataclass(frozen=True)
class Samples:
    """Rows of X, with labels where they are known.

    Attributes
    ----------
    X : ndarray of shape (n_samples, height, width, n_channels) or (n_samples, d)
        Of any real dtype; cast one batch at a time.
    labels : Labels or None
        Labels of the rows; None for prediction.
    rows : ndarray of int or None
        Which rows of X these are, so that a split copies nothing; None means all.
    """

    X: np.ndarray
    labels: Labels | None = None
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.X if self.rows is None else self.rows)


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
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        dtype: torch.dtype,
        generator: torch.Generator | None = None,
        at_least: int = 1,
    ) -> None:
        self.samples = samples
        self.dtype = dtype
        self.generator = generator
        self.slices = batch_slices(len(samples), batch_size, at_least)

    def __len__(self) -> int:
        return len(self.slices)

    def __iter__(self) -> Iterator[tuple[Tensor, Labels | None]]:
        n_rows, labels = len(self.samples), self.samples.labels
        order = torch.arange(n_rows)
        if self.generator is not None:
            order = torch.randperm(n_rows, generator=self.generator)
        for batch in self.slices:
            picked = None
            if labels is not None:
                index = order[batch].to(labels.weights.device)
                values = tuple(value[index] for value in labels.values)
                picked = Labels(values, labels.weights[index])
            yield self._inputs(order[batch].numpy()), picked

    def _inputs(self, index: np.ndarray) -> Tensor:
        samples = self.samples
        rows = index if samples.rows is None else samples.rows[index]
        with np.errstate(over="raise"):
            try:
                # Indexing by rows copies them, whatever their byte order or strides,
                # so that torch can read them and no network writes into X.
                x = np.ascontiguousarray(samples.X[rows], dtype=_NUMPY[self.dtype])
            except FloatingPointError as error:
                raise InvalidDataError(
                    f"X has values too large for {self.dtype}. Scale X, or set "
                    "precision='float64'."
                ) from error
        tensor = torch.from_numpy(x)
        return tensor.permute(0, 3, 1, 2) if x.ndim == 4 else tensor


_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}
