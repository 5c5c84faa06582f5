"""Work in processes of its own, which import nothing but what it needs."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pkgutil import resolve_name
from typing import Any

from benchmarks._timing import clock


@dataclass(frozen=True)
class Contender:
    """Something that is measured.

    Attributes
    ----------
    act : callable
        Does the work once.
    n_weights : callable
        Counts the trainable weights of its network, after some work.
    """

    act: Callable[[], object]
    n_weights: Callable[[], int]


@dataclass(frozen=True)
class Running:
    """A contender that may live in another process.

    Attributes
    ----------
    seconds : callable
        Does the work once; returns the seconds it took, without the way there.
    n_weights : callable
        Counts the trainable weights of its network.
    stop : callable
        Ends its process.
    """

    seconds: Callable[[], float]
    n_weights: Callable[[], int]
    stop: Callable[[], object]


_here: dict[str, Contender] = {}


def start_process(make: str, *arguments: Any, **options: Any) -> Running:
    """Make a contender in a process of its own, which stays.

    Parameters
    ----------
    make : str
        ``"module:function"``, which returns a `Contender`. A name, so that this
        process need not import the module.
    *arguments, **options : object
        Passed to the function.

    Returns
    -------
    Running
        The contender.
    """
    pool = _one_process()
    try:
        pool.submit(_make, make, arguments, options).result()
    except BaseException:
        pool.shutdown()
        raise
    return Running(
        seconds=lambda: pool.submit(_seconds).result(),
        n_weights=lambda: pool.submit(_n_weights).result(),
        stop=pool.shutdown,
    )


def start_here(make: str, *arguments: Any, **options: Any) -> Running:
    """Make a contender in this process; see `start_process`."""
    contender = resolve_name(make)(*arguments, **options)
    return Running(clock(contender.act), contender.n_weights, lambda: None)


@contextmanager
def stopped_at_the_end() -> Iterator[dict[str, Running]]:
    """Give a dict for running contenders, and stop those in it at the end."""
    running: dict[str, Running] = {}
    try:
        yield running
    finally:
        for contender in running.values():
            contender.stop()


def call_in_process(name: str, *arguments: Any) -> Any:
    """Call a function, ``"module:function"``, in a fresh process."""
    with _one_process() as pool:
        return pool.submit(_call, name, arguments).result()


def _one_process() -> ProcessPoolExecutor:
    # A fork would carry the threads and the memory of this process along.
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _make(make: str, arguments: tuple, options: dict[str, Any]) -> None:
    _here["contender"] = resolve_name(make)(*arguments, **options)


def _seconds() -> float:
    return clock(_here["contender"].act)()


def _n_weights() -> int:
    return _here["contender"].n_weights()


def _call(name: str, arguments: tuple) -> Any:
    return resolve_name(name)(*arguments)
