"""From rows of X to tensors where the network is."""

import weakref
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._errors import naming
from mtlearn._utils._threads import set_threads
from mtlearn.data._samples import Samples
from mtlearn.exceptions import InvalidDataError

_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}
# Up to here a type holds every whole number.
_WHOLE = {torch.float32: 24, torch.float64: 53}
# Rows are copied to a device in pieces of so many bytes.
_CHUNK_BYTES = 2**24
# Share of a device's free memory that rows may take, those of training, of validation
# and of other fits together: the network needs the rest.
_SHARE = 0.5


class Inputs:
    """Batches of X, cast one at a time.

    Parameters
    ----------
    samples : Samples
        The rows.
    dtype : torch.dtype
        Type that X is cast to.
    device : torch.device
        Where the batches are wanted.
    """

    def __init__(
        self, samples: Samples, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.samples = samples
        self.dtype = dtype
        self.device = device

    def batches(self, rows: Iterable[Tensor]) -> Iterator[Tensor]:
        """Give the batches in order.

        Parameters
        ----------
        rows : iterable of Tensor of int64
            Rows of each batch.

        Yields
        ------
        Tensor of shape (n_batch, n_channels, height, width) or (n_batch, d)
            Inputs; images are channels-last in memory.
        """
        for index in rows:
            yield self.take(index)

    def take(self, index: Tensor) -> Tensor:
        """Copy some rows.

        Parameters
        ----------
        index : Tensor of int64
            The rows.

        Returns
        -------
        Tensor of shape (n_batch, n_channels, height, width) or (n_batch, d)
            Their inputs.
        """
        samples = self.samples
        chosen = index.numpy()
        rows = chosen if samples.rows is None else samples.rows[chosen]
        # Indexing by rows copies them, so that no network writes into X, and the cast
        # gives them the byte order and strides that torch can read.
        x = torch.from_numpy(_read(samples, rows, self.dtype))
        if self.device.type == "cuda":
            with torch.cuda.device(self.device):  # a thread begins with the first one
                x = x.pin_memory()  # from where a copy need not be waited for
        return channels_first(x.to(self.device, non_blocking=True))


class AheadInputs(Inputs):
    """The same, the next batch prepared while one computes.

    It pays where a batch is waited for: on a GPU, and where X is on a disk.
    """

    def batches(self, rows: Iterable[Tensor]) -> Iterator[Tensor]:
        """Give the batches in order.

        Parameters
        ----------
        rows : iterable of Tensor of int64
            Rows of each batch.

        Yields
        ------
        Tensor of shape (n_batch, n_channels, height, width) or (n_batch, d)
            Inputs.
        """
        left = iter(rows)
        # What a dataset computes must not depend on who reads it.
        here = torch.get_num_threads()
        with ThreadPoolExecutor(1, initializer=set_threads, initargs=(here,)) as pool:
            waiting = [pool.submit(self.take, index) for index in islice(left, 1)]
            while waiting:
                ready = waiting.pop().result()
                following = next(left, None)
                if following is not None:
                    waiting.append(pool.submit(self.take, following))
                yield ready


# Who keeps rows on a device, or will; an entry goes with its object. A list, whose
# methods another thread does not come into.
_RESIDENTS: "list[weakref.ref[ResidentInputs]]" = []


class ResidentInputs(Inputs):
    """The same, from a copy of the rows where the network is."""

    _copy: Tensor | None = None

    def __init__(
        self, samples: Samples, dtype: torch.dtype, device: torch.device
    ) -> None:
        super().__init__(samples, dtype, device)
        self.n_bytes = _bytes_of(samples, dtype)
        _RESIDENTS.append(weakref.ref(self, _RESIDENTS.remove))

    def batches(self, rows: Iterable[Tensor]) -> Iterator[Tensor]:
        """Give the batches in order.

        Parameters
        ----------
        rows : iterable of Tensor of int64
            Rows of each batch.

        Yields
        ------
        Tensor of shape (n_batch, n_channels, height, width) or (n_batch, d)
            Inputs.
        """
        # The numbers of all rows at once: the device is waited for at every copy.
        batches = [torch.arange(0, device="cpu"), *rows]
        placed = torch.cat(batches).to(self.device)
        _, *placed_batches = placed.split([len(index) for index in batches])
        yield from map(self.take, placed_batches)

    @property
    def is_loaded(self) -> bool:
        """Whether the rows have been copied."""
        return self._copy is not None

    def take(self, index: Tensor) -> Tensor:
        """Copy some rows.

        Parameters
        ----------
        index : Tensor of int64
            The rows.

        Returns
        -------
        Tensor of shape (n_batch, n_channels, height, width) or (n_batch, d)
            Their inputs.
        """
        if self._copy is None:
            self._copy = self._load()
        return channels_first(self._copy[index.to(self.device)].to(self.dtype))

    def _load(self) -> Tensor:
        X, rows = self.samples.X, self.samples.rows
        # Bytes are cast batch by batch: as such they take a quarter of the memory.
        dtype = torch.uint8 if X.dtype == np.uint8 else self.dtype
        shape = len(self.samples), *X.shape[1:]
        copy = torch.empty(shape, dtype=dtype, device=self.device)
        step = max(1, _CHUNK_BYTES // max(1, X[:1].nbytes))
        for start in range(0, len(copy), step):
            part = slice(start, start + step)
            chunk = _read(self.samples, part if rows is None else rows[part], dtype)
            copy[part] = torch.from_numpy(np.array(chunk))
        return copy


def choose_inputs(
    samples: Samples, dtype: torch.dtype, device: torch.device, again: bool
) -> Inputs:
    """Choose how rows reach the network.

    Parameters
    ----------
    samples : Samples
        The rows.
    dtype : torch.dtype
        Type that X is cast to.
    device : torch.device
        Where the network is.
    again : bool
        Whether the rows are passed over more than once.

    Returns
    -------
    Inputs
        Gives the same batches whatever the way.
    """
    if not isinstance(samples.X, np.ndarray):
        # Never a copy: what a dataset gives may differ from pass to pass, and images
        # on disk are too many.
        return AheadInputs(samples, dtype, device)
    ahead = device.type == "cuda" or _is_mapped(samples.X)
    if again and device.type == "cuda" and _fits(samples, dtype, device):
        return ResidentInputs(samples, dtype, device)
    return (AheadInputs if ahead else Inputs)(samples, dtype, device)


def _bytes_of(samples: Samples, dtype: torch.dtype) -> int:
    """Count the bytes of a copy of the rows; bytes stay bytes."""
    size = 1 if samples.X.dtype == np.uint8 else dtype.itemsize
    return len(samples) * samples.X[0].size * size


def _fits(samples: Samples, dtype: torch.dtype, device: torch.device) -> bool:
    """Tell whether a copy of the rows may be kept on a device, beside those there."""
    # They are copied when the first batch is taken: until then their memory is free.
    residents = [ref() for ref in list(_RESIDENTS)]
    others = [each for each in residents if each and each.device == device]
    loaded = sum(each.n_bytes for each in others if each.is_loaded)
    taken = sum(each.n_bytes for each in others) + _bytes_of(samples, dtype)
    return taken <= _SHARE * (free_memory(device) + loaded)


def _is_mapped(X: np.ndarray | None) -> bool:
    """Tell whether X, or what it is a view of, lies in a file."""
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free on a CUDA device.

    Parameters
    ----------
    device : torch.device
        The device.

    Returns
    -------
    int
        Bytes.
    """
    return torch.cuda.mem_get_info(device)[0]


def channels_first(x: Tensor) -> Tensor:
    """View images as torch wants them; their memory stays channels-last.

    Parameters
    ----------
    x : Tensor of shape (n_batch, height, width, n_channels) or (n_batch, d)
        Inputs.

    Returns
    -------
    Tensor of shape (n_batch, n_channels, height, width) or (n_batch, d)
        A view.
    """
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x


def _read(samples: Samples, rows: Any, dtype: torch.dtype) -> np.ndarray:
    """Read rows and cast them; errors of validation rows say so."""
    if samples.name is None:
        return _cast(samples.X[rows], dtype)
    with naming(samples.name):
        return _cast(samples.X[rows], dtype)


def _cast(x: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    if dtype == torch.uint8:
        return x
    if x.dtype == _NUMPY[dtype]:
        return np.ascontiguousarray(x)
    if x.dtype.kind in "iu" and x.size:
        _check_whole(x, dtype)
    with np.errstate(over="raise"):
        try:
            return np.ascontiguousarray(x, dtype=_NUMPY[dtype])
        except FloatingPointError as error:
            raise InvalidDataError(
                f"X has values too large for {dtype}. Scale X, or set "
                "precision='float64'."
            ) from error


def _check_whole(x: np.ndarray, dtype: torch.dtype) -> None:
    """Refuse whole numbers that the cast would round to others."""
    bits = _WHOLE[dtype]
    if x.dtype.itemsize * 8 <= bits:
        return
    low, high = int(x.min()), int(x.max())
    if max(-low, high) > 2**bits:
        remedy = "set precision='float64'" if bits < 53 else "pass X.astype(float)"
        raise InvalidDataError(
            f"X has whole numbers from {low} to {high}, and {dtype} holds those up to "
            f"2**{bits} = {2**bits} exactly. Scale X, or {remedy}."
        )
