"""What of a callback was given to it, and what it has come to know since."""

import inspect
import io
import logging
import threading
from types import FunctionType, MethodType, ModuleType
from typing import Any

from tqdm import tqdm

# What a callback works with, and makes or opens itself when training begins.
_HANDLES = (
    type,
    FunctionType,
    MethodType,
    ModuleType,
    io.IOBase,
    logging.Logger,
    threading.Thread,
    type(threading.Lock()),
    type(threading.RLock()),
    tqdm,
)


def constructor_arguments(callback: Any) -> dict[str, Any]:
    """Give the attributes of a callback that its constructor was given.

    skorch takes each attribute without a trailing underscore for one, which holds
    for a constructor that takes any keyword, and not for a counter called `n`.

    Parameters
    ----------
    callback : Callback
        One of skorch's, or a user's.

    Returns
    -------
    dict
        By name. Where an argument is no attribute, it may hide in any other: then all
        attributes.
    """
    found = inspect.signature(type(callback)).parameters.values()
    if any(each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in found):
        return callback.get_params(deep=False)
    attributes = vars(callback)
    names = [each.name for each in found]
    if not all(name in attributes for name in names):
        return dict(attributes)
    return {name: attributes[name] for name in names}


def learned_attributes(callback: Any) -> dict[str, Any]:
    """Give the attributes of a callback that are its state, by name."""
    found = inspect.signature(type(callback)).parameters.values()
    if any(each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in found):
        given = set(callback.get_params(deep=False))
    else:
        given = {each.name for each in found}
    return {name: each for name, each in vars(callback).items() if name not in given}


def is_handle(value: Any) -> bool:
    """Tell whether a value is a tool, which knows nothing of how far training is."""
    return isinstance(value, _HANDLES)
