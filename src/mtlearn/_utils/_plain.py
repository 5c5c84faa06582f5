"""Nested Python values as JSON, with their arrays beside it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from mtlearn.exceptions import ModelFormatError


class PlainEncoder(ABC):
    """Turns numbers, strings, lists, tuples, sets and dicts into JSON.

    A subclass says what becomes of all else.

    Attributes
    ----------
    arrays : dict of str to array
        What stands beside the JSON, by the names that it refers to.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}

    def encode(self, value: Any, where: str) -> Any:
        """Encode a value.

        Parameters
        ----------
        value : object
            What to encode.
        where : str
            What it is called, for messages.

        Returns
        -------
        object
            For `json.dumps`.

        Raises
        ------
        InvalidParameterError
            If it, or something in it, cannot be saved.
        """
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            number = float(value)
            if math.isfinite(number):
                return number
            return {"type": "float", "value": repr(number)}
        if isinstance(value, list):
            return self._items(value, where)
        if isinstance(value, tuple):
            return {"type": "tuple", "items": self._items(value, where)}
        if isinstance(value, set):
            return {"type": "set", "items": self._items(sorted(value, key=repr), where)}
        if isinstance(value, dict):
            items = [
                [self.encode(key, where), self.encode(each, f"{where}[{key!r}]")]
                for key, each in value.items()
            ]
            return {"type": self._kind(value, where), "items": items}
        return self._other(value, where)

    def _items(self, values: Any, where: str) -> list[Any]:
        return [self.encode(each, f"{where}[{i}]") for i, each in enumerate(values)]

    def _kind(self, value: dict[Any, Any], where: str) -> str:
        """Say what kind of dict it is."""
        return "dict"

    @abstractmethod
    def _other(self, value: Any, where: str) -> Any:
        """Encode what is none of these."""

    def _beside(self, array: Any) -> str:
        """Put an array beside the JSON, and return its name."""
        name = f"array{len(self.arrays)}"
        self.arrays[name] = array
        return name


class PlainDecoder:
    """Makes values of what a `PlainEncoder` has written.

    Parameters
    ----------
    arrays : mapping of str to array
        What stands beside the JSON.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = arrays

    def decode(self, record: Any) -> Any:
        """Decode a value.

        Parameters
        ----------
        record : object
            What `json.loads` gave.

        Returns
        -------
        object
            The value.

        Raises
        ------
        ModelFormatError
            If it is no record, or does not fit together.
        """
        if isinstance(record, list):
            return [self.decode(each) for each in record]
        if not isinstance(record, dict):
            return record
        kind = record.get("type")
        maker = self._makers().get(kind) if isinstance(kind, str) else None
        if maker is None:
            raise ModelFormatError(f"it has a record of type {kind!r}")
        return maker(record)

    def _makers(self) -> dict[str, Callable[[Any], Any]]:
        """Give what makes a value of a record, by the record's type."""
        return {
            "float": lambda record: float(record["value"]),
            "tuple": lambda record: tuple(self.decode(record["items"])),
            "set": lambda record: set(self.decode(record["items"])),
            "dict": lambda record: dict(self._pairs(record)),
        }

    def _pairs(self, record: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        return [(self.decode(key), self.decode(each)) for key, each in record["items"]]
