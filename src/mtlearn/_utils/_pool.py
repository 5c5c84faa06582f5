"""Threads that stay, for much work in small pieces."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from mtlearn._utils._threads import set_threads

# By their number of threads. New threads for each batch would each take memory for
# their blocks, and much of it would never be given back.
_POOLS: dict[int, ThreadPoolExecutor] = {}
_LOCK = threading.Lock()


def _forget_pools() -> None:
    """In a child of a fork there is none of the threads."""
    global _LOCK
    _LOCK = threading.Lock()
    _POOLS.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_pools)


def for_each(
    function: Callable[[int], object], numbers: Sequence[int], n_threads: int
) -> None:
    """Call a function for each number, in several threads at once.

    Parameters
    ----------
    function : callable
        Gets a number; what it returns is dropped. In each thread torch computes with
        one.
    numbers : sequence of int
        What for.
    n_threads : int
        How many threads; with 1 it is called in this one.

    Raises
    ------
    Exception
        The first in order that the function raises; calls that have not begun then
        never do.
    """
    if min(n_threads, len(numbers)) < 2:
        for number in numbers:
            function(number)
        return
    for _ in _pool(n_threads).map(function, numbers):
        pass


def _pool(n_threads: int) -> ThreadPoolExecutor:
    with _LOCK:
        if n_threads not in _POOLS:
            _POOLS[n_threads] = ThreadPoolExecutor(
                n_threads, "mtlearn", initializer=set_threads, initargs=(1,)
            )
        return _POOLS[n_threads]
