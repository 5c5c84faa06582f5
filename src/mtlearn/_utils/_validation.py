"""Checks of parameters, all of which word their errors alike."""

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


def check_real(
    value: Any,
    name: str,
    owner: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    include_low: bool = True,
    include_high: bool = True,
) -> float:
    """Return a finite real number of an interval, or raise.

    Parameters
    ----------
    value : object
        What the user gave.
    name, owner : str
        The parameter and the class it belongs to, for the message.
    low, high : float
        The interval.
    include_low, include_high : bool
        Whether the ends belong to it.

    Returns
    -------
    float
        The number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ParameterTypeError(
            f"The {name!r} parameter of {owner} must be a real number. "
            f"Got {short(value)} instead."
        )
    try:
        number = float(value)
    except OverflowError:  # a whole number that is too large
        number = np.inf
    above = number >= low if include_low else number > low
    below = number <= high if include_high else number < high
    if not (above and below and np.isfinite(number)):
        left = "[" if include_low and np.isfinite(low) else "("
        right = "]" if include_high and np.isfinite(high) else ")"
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be a finite number in "
            f"{left}{low}, {high}{right}. Got {short(value)} instead."
        )
    return number


def check_integer(value: Any, name: str, owner: str, *, low: int) -> int:
    """Return an integer not below `low`, or raise."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ParameterTypeError(
            f"The {name!r} parameter of {owner} must be an integer. "
            f"Got {short(value)} instead."
        )
    if value < low:
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be an integer not below {low}. "
            f"Got {short(value)} instead."
        )
    return int(value)


def check_fraction(value: Any, name: str, owner: str) -> float:
    """Return a share in (0, 1), or raise."""
    return check_real(
        value, name, owner, low=0, high=1, include_low=False, include_high=False
    )


def check_interval(
    value: Any, name: str, owner: str, *, high: float = np.inf
) -> tuple[float, float]:
    """Return the ends of an interval of positive numbers, or raise.

    Parameters
    ----------
    value : object
        What the user gave.
    name, owner : str
        The parameter and the class it belongs to, for the message.
    high : float
        What the upper end may be at most.

    Returns
    -------
    low, high : float
        The ends, which may be the same.
    """
    try:
        ends = [] if isinstance(value, str | set | dict) else list(value)
    except TypeError:
        ends = []
    are_real = all(
        isinstance(end, numbers.Real) and not isinstance(end, bool) for end in ends
    )
    is_pair = len(ends) == 2 and are_real
    if not (is_pair and 0 < ends[0] <= ends[1] <= high and ends[1] < np.inf):
        limit = f"at most {high}" if np.isfinite(high) else "finite"
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be a pair (low, high) of numbers "
            f"above 0 and {limit}, with low not above high. Got {short(value)} instead."
        )
    return float(ends[0]), float(ends[1])


def check_bool(value: Any, name: str, owner: str) -> bool:
    """Return a truth value, or raise."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterTypeError(
            f"The {name!r} parameter of {owner} must be True or False. "
            f"Got {short(value)} instead."
        )
    return bool(value)


def check_choice(value: Any, name: str, owner: str, choices: Iterable[Any]) -> Any:
    """Return one of the choices, or raise."""
    options = list(choices)
    if not any(value is option or value == option for option in options):
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be one of "
            f"{', '.join(map(repr, options))}. Got {short(value)} instead."
        )
    return value


def check_nested_names(
    params: dict[str, Any], owner: str, remedies: dict[str, str]
) -> None:
    """Raise where a nested name meets a value without parameters of its own.

    Parameters
    ----------
    params : dict
        Parameters of an object and new values, some of them nested.
    owner : str
        The object's class, for the message.
    remedies : dict of str
        By parameter, what to do.
    """
    for name in params:
        outer, _, inner = name.partition("__")
        if inner and outer in params and not hasattr(params[outer], "set_params"):
            raise InvalidParameterError(
                f"{name!r} of {owner} cannot be set: {outer!r} is {params[outer]!r}, "
                f"which has no parameters of its own.{remedies.get(outer, '')}"
            )
