"""What was given, in a message: recognisable, and not longer than a few lines."""

from reprlib import Repr
from typing import Any

_MOST = 200  # letters

_containers = Repr()
_containers.maxlevel = 4
_containers.maxlist = _containers.maxtuple = _containers.maxset = 10
_containers.maxdict = 10
_containers.maxstring = _containers.maxother = _containers.maxlong = _MOST


def short(value: Any) -> str:
    """Write a value as `repr`, but a large one by its beginning.

    Parameters
    ----------
    value : object
        What a user gave.

    Returns
    -------
    str
        One line. Of a network, its class: it prints a line for each layer.
    """
    text = _containers.repr(value) if _is_container(value) else repr(value)
    first, *more = text.strip().splitlines() or [""]
    if more and first.endswith("("):
        return f"{first}…)"
    text = " ".join(text.split()) if more else text
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"


def _is_container(value: Any) -> bool:
    """Tell what may hold so much that writing all of it takes long."""
    return type(value) in (list, tuple, dict, set, frozenset, str, bytes)
