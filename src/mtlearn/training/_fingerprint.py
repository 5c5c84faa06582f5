"""A name for a training: what its parameters, data and versions come to."""

import copyreg
import hashlib
import io
import logging
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterable, Mapping
from importlib.metadata import version
from itertools import chain
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from mtlearn._utils._short import short
from mtlearn.data import DatasetRows, LazyRows
from mtlearn.exceptions import InvalidParameterError
from mtlearn.training._code import (
    is_code,
    kind_name,
    parts_of_code,
    vars_of,
)
from mtlearn.training._parameters import constructor_arguments

_VERSIONS = ("mtlearn", "torch", "skorch", "scikit-learn", "numpy")
# Rows are read in pieces of so many bytes.
_CHUNK_BYTES = 2**24
_ATOMS = (type(None), bool, int, float, complex, str, bytes, np.generic, range)
_NAMED = torch.dtype | torch.device | torch.memory_format | torch.layout | np.dtype
_MAPPINGS = (dict, OrderedDict, MappingProxyType)
# Asks for the digests of parts, each with what it is called, and ends with its own.
_Reading = Generator[tuple[Any, str], Any, bytes]
# They say nothing of what is learned.
_EMPTY = (type(threading.Lock()), type(threading.RLock()), threading.local)


class Files:
    """A value whose texts and paths stand for the files that they name.

    Parameters
    ----------
    value : object
        Such as a backbone with the path of its weights.
    """

    def __init__(self, value: Any) -> None:
        self.value = value


def fingerprint_of(values: Mapping[str, Any]) -> str:
    """Compute what two trainings have in common only if they are the same.

    Parameters
    ----------
    values : mapping of str to object
        Parameters and data. Arrays count with all their bytes; functions and classes
        with their code, what it is closed over, and the functions, classes and
        constants of the user's that it names; objects with their class and state.

    Returns
    -------
    str
        64 hexadecimal digits, the same in every process.

    Raises
    ------
    InvalidParameterError
        If something in it can be neither described nor pickled.
    """
    reader = Reader()
    versions = [_hash(name, version(name)) for name in _VERSIONS]
    found = [_hash(name, reader.digest(value, name)) for name, value in values.items()]
    return _hash(*versions, *found).hex()


def same_value(one: Any, other: Any) -> bool:
    """Tell whether two values are equal in all that they are made of.

    Parameters
    ----------
    one, other : object
        Parameters. What can be neither described nor pickled is equal to what has
        the same class.

    Returns
    -------
    bool
        Whether they are.
    """
    if one is other:  # without a look at the code of a backbone
        return True
    found = [Reader(strict=False).digest(each, "") for each in (one, other)]
    return found[0] == found[1]


class Reader:
    """Reads values into digests.

    Parameters
    ----------
    strict : bool, default=True
        Whether what cannot be described is an error; else its class stands for it.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self.strict = strict
        self._files = False
        self._known: dict[tuple[int, bool], bytes] = {}
        self._kept: list[Any] = []  # so that no id is used twice
        self._inside: dict[int, int] = {}  # how far down each is

    def digest(self, value: Any, where: str) -> bytes:
        """Compute what stands for a value, and only for what is equal to it.

        Parameters
        ----------
        value : object
            Any.
        where : str
            What it is called, for messages.

        Returns
        -------
        bytes
            32 of them.

        Raises
        ------
        InvalidParameterError
            If it can be neither described nor pickled.
        """
        # A stack of its own: what functions name, and that names, may lead deep.
        stack = [self._read(value, where)]
        found = None
        while stack:
            try:
                part, name = stack[-1].send(found)
            except StopIteration as end:
                stack.pop()
                found = end.value
                continue
            if isinstance(part, _ATOMS):
                found = self._atom(part)
            else:
                stack.append(self._read(part, name))
                found = None
        assert found is not None
        return found

    def _read(self, value: Any, where: str) -> _Reading:
        if isinstance(value, _ATOMS):
            return self._atom(value)
        key = id(value), self._files
        if key in self._known:
            return self._known[key]
        if id(value) in self._inside:  # a cycle: how far up it leads
            return _hash("cycle", len(self._inside) - self._inside[id(value)])
        self._inside[id(value)] = len(self._inside)
        found = yield from self._compound(value, where)
        del self._inside[id(value)]
        self._kept.append(value)
        self._known[key] = found
        return found

    def _atom(self, value: Any) -> bytes:
        found = _hash(kind_name(type(value)), repr(value))
        if self._files and isinstance(value, str) and value:
            return _hash_all(chain((found,), _contents(Path(value))))
        return found

    def _compound(self, value: Any, where: str) -> _Reading:
        """Read what is made of parts, each of which has a digest."""
        if isinstance(value, Files):
            before, self._files = self._files, True
            found = yield value.value, where
            self._files = before
            return found
        if isinstance(value, Tensor):
            about = kind_name(type(value)), value.requires_grad, value.dtype
            return _hash("tensor", *about, *_tensor_rows(value))
        if isinstance(value, LazyRows):
            return _hash("images", value.images.fingerprint())
        if _is_array(value):
            return (yield from self._array(value, where))
        if isinstance(value, PurePath):
            found = _hash(kind_name(type(value)), str(value))
            if self._files:
                return _hash_all(chain((found,), _contents(Path(value))))
            return found
        if isinstance(value, _NAMED):
            return _hash(kind_name(type(value)), str(value))
        if is_code(value):
            # Names of files in code are none of an argument's.
            before, self._files = self._files, False
            found = yield from self._joined("code", parts_of_code(value), where)
            self._files = before
            return found
        return (yield from self._container(value, where))

    def _container(self, value: Any, where: str) -> _Reading:
        name = kind_name(type(value))
        # What is made of one of these types may hold more than its items.
        found = []
        if type(value) in _MAPPINGS:
            for key, each in value.items():
                found.append((yield key, where))
                found.append((yield each, f"{where}[{key!r}]"))
            return _hash(name, len(value), *found)
        if type(value) in (set, frozenset):
            for each in value:
                found.append((yield each, where))
            return _hash(name, *sorted(found))
        if type(value) in (list, tuple):
            return (yield from self._joined(name, value, where))
        return (yield from self._object(value, where))

    def _joined(self, name: str, values: Iterable[Any], where: str) -> _Reading:
        found = []
        for i, each in enumerate(values):
            found.append((yield each, f"{where}[{i}]"))
        return _hash(name, len(found), *found)

    def _array(self, value: Any, where: str) -> _Reading:
        """Read an array piece by piece, without a copy of the whole."""
        about = "array", str(value.dtype), str(value.shape)
        if value.dtype.hasobject:
            items = np.asarray(value).ravel().tolist()
            return _hash(*about, (yield from self._joined("items", items, where)))
        return _hash_all(chain(about, _rows(value)))

    def _object(self, value: Any, where: str) -> _Reading:
        """Read an object by its class and what it holds."""
        cls = yield type(value), where
        if isinstance(value, Callback):
            return _hash(cls, (yield constructor_arguments(value), where))
        if hasattr(value, "get_params"):
            params = value.get_params(deep=False)
            others = {k: v for k, v in vars_of(value).items() if k not in params}
            held = yield from self._attributes(params, where)
            return _hash(cls, held, (yield from self._attributes(others, where)))
        if isinstance(value, _EMPTY):
            return cls
        if isinstance(value, io.IOBase):
            named = [getattr(value, name, None) for name in ("name", "mode")]
            return _hash(cls, repr([str(each) for each in named]))
        if isinstance(value, logging.Logger):
            return _hash(cls, value.name)
        return _hash(cls, (yield from self._state(value, where)))

    def _attributes(self, values: Mapping[str, Any], where: str) -> _Reading:
        found = []
        for name, each in values.items():
            found += [_hash(name), (yield each, f"{where}.{name}")]
        return _hash(len(values), *found)

    def _state(self, value: Any, where: str) -> _Reading:
        """Read what a pickle would hold, or else the attributes."""
        # One of numpy's is called by a name that says nothing of what it computes.
        own = isinstance(value, np.ufunc)
        reduce = None if own else copyreg.dispatch_table.get(type(value))
        try:
            reduced: Any = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except Exception as error:  # such as an object that holds a connection
            if vars_of(value):
                return (yield from self._attributes(vars(value), where))
            return self._undescribed(value, where, error)
        if isinstance(reduced, str):
            return _hash("global", reduced)
        state = reduced[2] if len(reduced) > 2 else None
        parts = [(yield reduced[0], where), (yield reduced[1], where)]
        if isinstance(state, dict) and all(isinstance(key, str) for key in state):
            parts.append((yield from self._attributes(state, where)))
        else:
            parts.append((yield state, where))
        more = [None if each is None else list(each) for each in reduced[3:5]]
        return _hash(*parts, (yield more, where))

    def _undescribed(self, value: Any, where: str, error: Exception) -> bytes:
        if not self.strict:
            return _hash(kind_name(type(value)))
        raise InvalidParameterError(
            f"{where} is {short(value)}, by which a checkpoint cannot tell its own fit "
            f"from another: it has no attributes, and cannot be pickled ({error}). "
            "Leave it out of the __getstate__ of what holds it, or set "
            "checkpoint_dir=None."
        ) from error


def _is_array(value: Any) -> bool:
    """Tell whether a value is an array, or rows that are read as one."""
    if isinstance(value, np.ndarray):
        return type(value) in (np.ndarray, np.memmap)
    return isinstance(value, DatasetRows)


def _rows(rows: Any) -> Iterable[Any]:
    if not rows.shape:
        yield np.ascontiguousarray(rows).tobytes()
        return
    step = max(1, _CHUNK_BYTES // max(1, rows[:1].nbytes)) if len(rows) else 1
    for start in range(0, len(rows), step):
        piece = np.ascontiguousarray(rows[start : start + step])
        yield piece.reshape(-1).view(np.uint8).data if piece.size else b""


def _tensor_rows(tensor: Tensor) -> Iterable[Any]:
    yield str(tuple(tensor.shape))
    dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    plain = dense.resolve_conj().resolve_neg().cpu().contiguous()
    yield plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b""


def _contents(path: Path) -> Iterable[Any]:
    """Give the bytes of a file, or of the files in a folder, if there are any."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        files = [file for file in files if file.is_file()]
    except (OSError, ValueError):  # no name that a file can have
        return
    for file in files:
        yield file.name if file != path else "file"
        yield str(file.stat().st_size)
        with file.open("rb") as opened:
            while piece := opened.read(_CHUNK_BYTES):
                yield piece


def _hash(*parts: Any) -> bytes:
    return _hash_all(parts)


def _hash_all(parts: Iterable[Any]) -> bytes:
    """Hash parts one after another, of which none need be kept."""
    digest = hashlib.sha256()
    for part in parts:
        if not isinstance(part, bytes | memoryview):
            part = str(part).encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()
