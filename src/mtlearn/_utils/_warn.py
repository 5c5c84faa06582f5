"""Warnings that name the user's line."""

import sys
import warnings

# What lies between a user's call and a warning.
_BETWEEN = {"mtlearn", "sklearn", "skorch", "joblib", "pickle", "contextlib"}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside of this package that the call came from.

    Parameters
    ----------
    message : str
        What it says.
    category : subclass of Warning, default=UserWarning
        Its kind.
    """
    warnings.warn(message, category, stacklevel=_level())


def _level() -> int:
    """Count the frames up to the user's; that of `warn` is the first."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_between(frame.f_globals):
        frame, level = frame.f_back, level + 1
    return level


def _is_between(names: dict[str, object]) -> bool:
    return str(names.get("__name__", "")).partition(".")[0] in _BETWEEN
