"""Seeds, threads and the one lock that makes them exact."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state

from mtlearn.exceptions import InvalidParameterError

# torch's generator and thread count belong to the process. Two fits in two threads
# would draw from each other's stream, so seeded work is done one at a time.
_LOCK = threading.RLock()


def draw_seed(random_state: Any) -> int:
    """Draw the seed of one fit.

    Parameters
    ----------
    random_state : None, int or numpy.random.RandomState
        None asks the operating system, an int is used as it is, and a RandomState
        advances.

    Returns
    -------
    int
        Seed in [0, 2**32).

    Raises
    ------
    InvalidParameterError
        If it is none of these.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    try:
        generator = check_random_state(random_state)
    except ValueError as error:
        raise InvalidParameterError(
            "The 'random_state' parameter must be None, an integer in [0, 2**32) or a "
            f"numpy.random.RandomState. Got {random_state!r} instead."
        ) from error
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(generator.randint(2**31))


class Seeds(NamedTuple):
    """Seeds of one fit, one for each use.

    Attributes
    ----------
    network : int
        Of the weights and of dropout.
    order : int
        Of the order of the rows.
    split : int
        Of the validation split.
    changes : int
        Of augmentation and mixing.
    """

    network: int
    order: int
    split: int
    changes: int


def derive_seeds(seed: int, epoch: int) -> Seeds:
    """Derive seeds that differ by use and by the epoch that training begins at.

    Parameters
    ----------
    seed : int
        Seed of the fit.
    epoch : int
        Epochs that have been run before.

    Returns
    -------
    Seeds
        Seeds of the fit.
    """
    return Seeds(*map(int, np.random.SeedSequence([seed, epoch]).generate_state(4)))


@contextmanager
def threads(n_threads: int | None) -> Iterator[None]:
    """Compute with a number of torch threads, and restore the one before.

    Parameters
    ----------
    n_threads : int or None
        None leaves the number alone.
    """
    if n_threads is None:
        yield
        return
    with _LOCK:
        before = torch.get_num_threads()
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def isolated(
    seed: int, device: torch.device, n_threads: int | None = None
) -> Iterator[None]:
    """Seed torch, and leave its generators as they were found.

    Parameters
    ----------
    seed : int
        Seed of torch's default generator, of `device` too.
    device : torch.device
        Where the network lives.
    n_threads : int or None
        Number of torch threads; None leaves it alone.
    """
    index = [] if device.type == "cpu" else [_index(device)]
    forked = torch.random.fork_rng(
        index, device_type="cuda" if device.type == "cpu" else device.type
    )
    with _LOCK, threads(n_threads), forked:
        # Not torch.manual_seed, which reseeds every device.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index
