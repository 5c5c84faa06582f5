"""Batches by indexing whole arrays: nothing is collated sample by sample."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._exact import rounds_away
from mtlearn.data._inputs import choose_inputs
from mtlearn.data._samples import Labels, Samples
from mtlearn.data._sampling import draw_order
from mtlearn.data._shards import Share
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import EncodedTargets, Tasks

_REMEDY_OF_TARGETS = (
    "Use Regression(standardize=True), divide y by a constant, or set "
    "precision='float64'."
)
_REMEDY_OF_WEIGHTS = (
    "Divide the weights by their mean: a common factor changes nothing."
)

# Relative differences that sums of float64 have by themselves.
_NOISE = 1e-13


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

    Raises
    ------
    InvalidDataError
        If a value or weight, or a task's sum of weights, is too large for the type,
        or that sum too small.
    """
    weighted = targets.class_weighted
    labels = Labels(
        tuple(
            None if each is None else _values(each, dtype) for each in targets.values
        ),
        tuple(_weights(each, dtype) for each in targets.weights),
        None if weighted is None else tuple(_weights(each, dtype) for each in weighted),
    )
    return labels.map(lambda each: each.to(device))


def check_rounding(targets: EncodedTargets, tasks: Tasks, dtype: torch.dtype) -> None:
    """Refuse targets that a type would make alike, where they are not standardised.

    Parameters
    ----------
    targets : EncodedTargets
        Rows to train on.
    tasks : Tasks
        Fitted tasks.
    dtype : torch.dtype
        Type of real values.

    Raises
    ------
    InvalidDataError
        If rounding takes away more than a hundredth of their spread.
    """
    shorter = torch.empty(0, dtype=dtype, device="cpu").numpy().dtype
    for (name, task), values, weights in zip(
        tasks.items(), targets.values, targets.weights, strict=True
    ):
        # What is standardised is near zero, and its differences are of its own size.
        if values is None or values.dtype.kind != "f" or task.targets_are_scaled:
            continue
        columns = np.atleast_2d(values.T), np.atleast_2d(weights.T)
        for column, weight in zip(*columns, strict=True):
            there = column[weight > 0]
            noise = _NOISE * np.abs(there).max(initial=0)
            if rounds_away(there, shorter) and there.std() > noise:
                raise InvalidDataError(
                    f"The targets of task {name!r}, as the loss sees them, are around "
                    f"{np.median(there):.6g} with a deviation of {there.std():.3g}, "
                    f"most of which {dtype} would round away. {_REMEDY_OF_TARGETS}"
                )


def _values(values: np.ndarray, dtype: torch.dtype) -> Tensor:
    if values.dtype.kind == "i":
        return torch.from_numpy(np.asarray(values))
    return _real(values, dtype, "y, as the loss sees it,", _REMEDY_OF_TARGETS)


def _real(values: np.ndarray, dtype: torch.dtype, what: str, remedy: str) -> Tensor:
    most = torch.finfo(dtype).max
    if len(values) and np.abs(values).max() > most:
        raise InvalidDataError(
            f"{what} has values up to {np.abs(values).max():.3g}, and {dtype} ends at "
            f"{most:.3g}. {remedy}"
        )
    return torch.as_tensor(values, dtype=dtype, device="cpu")


def _weights(weights: np.ndarray, dtype: torch.dtype) -> Tensor:
    cast = _real(weights, dtype, "sample_weight", _REMEDY_OF_WEIGHTS)
    _check_sums(weights, dtype)
    return cast


def _check_sums(weights: np.ndarray, dtype: torch.dtype) -> None:
    """Refuse weights whose sum, which the loss is divided by, cannot be computed."""
    limits = torch.finfo(dtype)
    # With room for losses that are larger or smaller than one.
    low, high = limits.tiny / limits.eps, limits.max * limits.eps
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total > high or 0 < total < low:
        raise InvalidDataError(
            f"The sample weights of a task sum to {total:.3g}, and {dtype} "
            f"computes with sums between {low:.3g} and {high:.3g}. {_REMEDY_OF_WEIGHTS}"
        )


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
    share_of : callable, default=None
        Says which rows of a batch of so many are wanted; None is all of them.

    Attributes
    ----------
    present : tuple of (Tensor, Share) or None
        Of the batch that was given last: the numbers of all its rows, and the share.
    """

    present: tuple[Tensor, Share] | None = None

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        dtype: torch.dtype,
        generator: torch.Generator | None = None,
        at_least: int = 1,
        device: torch.device | str = "cpu",
        share_of: Callable[[int], Share] | None = None,
    ) -> None:
        self.samples = samples
        self.share_of = share_of
        self.generator = generator
        self.slices = batch_slices(len(samples), batch_size, at_least)
        # Rows of training and validation, which have labels, are passed over often.
        again = samples.labels is not None
        self.inputs = choose_inputs(samples, dtype, torch.device(device), again)

    def __len__(self) -> int:
        return len(self.slices)

    def __iter__(self) -> Iterator[tuple[Tensor, Labels | None]]:
        # Not torch.arange, which takes ten times as long for one row.
        order = torch.from_numpy(np.arange(len(self.samples)))
        if self.generator is not None:
            order = draw_order(len(order), self.samples.chances, self.generator)
        if self.share_of is not None:
            yield from self._shares([order[batch] for batch in self.slices])
            return
        labels = self.samples.labels
        # Where labels are, all numbers at once: the device is waited for at every copy.
        there = order if labels is None else order.to(labels.weights[0].device)
        # Not a list: of many rows it would be as long as what is predicted of them.
        inputs = self.inputs.batches(order[batch] for batch in self.slices)
        for batch, x in zip(self.slices, inputs, strict=True):
            yield x, None if labels is None else labels.take(there[batch])

    def _shares(self, rows: list[Tensor]) -> Iterator[tuple[Tensor, Labels | None]]:
        """Give what is here of each batch; rows that do not count have no weight."""
        assert self.share_of is not None
        shares = [self.share_of(len(index)) for index in rows]
        own = [index[share.rows] for index, share in zip(rows, shares, strict=True)]
        for number, x in enumerate(self.inputs.batches(own)):
            self.present = rows[number], shares[number]
            labels, padding = self.samples.labels, shares[number].padding
            if labels is not None:
                labels = labels.take(own[number])
                if padding is not None:
                    labels = labels.without(torch.from_numpy(padding))
            yield x, labels
