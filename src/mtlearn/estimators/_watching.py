"""What networks see on the way to a prediction, for those who want both.

A context rather than an argument, so that it reaches the networks through ensembles,
Pipelines and whatever else is around them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from mtlearn.training import Observation


class Watch(NamedTuple):
    """What is watched.

    Attributes
    ----------
    remaking : bool
        Whether reconstructions are made too.
    seen : list of Observation
        What each network has seen, of its labelled tasks, in the order of predictions;
        not of changed rows, nor by a compiled network, all of which is one piece.
    """

    remaking: bool
    seen: list[Observation]


_watch: ContextVar[Watch | None] = ContextVar("_watch", default=None)


@contextmanager
def watched(remaking: bool) -> Iterator[list[Observation]]:
    """Note what networks see while they predict.

    Parameters
    ----------
    remaking : bool
        Whether reconstructions are made too.

    Yields
    ------
    list of Observation
        Of each network, once it has predicted.
    """
    seen: list[Observation] = []
    token = _watch.set(Watch(remaking, seen))
    try:
        yield seen
    finally:
        _watch.reset(token)


def current_watch() -> Watch | None:
    """Give what is watched, if anything is."""
    return _watch.get()
