"""From an estimator to JSON and arrays."""

import inspect
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from sklearn.utils import Bunch
from skorch.callbacks import Callback

from mtlearn._utils._partial import Partial
from mtlearn._utils._plain import PlainEncoder
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import HeadSpec, structure, trained_spec
from mtlearn.persistence._registry import (
    LOSSES,
    can_learn,
    is_number,
    is_object,
    loss_arguments,
    name_of,
)
from mtlearn.tasks import Codec, Tasks
from mtlearn.training import (
    MultiTaskNet,
    constructor_arguments,
    same_value,
    weights_of,
)

# Equal to plain ones, which they come back as; a Bunch is one again.
_DICTS = (dict, OrderedDict, Counter, defaultdict, Bunch)
# Names that scikit-learn keeps beside the parameters.
_REQUESTS, _CALLBACKS = "_metadata_request", "_skl_callbacks"


class Encoder(PlainEncoder):
    """Turns an estimator into JSON, with its arrays beside it.

    What occurs twice, such as the tasks that an estimator and its network share, is
    written once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used twice
        self._own: dict[str, Any] = {}  # the user's classes and functions

    def _kind(self, value: dict[Any, Any], where: str) -> str:
        if type(value) not in _DICTS:
            raise _refusal(where, value)
        return "bunch" if isinstance(value, Bunch) else "dict"

    def _other(self, value: Any, where: str) -> Any:
        if isinstance(value, np.generic | np.ndarray | np.dtype | torch.device):
            return self._plain(value, where)
        if isinstance(value, torch.Tensor):
            return self._tensor(value, where)
        if isinstance(value, range) or _is_column(value):
            return self.encode(np.asarray(value).tolist(), where)
        if isinstance(value, PurePath):
            return {"type": "path", "text": str(value)}
        if isinstance(value, date):
            return self._date(value, where)
        return self._shared(value, where)

    def _date(self, value: date, where: str) -> dict[str, Any]:
        """Encode a day or a time, such as the name of a column of y."""
        kind = type(value).__name__.lower()
        record = {"type": kind, "text": value.isoformat()}
        if type(value) in (date, datetime) and getattr(value, "tzinfo", None) is None:
            return record
        if kind == "timestamp" and getattr(value, "tz", "none") is None:
            return {**record, "unit": getattr(value, "unit", None)}
        raise _refusal(where, value)

    def _tensor(self, value: torch.Tensor, where: str) -> Any:
        """Encode a tensor of a loss, or labels."""
        if value.ndim == 1 and not (value.is_floating_point() or value.is_complex()):
            return self.encode(value.tolist(), where)
        if value.dtype not in (torch.float32, torch.float64):
            raise _refusal(where, value)
        return {"type": "tensor", "name": self._beside(value.detach().cpu().numpy())}

    def _plain(self, value: Any, where: str) -> Any:
        if isinstance(value, torch.device):
            return {"type": "device", "name": str(value)}
        if isinstance(value, np.dtype):
            return {"type": "dtype", "name": value.str}
        if isinstance(value, np.generic):
            if not is_number(value.dtype) and value.dtype.kind != "U":
                raise _refusal(where, value)
            item = self.encode(value.item(), where)
            return {"type": "scalar", "dtype": value.dtype.str, "value": item}
        if is_number(value.dtype):
            return {"type": "array", "name": self._beside(value)}
        if value.dtype.kind in "UO" and value.ndim == 1:
            items = self.encode(value.tolist(), where)
            return {"type": "labels", "dtype": value.dtype.str, "items": items}
        raise _refusal(where, value)

    def _shared(self, value: Any, where: str) -> Any:
        """Encode an object, or refer to the one that was encoded before."""
        if id(value) in self._numbers:
            return {"type": "same", "number": self._numbers[id(value)]}
        record = self._object(value, where)
        self._kept.append(value)
        self._numbers[id(value)] = len(self._numbers)
        return record

    def _object(self, value: Any, where: str) -> dict[str, Any]:
        if isinstance(value, Partial):
            made = self.encode(value.cls, f"{where}.cls")
            return {"type": "partial", "cls": made, **self._fields(value.kwargs, where)}
        if isinstance(value, Tasks):
            return {"type": "tasks", **self._fields(dict(value.items()), where)}
        if isinstance(value, Codec):
            layout = vars(value.layout)
            tasks = self.encode(value.tasks, f"{where}.tasks")
            return {"type": "codec", "tasks": tasks, **self._fields(layout, where)}
        if isinstance(value, HeadSpec):
            return {"type": "head", **self._fields(_described(value), where)}
        if isinstance(value, MultiTaskNet):
            return self._network(value, where)
        if type(value) in LOSSES.values():
            name = f"torch.nn.{type(value).__name__}"
            arguments = self._fields(loss_arguments(value), where)
            return {"type": "loss", "name": name, **arguments}
        if is_object(value):
            return self._estimator(value, where)
        if isinstance(value, type) or type(value).__name__ == "function":
            return {"type": "named", **self._name(value, where)}
        if type(value).__module__.startswith("pandas"):
            return self._pandas(value, where)
        raise _refusal(where, value)

    def _name(self, value: Any, where: str) -> dict[str, Any]:
        """Name a class or function, of which the user may have one of each name."""
        named = name_of(value, where)
        if "custom" not in named:
            return named
        # A function that comes back from another process is another object.
        if not same_value(self._own.setdefault(named["name"], value), value):
            raise InvalidParameterError(
                f"{where} is {short(value)}, and another class or function of the "
                f"estimator is called {named['name']!r} too: load could not tell them "
                "apart. Give one of them another name."
            )
        return named

    def _fields(self, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        fields = {
            name: self.encode(each, f"{where}.{name}") for name, each in values.items()
        }
        return {"fields": fields}

    def _estimator(self, value: Any, where: str) -> dict[str, Any]:
        params = _params(value, where)
        state = {name: each for name, each in vars(value).items() if name not in params}
        if isinstance(value, Callback):
            state = {}  # each training begins it anew
        if state.pop(_CALLBACKS, None):
            raise InvalidParameterError(
                f"{where} has callbacks, which cannot be saved. Take them away first: "
                "estimator.set_callbacks()."
            )
        for name in state:
            if name != _REQUESTS and not can_learn(type(value), name):
                raise InvalidParameterError(
                    f"{where} cannot be saved: its attribute {name!r} hides a method "
                    "or property of its class, or is no name."
                )
        record: dict[str, Any] = {"type": "object", **self._name(type(value), where)}
        requests = state.pop(_REQUESTS, None)
        if requests is not None:
            record["requests"] = {
                method: request.requests
                for method, request in vars(requests).items()
                if getattr(request, "requests", None)
            }
        record["params"] = self._fields(params, where)["fields"]
        record["state"] = self._fields(state, where)["fields"]
        return record

    def _network(self, net: MultiTaskNet, where: str) -> dict[str, Any]:
        prefix = f"network{len(self._numbers)}"
        for name, tensor in weights_of(net).items():
            if tensor.is_complex() and not _holds(tensor.dtype):
                raise InvalidParameterError(
                    f"{where} cannot be saved: its buffer {name!r} is of "
                    f"{tensor.dtype}, which files of this version of safetensors do "
                    "not hold. Make it of real numbers by torch.view_as_real, or use "
                    "joblib.dump: its files are for trusted readers only."
                )
            self.arrays[f"{prefix}.{name}"] = tensor.detach().cpu().numpy()
        params = structure(
            net.module__backbone, net.module__backbone_params, net.module_.backbone
        )
        made_of = {
            "tasks": net.tasks,
            "backbone": net.module__backbone,
            "backbone_params": params,
            "input_shape": tuple(net.module__input_shape),
            "heads": list(net.module__heads),
            "precision": net.precision.name,
            "batch_size": net.batch_size,
            "accumulate": net.accumulate,
            "lr": net.lr,
        }
        columns = getattr(net, "module__columns", None)  # not in older pickles
        if columns is not None:  # else the file is one for all versions
            made_of["columns"] = dict(columns)
        return {"type": "network", "weights": prefix, **self._fields(made_of, where)}

    def _pandas(self, value: Any, where: str) -> dict[str, Any]:
        import pandas

        if isinstance(value, pandas.CategoricalDtype) and value.categories is not None:
            labels = value.categories
            return {
                "type": "category",
                "items": self.encode(labels.to_numpy(), where),
                "dtype": self.encode(labels.dtype, where),
                "ordered": value.ordered,
            }
        if isinstance(value, pandas.api.extensions.ExtensionDtype):
            try:
                found = pandas.api.types.pandas_dtype(str(value))
            except (TypeError, NotImplementedError):  # pandas finds none of that name
                found = None
            if found == value:
                return {"type": "pandas", "name": str(value)}
        raise _refusal(where, value)


def _params(value: Any, where: str) -> dict[str, Any]:
    """Give what an object can be made of again."""
    if not isinstance(value, Callback):
        return value.get_params(deep=False)
    given = constructor_arguments(value)
    signature = inspect.signature(type(value))
    try:
        signature.bind(**given)
    except TypeError as error:
        raise InvalidParameterError(
            f"{where} is {short(value)}, a callback that cannot be saved: its "
            f"constructor does not keep its arguments as attributes of their "
            f"names ({error}). Set it to None first."
        ) from error
    return given


def _described(head: HeadSpec) -> dict[str, Any]:
    """Give what a head is built of again, but for what its task says."""
    own, linear = ("module", "params"), ("hidden", "dropout", "batch_norm")
    names = ("out_features", *(linear if head.module is None else own))
    return {name: getattr(trained_spec(head), name) for name in names}


def _is_column(value: Any) -> bool:
    """Tell whether pandas holds labels in it."""
    if not type(value).__module__.startswith("pandas"):
        return False
    import pandas

    kinds = pandas.Index | pandas.Series | pandas.api.extensions.ExtensionArray
    return isinstance(value, kinds)


def _holds(dtype: torch.dtype) -> bool:
    """Tell whether safetensors writes arrays of a type."""
    try:
        safetensors.numpy.save({"one": torch.zeros(1, dtype=dtype).numpy()})
    except safetensors.SafetensorError:
        return False
    return True


def _refusal(where: str, value: Any) -> InvalidParameterError:
    return InvalidParameterError(
        f"{where} cannot be saved: it is {short(value)}. Saved are numbers, strings, "
        "arrays, what mtlearn has itself, and functions and classes that load can be "
        "given by name. Set it to something else first, or use joblib.dump: its files "
        "are for trusted readers only."
    )
