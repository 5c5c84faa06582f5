"""Where fits that are trained together meet: before each epoch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from mtlearn.data import Batches

# Takes a net and its batches; tells whether the epoch has been taken.
Meeting: TypeAlias = Callable[[Any, Batches], bool]

_meeting: ContextVar[Meeting | None] = ContextVar("_meeting", default=None)


@contextmanager
def meeting_at(meeting: Meeting | None) -> Iterator[None]:
    """Let the fits inside ask before each epoch of training whether it is taken.

    Parameters
    ----------
    meeting : callable or None
        Gets the net and its batches, and returns whether it has trained the net on
        them. It may wait for others. None lets them ask nobody.
    """
    token = _meeting.set(meeting)
    try:
        yield
    finally:
        _meeting.reset(token)


def taken_at_meeting(net: Any, batches: Batches) -> bool:
    """Tell whether the epoch of a net is taken where others meet, if they do.

    Parameters
    ----------
    net : MultiTaskNet
        Before an epoch of training.
    batches : Batches
        Of this epoch.

    Returns
    -------
    bool
        False where it is left to the net.
    """
    meeting = _meeting.get()
    return meeting is not None and meeting(net, batches)
