"""The number of torch threads, for one thread of Python at a time."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

# Held while a number is set, never while anything else runs. A child of a fork gets a
# lock of its own: the thread that held this one may not exist there.
_LOCK = threading.Lock()


def _renew_lock() -> None:
    global _LOCK
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def threads(n_threads: int | None) -> Iterator[None]:
    """Compute with a number of torch threads, and restore the one before.

    The number is that of the calling thread. Other threads, those that start
    meanwhile among them, compute with as many as they would without.

    Parameters
    ----------
    n_threads : int or None
        None leaves the number alone.
    """
    if n_threads is None:
        yield
        return
    before = set_threads(n_threads)
    try:
        yield
    finally:
        set_threads(before)


def set_threads(n_threads: int) -> int:
    """Set the number of torch threads of the calling thread, and of no other one.

    Parameters
    ----------
    n_threads : int
        The number.

    Returns
    -------
    int
        The number before.
    """
    with _LOCK:
        # A thread that has not computed yet takes over the number of the process, so
        # that this must not be asked while another one sets it for a moment.
        before = torch.get_num_threads()
        if before != n_threads:
            _set_locked(n_threads)
    return before


def _set_locked(n_threads: int) -> None:
    # torch.set_num_threads sets the number of the calling thread, and the one of the
    # process, which only a new thread can tell, and set back for all that follow it.
    with ThreadPoolExecutor(1) as new_thread:
        of_process = new_thread.submit(torch.get_num_threads).result()
        torch.set_num_threads(n_threads)
        new_thread.submit(torch.set_num_threads, of_process).result()
