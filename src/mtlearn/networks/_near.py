"""Names that are like one that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_names(name: str, known: Iterable[str]) -> str:
    """Give the known names that are most like a name, for a message.

    Parameters
    ----------
    name : str
        One that does not exist.
    known : iterable of str
        Those that do.

    Returns
    -------
    str
        A sentence with a space before it, or nothing if none is like it.
    """
    names = list(known)
    folded = {each.lower(): each for each in names}
    found = get_close_matches(name.lower(), folded, n=4, cutoff=0.6)
    if not found:
        return ""
    return f" Names like it are {', '.join(repr(folded[each]) for each in found)}."
