"""Errors that say more than where they were raised could know."""

from collections.abc import Iterator
from contextlib import contextmanager

from mtlearn.exceptions import DataTypeError, InvalidDataError


def reworded(error: Exception, message: str) -> Exception:
    """Make an error of the same class with another message.

    Parameters
    ----------
    error : Exception
        What was raised.
    message : str
        What to say.

    Returns
    -------
    Exception
        A TypeError is a DataTypeError; an error whose class does not take a message
        as it is, an InvalidDataError.
    """
    if type(error) in (TypeError, ValueError):
        known = DataTypeError if isinstance(error, TypeError) else InvalidDataError
        return known(message)
    try:
        same = type(error)(message)
    except Exception:
        return InvalidDataError(message)  # its constructor wants something else
    return same if message in str(same) else InvalidDataError(message)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Begin the message of an error with the parameter that is at fault.

    Parameters
    ----------
    name : str
        The user's name, where what is checked calls it otherwise.

    Yields
    ------
    None
    """
    try:
        yield
    except Exception as error:
        raise reworded(error, f"{name}: {error}") from error
