"""Which member of an ensemble is being trained here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Member(NamedTuple):
    """A member of an ensemble.

    Attributes
    ----------
    place : tuple of int
        Its number among the members, from 0, behind those of the ensembles around.
    seed : object
        Its `random_state`.
    """

    place: tuple[int, ...]
    seed: object

    @property
    def name(self) -> str:
        """Its number as text, such as ``"2"``, or ``"0-2"`` inside of member 0."""
        return "-".join(map(str, self.place))


_current: ContextVar[Member | None] = ContextVar("_current", default=None)


def current_member() -> Member | None:
    """Tell whose training this is.

    Returns
    -------
    Member or None
        None outside of ensembles.
    """
    return _current.get()


def inner_place(number: int) -> tuple[int, ...]:
    """Give the place of a member of an ensemble that is trained here.

    Parameters
    ----------
    number : int
        Of the member.

    Returns
    -------
    tuple of int
        A worker does not know what is around it: pass it on.
    """
    around = _current.get()
    return (number,) if around is None else (*around.place, number)


@contextmanager
def as_member(place: tuple[int, ...], seed: object) -> Iterator[None]:
    """Train a member inside.

    Parameters
    ----------
    place : tuple of int
        From `inner_place`.
    seed : object
        Its `random_state`.
    """
    token = _current.set(Member(place, seed))
    try:
        yield
    finally:
        _current.reset(token)


def named_line(line: str) -> str:
    """Put the member's name before a line, where there is one."""
    member = _current.get()
    return line if member is None else f"member {member.name}, {line}"
