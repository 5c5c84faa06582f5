"""Lists in messages, which must not grow with the data."""

from collections.abc import Iterable
from typing import Any

_MOST = 20


def listed(items: Iterable[Any], most: int = _MOST) -> str:
    """Join items for a message; of many the first ones, and how many more there are.

    Parameters
    ----------
    items : iterable of object
        What is shown as text.
    most : int, default=20
        How many are shown.

    Returns
    -------
    str
        They, with commas between.
    """
    texts = [str(item) for item in items]
    more = len(texts) - most
    shown = ", ".join(texts[:most])
    return f"{shown} and {more} more" if more > 0 else shown


def bracketed(items: Iterable[Any], most: int = _MOST) -> str:
    """Show items as a list shows them; of many the first ones."""
    return f"[{listed(map(repr, items), most)}]"
