"""A name for a training: what its parameters, data and versions come to."""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import joblib
import numpy as np
import torch

_VERSIONS = ("mtlearn", "torch", "skorch", "scikit-learn", "numpy")
# Rows are read in pieces of so many bytes.
_CHUNK_BYTES = 2**24


def fingerprint_of(values: Mapping[str, Any]) -> str:
    """Compute what two trainings have in common only if they are the same.

    Parameters
    ----------
    values : mapping of str to object
        Parameters and data. Arrays count with all their bytes; classes and functions
        with their names and, where it is found, their source; objects with their
        parameters.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in _VERSIONS:
        _update(digest.update, [name, version(name)])
    for name, value in values.items():
        _update(digest.update, name)
        _update(digest.update, value)
    return digest.hexdigest()


def _update(update: Callable[[Any], None], value: Any) -> None:
    """Feed a value, with its type, so that 1 and "1" differ."""
    update(f"\n{type(value).__qualname__} ".encode())
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        update(repr(value).encode())
    elif isinstance(value, torch.Tensor):
        _update_rows(update, value.detach().cpu().numpy())
    elif hasattr(value, "dtype") and hasattr(value, "shape"):
        _update_rows(update, value)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _update(update, key)
            _update(update, each)
    elif isinstance(value, list | tuple):
        update(str(len(value)).encode())
        for each in value:
            _update(update, each)
    elif isinstance(value, type) or inspect.isroutine(value):
        update(_described(value).encode())
    elif hasattr(value, "get_params"):
        update(_described(type(value)).encode())
        _update(update, value.get_params(deep=False))
    else:
        update(_hash(value).encode())


def _update_rows(update: Callable[[Any], None], rows: Any) -> None:
    """Feed an array piece by piece, without a copy of the whole."""
    update(f"{rows.dtype} {rows.shape}".encode())
    if rows.dtype == object or not rows.shape:
        update(joblib.hash(np.asarray(rows)).encode())
        return
    step = max(1, _CHUNK_BYTES // max(1, rows[:1].nbytes)) if len(rows) else 1
    for start in range(0, len(rows), step):
        update(np.ascontiguousarray(rows[start : start + step]).data)


def _described(value: Any) -> str:
    """Name a class or function, with its source where it may change unnoticed."""
    module = getattr(value, "__module__", None) or ""
    name = f"{module}.{getattr(value, '__qualname__', repr(type(value)))}"
    if module.partition(".")[0] in ("mtlearn", "torch", "skorch", "sklearn"):
        return name
    try:
        return f"{name} {inspect.getsource(value)}"
    except (OSError, TypeError):  # typed in by hand, or not written in Python
        return name


def _hash(value: Any) -> str:
    try:
        return joblib.hash(value)
    except Exception:  # what cannot be pickled, such as an open file
        return _described(type(value))
