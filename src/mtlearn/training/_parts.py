"""Parts of a training that are given as classes."""

import inspect
from collections.abc import Collection
from typing import Any

from mtlearn._utils._partial import Partial, as_partial
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


def resolve_part(
    value: Any,
    base: type,
    name: str,
    owner: str,
    filled: Collection[str] | None = None,
) -> Partial:
    """Return a class, or a Partial of one, as a checked Partial.

    Parameters
    ----------
    value : class or Partial
        What the user gave.
    base : type
        What the class must derive from.
    name, owner : str
        The parameter and the estimator it belongs to, for the message.
    filled : collection of str or None, default=None
        Arguments that are filled in; the class must need no other. None looks at none.

    Returns
    -------
    Partial
        The class with its arguments.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is another class, no class, takes no such arguments or needs others.
    """
    if isinstance(value, type | Partial):
        cls = value.cls if isinstance(value, Partial) else value
        if not (isinstance(cls, type) and issubclass(cls, base)):
            raise ParameterTypeError(
                f"The {name!r} parameter of {owner} must be a registered name, a "
                f"subclass of torch's {base.__name__}, or Partial of one. "
                f"Got {short(value)} instead."
            )
    part = as_partial(value, name, owner)
    if filled is not None:
        _check_complete(part, name, owner, filled)
    return part


def _check_complete(
    part: Partial, name: str, owner: str, filled: Collection[str]
) -> None:
    """Raise if an argument that the class needs would be missing."""
    lacking = [
        argument.name
        for argument in inspect.signature(part.cls).parameters.values()
        if argument.default is argument.empty
        and argument.kind in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY)
        and argument.name not in (*part.kwargs, *filled)
    ]
    if lacking:
        cls = part.cls.__name__
        given = ", ".join(f"{each}=..." for each in lacking)
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} has {cls}, which needs "
            f"{', '.join(map(repr, lacking))}. Pass Partial({cls}, {given})."
        )
