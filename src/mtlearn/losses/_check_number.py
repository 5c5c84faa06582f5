"""The check of an option of a loss."""

import math
import numbers
from typing import Any

from mtlearn.exceptions import InvalidParameterError


def check_number(
    value: Any, name: str, owner: str, *, zero: bool, below: float = math.inf
) -> None:
    """Raise if an option is no finite number above 0, or 0 where that may be."""
    number = float(value) if isinstance(value, numbers.Real) else math.nan
    high_enough = number > 0 or (zero and number == 0)
    if math.isfinite(number) and high_enough and number < below:
        return
    raise InvalidParameterError(
        f"The {name!r} parameter of {owner} must be a finite number "
        f"{'not below' if zero else 'above'} 0"
        f"{'' if below == math.inf else f' and below {below:g}'}. "
        f"Got {value!r} instead."
    )
