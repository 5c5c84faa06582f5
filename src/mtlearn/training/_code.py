"""Functions and classes as what they compute, whatever they are called."""

import dis
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import PurePath
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from skorch.callbacks import Callback
from torch import Tensor

# Of these the versions are known, wherever they are installed.
_LIBRARIES = ("mtlearn", "torch", "skorch", "sklearn", "numpy")
_CONSTANTS = (type(None), bool, int, float, complex, str, bytes, np.generic)
_PYTHON = PurePath(os.__file__).parent
_WRAPPERS = staticmethod | classmethod | property | functools.cached_property


class _Method:
    """A method of a callback: what it reads of the world is no part of it."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function


def kind_name(cls: type) -> str:
    """Name a class in full."""
    return f"{cls.__module__}.{cls.__qualname__}"


def is_code(value: Any) -> bool:
    """Tell whether a value is a function, a class, a method or a module.

    An object that a class binds as it does a method has no name, and is none.
    """
    return (
        isinstance(value, tuple(_KINDS))
        or (isinstance(value, np.ufunc) and _is_known(value))
        or (inspect.isroutine(value) and hasattr(value, "__name__"))
        or _wraps(value)
    )


def _wraps(value: Any) -> bool:
    """Tell whether it is a library's way to call a function, such as a cache.

    A wrapper of the user's own may do anything with what it calls.
    """
    return (
        callable(value)
        and "__wrapped__" in vars_of(value)
        and is_library(type(value).__module__)
    )


def _is_known(function: np.ufunc) -> bool:
    """Tell whether a library has it by its name, unlike what a user may make."""
    name = function.__name__
    return any(
        vars_of(module).get(name) is function and is_library(key)
        for key, module in list(sys.modules.items())
    )


def vars_of(value: Any) -> dict[str, Any]:
    """Give the attributes of an object; none if it has no dict of them."""
    found = getattr(value, "__dict__", None)
    return found if isinstance(found, dict) else {}


def parts_of_code(value: Any) -> list[Any]:
    """Take a function or class apart.

    Parameters
    ----------
    value : function, class, method, partial, module or code object
        Of a library, it is its name and version; of the user, all that follows.

    Returns
    -------
    list
        Values that are equal for what computes the same: bytes of code, constants,
        defaults, what it is closed over, bases, and what it names of the user's.
    """
    for kind, parts in _KINDS.items():
        if isinstance(value, kind):
            return parts(value)
    if _wraps(value):
        return [value.__wrapped__]
    return _of_builtin(value)


def _named(name: str, module: str | None) -> list[Any]:
    """Give a name, and the version of the package that has it."""
    top = (module or "").partition(".")[0]
    found = getattr(sys.modules.get(top), "__version__", None)
    return [name, found if isinstance(found, str) else None]


def _of_builtin(value: Any) -> list[Any]:
    owner = getattr(value, "__self__", None)
    if owner is None or isinstance(owner, ModuleType):
        owner = getattr(value, "__objclass__", None)
    module = getattr(value, "__module__", None)
    return [*_named(getattr(value, "__qualname__", value.__name__), module), owner]


def _of_code(code: CodeType) -> list[Any]:
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return [code.co_code, code.co_consts, names, counts, code.co_flags]


def _of_function(function: FunctionType, *, data: bool) -> list[Any]:
    compiled = vars(function).get("_torchdynamo_orig_callable")
    if compiled is not None:  # what torch.compile adds is new in each process
        return [compiled]
    # A wrapper has the module of what it wraps: the user's or the library's.
    modules = function.__module__, function.__globals__.get("__name__")
    library = all(map(is_library, modules))
    name = function.__qualname__
    if library and "<" not in name:
        return _named(f"{function.__module__}.{name}", function.__module__)
    return [
        function.__code__,
        function.__defaults__,
        function.__kwdefaults__,
        [_content(cell) for cell in function.__closure__ or ()],
        {k: v for k, v in vars(function).items() if k != "__wrapped__"},
        [] if library else list(_helpers(function, data)),
    ]


def _content(cell: Any) -> Any:
    try:
        return [cell.cell_contents]
    except ValueError:  # of a variable that has no value yet
        return []


def _helpers(function: FunctionType, data: bool) -> Iterator[tuple[str, Any]]:
    """Give what a function reads of the module that it stands in."""
    read, written, mentioned = _names(function.__code__)
    for name in sorted(read - written):
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield from _inside(name, value, mentioned, data, set())
        elif name in function.__globals__ and _counts(value, data):
            yield name, value


def _inside(
    name: str, module: ModuleType, mentioned: set[str], data: bool, seen: set[str]
) -> Iterator[tuple[str, Any]]:
    """Give what a function may read of a module of the user's, and of those in it."""
    if module.__name__ in seen or is_library(module.__name__):
        return
    seen.add(module.__name__)
    for inner in sorted(mentioned & vars(module).keys()):
        value = vars(module)[inner]
        if isinstance(value, ModuleType):
            yield from _inside(f"{name}.{inner}", value, mentioned, data, seen)
        elif _counts(value, data):
            yield f"{name}.{inner}", value


def _names(code: CodeType) -> tuple[set[str], set[str], set[str]]:
    """Give the global names that code reads and writes, and all that it mentions."""
    read: set[str] = set()
    written: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(step.argval)
        elif step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            written.add(step.argval)
    mentioned = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            more = _names(inner)
            read, written = read | more[0], written | more[1]
            mentioned |= more[2]
    return read, written, mentioned


def _counts(value: Any, data: bool) -> bool:
    """Tell whether something that a function names is part of what it computes."""
    if isinstance(value, Callback | ModuleType):
        return False
    return callable(value) or is_code(value) or (data and _is_plain(value))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, (*_CONSTANTS, np.ndarray, Tensor))


def _of_class(cls: type) -> list[Any]:
    name = kind_name(cls)
    if is_library(cls.__module__):
        return _named(name, cls.__module__)
    watches = issubclass(cls, Callback)
    members: list[tuple[str, Any]] = []
    for key, value in sorted(vars(cls).items()):
        if isinstance(value, FunctionType):
            members.append((key, _Method(value) if watches else value))
        elif isinstance(value, _WRAPPERS | type) or is_code(value):
            members.append((key, value))
    text = _source(cls)
    values = _values(cls) if text is None or not watches else {}
    return [cls.__qualname__, cls.__bases__, members, text, values]


def _source(cls: type) -> str | None:
    """Give the text of a class, which tells of attributes that are no plain values."""
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):  # typed in by hand
        return None


def _values(cls: type) -> dict[str, Any]:
    """Give the attributes of a class that may be computed, but what it counts up."""
    counted = {
        step.argval
        for value in vars(cls).values()
        if isinstance(value, FunctionType)
        for step in dis.get_instructions(value)
        if step.opname == "STORE_ATTR"
    }
    return {
        name: value
        for name, value in vars(cls).items()
        if not name.startswith("__") and name not in counted and _is_plain(value)
    }


@cache
def is_library(module: str | None) -> bool:
    """Tell whether a module is installed, and not the user's own.

    Parameters
    ----------
    module : str or None
        Its name.

    Returns
    -------
    bool
        Whether its code is known by its name and version.
    """
    top = (module or "").partition(".")[0]
    if top == "__main__":  # which is joblib's own file in a worker
        return False
    found = sys.modules.get(top)
    if top in _LIBRARIES or (top in sys.stdlib_module_names and not _is_users(found)):
        return True
    places = [getattr(found, "__file__", None), *getattr(found, "__path__", ())]
    folders = {part for each in places for part in PurePath(str(each)).parts}
    return bool(folders & {"site-packages", "dist-packages"})


def _is_users(module: ModuleType | None) -> bool:
    """Tell whether a module has the name of one of Python's own, such as code, only."""
    file = getattr(module, "__file__", None) or ""
    return file.endswith(".py") and not PurePath(file).is_relative_to(_PYTHON)


# How what is made of code is taken apart.
_KINDS: dict[type, Callable[[Any], list[Any]]] = {
    CodeType: _of_code,
    _Method: lambda value: _of_function(value.function, data=False),
    FunctionType: lambda value: _of_function(value, data=True),
    MethodType: lambda value: [value.__func__, value.__self__],
    type: _of_class,
    functools.partial: lambda value: [value.func, value.args, value.keywords],
    staticmethod: lambda value: [value.__func__],
    classmethod: lambda value: [value.__func__],
    property: lambda value: [value.fget, value.fset, value.fdel],
    functools.cached_property: lambda value: [value.func],
    ModuleType: lambda value: _named(value.__name__, value.__name__),
}
