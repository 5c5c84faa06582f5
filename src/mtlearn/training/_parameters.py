"""What of a callback was given to it, and what it has come to know since."""

import inspect
import io
import logging
import threading
from types import FunctionType, MethodType, ModuleType
from typing import Any

from skorch.callbacks import LRScheduler
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

_ANY = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL


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
    if any(each.kind in _ANY for each in found):
        return callback.get_params(deep=False)
    attributes = vars(callback)
    names = [each.name for each in found]
    if not all(name in attributes for name in names):
        return dict(attributes)
    return {name: attributes[name] for name in names}


def learned_attributes(callback: Any) -> dict[str, Any]:
    """Give the attributes of a callback that are its state, by name."""
    if isinstance(callback, LRScheduler):  # the schedule's are any that it was given
        given = set(callback.get_params(deep=False))
    else:
        given = _argument_names(type(callback))
    return {name: each for name, each in vars(callback).items() if name not in given}


def _argument_names(kind: type) -> set[str]:
    """Give what a constructor may be given by name, also for those that it calls."""
    names: set[str] = set()
    for cls in kind.__mro__[:-1]:
        if "__init__" in vars(cls):
            found = inspect.signature(vars(cls)["__init__"]).parameters.values()
            names |= {each.name for each in found}
            if not any(each.kind in _ANY for each in found):
                break
    return names


def is_handle(value: Any) -> bool:
    """Tell whether a value is a tool, which knows nothing of how far training is."""
    return isinstance(value, _HANDLES)
