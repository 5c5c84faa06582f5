"""Which tasks a display shows."""

from collections.abc import Iterable, Sequence
from typing import Any

from mtlearn.exceptions import InvalidParameterError


def tasks_of_kind(
    known: Any, kind: str, wanted: Sequence[str] | None, owner: str
) -> list[str]:
    """Give the names of the tasks that a display is to show.

    Parameters
    ----------
    known : Tasks
        Fitted tasks.
    kind : {"classification", "regression"}
        What the display is for.
    wanted : sequence of str or None
        What the user gave; None takes all of the kind.
    owner : str
        The display's class, for the message.

    Returns
    -------
    list of str
        At least one.

    Raises
    ------
    InvalidParameterError
        If there is no such task, or none at all.
    """
    names = [name for name, task in known.items() if task.kind == kind]
    chosen = names if wanted is None else list(wanted)
    if not chosen or set(chosen) - set(names):
        raise InvalidParameterError(
            f"The 'tasks' parameter of {owner} must be names of {kind}s, of which "
            f"there are {names}. Got {wanted!r} instead."
        )
    return chosen


def one_task(names: Iterable[str], task: str | None) -> str:
    """Give the task that is meant, which may be left open if there is one only."""
    known = list(names)
    if task is None and len(known) == 1:
        return known[0]
    if task is not None and task in known:
        return task
    raise InvalidParameterError(
        f"The 'task' parameter must be one of {known}. Got {task!r} instead."
    )
