"""From JSON and arrays to an estimator, by the registry and nothing else."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn import config_context
from sklearn.utils import Bunch

from mtlearn._utils._partial import Partial
from mtlearn.exceptions import ModelFormatError
from mtlearn.networks import HeadSpec
from mtlearn.persistence._network import build_net
from mtlearn.persistence._registry import find
from mtlearn.tasks import Codec, Layout, Tasks


class Decoder:
    """Makes values of what an `Encoder` has written.

    Parameters
    ----------
    arrays : dict of str to ndarray
        By the names that the JSON refers to.
    custom_objects : mapping of str to class or function
        The user's own.
    """

    def __init__(
        self, arrays: dict[str, np.ndarray], custom_objects: Mapping[str, Any]
    ) -> None:
        self.arrays = arrays
        self.custom_objects = custom_objects
        self._made: list[Any] = []

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
        plain: dict[str, Callable[[Any], Any]] = {
            "tuple": lambda r: tuple(self.decode(r["items"])),
            "float": lambda r: float(r["value"]),
            "dict": lambda r: dict(self._items(r)),
            "bunch": lambda r: Bunch(**dict(self._items(r))),
            "device": lambda r: torch.device(r["name"]),
            "dtype": lambda r: np.dtype(r["name"]),
            "scalar": lambda r: np.dtype(r["dtype"]).type(self.decode(r["value"])),
            "array": lambda r: self.arrays[r["name"]],
            "labels": self._labels,
            "same": lambda r: self._made[r["number"]],
        }
        if kind in plain:
            return plain[kind](record)
        made = self._object(kind, record)
        self._made.append(made)
        return made

    def _items(self, record: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        return [(self.decode(key), self.decode(each)) for key, each in record["items"]]

    def _labels(self, record: Mapping[str, Any]) -> np.ndarray:
        dtype = np.dtype(record["dtype"])
        if dtype.kind not in "UO":
            raise ModelFormatError(f"labels of type {dtype} are not of a kind it knows")
        labels = np.empty(len(record["items"]), dtype=object)
        labels[:] = self.decode(record["items"])
        return labels.astype(dtype)

    def _object(self, kind: Any, record: Mapping[str, Any]) -> Any:
        makers: dict[str, Callable[[Any], Any]] = {
            "named": lambda r: find(r, self.custom_objects),
            "partial": self._partial,
            "tasks": lambda r: Tasks.from_mapping(self._fields(r["fields"])),
            "codec": self._codec,
            "head": lambda r: HeadSpec(**self._fields(r["fields"])),
            "network": self._network,
            "object": self._estimator,
            "category": self._category,
            "pandas": self._pandas,
        }
        if kind not in makers:
            raise ModelFormatError(f"it has a record of type {kind!r}")
        return makers[kind](record)

    def _fields(self, records: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.decode(each) for name, each in records.items()}

    def _partial(self, record: Mapping[str, Any]) -> Partial:
        cls = self.decode(record["cls"])
        return Partial(cls, **self._fields(record["fields"]))

    def _codec(self, record: Mapping[str, Any]) -> Codec:
        tasks = self.decode(record["tasks"])
        return Codec(tasks, Layout(**self._fields(record["fields"])))

    def _network(self, record: Mapping[str, Any]) -> Any:
        prefix = f"{record['weights']}."
        weights = {
            name.removeprefix(prefix): array
            for name, array in self.arrays.items()
            if name.startswith(prefix)
        }
        return build_net(weights, **self._fields(record["fields"]))

    def _estimator(self, record: Mapping[str, Any]) -> Any:
        cls = find(record, self.custom_objects)
        made = cls(**self._fields(record["params"]))
        for name, value in self._fields(record["state"]).items():
            # What is learned, and no method or property of the class.
            if hasattr(cls, name) or not name.strip("_").isidentifier():
                raise ModelFormatError(f"{cls.__name__} cannot learn {name!r}")
            vars(made)[name] = value
        with config_context(enable_metadata_routing=True):
            for method, requests in record.get("requests", {}).items():
                getattr(made, f"set_{method}_request")(**requests)
        return made

    def _category(self, record: Mapping[str, Any]) -> Any:
        import pandas

        return pandas.CategoricalDtype(self.decode(record["items"]), record["ordered"])

    def _pandas(self, record: Mapping[str, Any]) -> Any:
        import pandas

        return pandas.api.types.pandas_dtype(record["name"])
