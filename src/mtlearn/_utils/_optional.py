"""The only home of optional imports."""

import importlib
from contextlib import suppress
from functools import cache
from types import ModuleType

from mtlearn.exceptions import MissingDependencyError


def import_optional(name: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional package or fail with the command that installs it.

    Parameters
    ----------
    name : str
        Module to import, such as ``"pandas"``.
    extra : str
        Extra of mtlearn that installs it.
    purpose : str
        What needs it, to begin the message with.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependencyError
        If the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingDependencyError(
            f"{purpose} needs {package}, which is not installed. Install it with: "
            f"python -m pip install 'mtlearn[{extra}]'"
        ) from error


@cache
def find_optional(name: str) -> ModuleType | None:
    """Import an optional package that can be done without.

    Parameters
    ----------
    name : str
        Module to import, such as ``"simplejpeg"``.

    Returns
    -------
    module or None
        None if it is not installed.
    """
    with suppress(ImportError):
        return importlib.import_module(name)
    return None
