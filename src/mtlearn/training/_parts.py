"""Parts of a training that are given as classes."""

from typing import Any

from mtlearn._utils._partial import Partial, as_partial
from mtlearn.exceptions import ParameterTypeError


def resolve_part(value: Any, base: type, name: str, owner: str) -> Partial:
    """Return a class, or a Partial of one, as a checked Partial.

    Parameters
    ----------
    value : class or Partial
        What the user gave.
    base : type
        What the class must derive from.
    name, owner : str
        The parameter and the estimator it belongs to, for the message.

    Returns
    -------
    Partial
        The class with its arguments.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is another class, no class, or takes no such arguments.
    """
    if isinstance(value, type | Partial):
        cls = value.cls if isinstance(value, Partial) else value
        if not (isinstance(cls, type) and issubclass(cls, base)):
            raise ParameterTypeError(
                f"The {name!r} parameter of {owner} must be a registered name, a "
                f"subclass of torch's {base.__name__}, or Partial of one. "
                f"Got {value!r} instead."
            )
    return as_partial(value, name, owner)
