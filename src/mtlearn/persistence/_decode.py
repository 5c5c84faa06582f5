"""From JSON and arrays to an estimator, by the registry and nothing else."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn import config_context
from sklearn.utils import Bunch

from mtlearn._utils._partial import Partial
from mtlearn._utils._plain import PlainDecoder
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.exceptions import ModelFormatError
from mtlearn.networks import HeadSpec
from mtlearn.persistence._network import build_net
from mtlearn.persistence._registry import (
    LOSSES,
    can_learn,
    find,
    find_class,
    is_number,
)
from mtlearn.tasks import Codec, Layout, Tasks

# Of all labels together, which numpy fills up to the length that a type names.
_LABEL_BYTES = 2**26


class Decoder(PlainDecoder):
    """Makes an estimator of what an `Encoder` has written.

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
        super().__init__(arrays)
        self._beside = dict(arrays)
        self.custom_objects = custom_objects
        self._made: list[Any] = []
        self._left = _LABEL_BYTES

    def _makers(self) -> dict[str, Callable[[Any], Any]]:
        return {
            **super()._makers(),
            "bunch": lambda record: Bunch(**dict(self._pairs(record))),
            "device": lambda record: torch.device(record["name"]),
            "path": lambda record: Path(record["text"]),
            "dtype": lambda record: np.dtype(record["name"]),
            "date": lambda record: date.fromisoformat(record["text"]),
            "datetime": lambda record: datetime.fromisoformat(record["text"]),
            "timestamp": self._timestamp,
            "scalar": self._scalar,
            # Each is referred to once, so that copies are no larger than the file.
            "array": lambda record: self._beside.pop(record["name"]),
            "tensor": lambda record: torch.from_numpy(
                np.array(self._beside.pop(record["name"]))
            ),
            "labels": self._labels,
            "same": lambda record: self._made[record["number"]],
            **{name: self._kept(maker) for name, maker in self._objects().items()},
        }

    def _objects(self) -> dict[str, Callable[[Any], Any]]:
        """Give what makes objects, to which later records may refer."""
        return {
            "named": lambda record: find(record, self.custom_objects),
            "partial": self._partial,
            "loss": lambda record: LOSSES[record["name"]](
                **self._fields(record["fields"])
            ),
            "tasks": lambda record: Tasks.from_mapping(self._fields(record["fields"])),
            "codec": self._codec,
            "head": lambda record: HeadSpec(**self._fields(record["fields"])),
            "network": self._network,
            "object": self._estimator,
            "category": self._category,
            "pandas": self._pandas,
        }

    def _kept(self, maker: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def make(record: Any) -> Any:
            made = maker(record)
            self._made.append(made)
            return made

        return make

    def _scalar(self, record: Mapping[str, Any]) -> np.generic:
        dtype = np.dtype(record["dtype"])
        if not is_number(dtype) and dtype.kind != "U":
            raise ModelFormatError(
                f"a number of type {dtype} is not of a kind it knows"
            )
        return dtype.type(self.decode(record["value"]))

    def _labels(self, record: Mapping[str, Any]) -> np.ndarray:
        dtype = np.dtype(record["dtype"])
        if dtype.kind not in "UO":
            raise ModelFormatError(f"labels of type {dtype} are not of a kind it knows")
        self._left -= dtype.itemsize * len(record["items"])
        if self._left < 0:
            raise ModelFormatError(f"labels of type {dtype} are too long")
        labels = np.empty(len(record["items"]), dtype=object)
        labels[:] = self.decode(record["items"])
        return labels.astype(dtype)

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
            name.removeprefix(prefix): self._beside.pop(name)
            for name in list(self._beside)
            if name.startswith(prefix)
        }
        return build_net(weights, **self._fields(record["fields"]))

    def _estimator(self, record: Mapping[str, Any]) -> Any:
        cls = find_class(record, self.custom_objects)
        made = cls(**self._fields(record["params"]))
        for name, value in self._fields(record["state"]).items():
            if not can_learn(cls, name):
                raise ModelFormatError(f"{cls.__name__} cannot learn {name!r}")
            vars(made)[name] = value
        with config_context(enable_metadata_routing=True):
            for method, requests in record.get("requests", {}).items():
                getattr(made, f"set_{method}_request")(**requests)
        if isinstance(made, VersionedEstimator):
            made._restored()
        return made

    def _category(self, record: Mapping[str, Any]) -> Any:
        import pandas

        labels = self.decode(record["items"])
        if "dtype" in record:  # not in files of earlier versions
            labels = pandas.Index(labels, dtype=self.decode(record["dtype"]))
        return pandas.CategoricalDtype(labels, record["ordered"])

    def _timestamp(self, record: Mapping[str, Any]) -> Any:
        import pandas

        stamp = pandas.Timestamp(record["text"])
        # Before pandas 2 all are of nanoseconds.
        return stamp.as_unit(record["unit"]) if hasattr(stamp, "as_unit") else stamp

    def _pandas(self, record: Mapping[str, Any]) -> Any:
        import pandas

        return pandas.api.types.pandas_dtype(record["name"])
