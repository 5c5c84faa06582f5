"""Packages of others' networks, which are imported on use."""

import importlib
from types import ModuleType

from mtlearn.exceptions import MissingDependencyError


def import_extra(package: str, owner: str) -> ModuleType:
    """Import the package of an extra of its name.

    Parameters
    ----------
    package : str
        Such as ``"timm"``.
    owner : str
        What needs it, to begin the message with.

    Returns
    -------
    module
        The package.

    Raises
    ------
    MissingDependencyError
        If it cannot be imported: it, or a package that it needs, is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingDependencyError(
            f"{owner} needs {package}, which cannot be imported ({error}). Install it "
            f"with: python -m pip install 'mtlearn[{package}]'"
        ) from error
