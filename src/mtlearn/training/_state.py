"""All that training goes on from, between two epochs."""

import random
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from skorch.callbacks import LRScheduler
from torch import Tensor

from mtlearn._utils._plain import PlainDecoder, PlainEncoder
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError, ModelFormatError
from mtlearn.training._learned import load_weights_of, parameters_of, weights_of
from mtlearn.training._parameters import is_handle, learned_attributes

_DICTS: dict[type, str] = {dict: "dict", OrderedDict: "ordered", Counter: "counter"}


class StateEncoder(PlainEncoder):
    """Turns a state into JSON, with its tensors beside it."""

    def encode(self, value: Any, where: str) -> Any:
        """Encode a value; see `PlainEncoder`."""
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            # Before what is plain: float64 is a float too, and rounds as itself.
            item = super().encode(value.item(), where)
            return {"type": "scalar", "dtype": value.dtype.str, "value": item}
        inexact = isinstance(value, int | float | str | list | tuple | set)
        if inexact and type(value) not in (bool, int, float, str, list, tuple, set):
            raise _refusal(value, where)  # it would come back as another type
        return super().encode(value, where)

    def _kind(self, value: dict[Any, Any], where: str) -> str:
        if type(value) not in _DICTS:
            raise _refusal(value, where)
        return _DICTS[type(value)]

    def _other(self, value: Any, where: str) -> Any:
        if isinstance(value, Tensor) and value.layout is torch.strided:
            whole = value.detach().cpu().contiguous()
            # An optimiser's state must lie in memory as its weights do; a part of
            # something larger lies for itself.
            laid = value if _is_dense(value.shape, value.stride()) else whole
            name = self._beside(whole.clone())
            return {"type": "tensor", "name": name, "stride": list(laid.stride())}
        if type(value) in (np.ndarray, np.memmap) and value.dtype.kind in "biuf":
            # As bytes: not every version of safetensors has all of numpy's types.
            flat = np.array(value).reshape(-1).view(np.uint8)
            name = self._beside(torch.from_numpy(flat))
            shape = list(value.shape)
            return {
                "type": "array",
                "name": name,
                "dtype": value.dtype.str,
                "shape": shape,
            }
        if isinstance(value, PurePath):
            return {"type": "path", "text": str(value)}
        if type(value) is deque:
            items = self._items(value, where)
            return {"type": "deque", "items": items, "maxlen": value.maxlen}
        return self._generator(value, where)

    def _generator(self, value: Any, where: str) -> Any:
        """Encode a generator of random numbers."""
        if isinstance(value, torch.Generator) and value.device.type == "cpu":
            state: Any = value.get_state()
        elif isinstance(value, np.random.RandomState):
            state = value.get_state()
        elif isinstance(value, np.random.Generator):
            state = value.bit_generator.state
        elif type(value) is random.Random:
            state = value.getstate()
        else:
            raise _refusal(value, where)
        record = self.encode(state, where)
        return {"type": "generator", "kind": type(value).__name__, "state": record}


def _refusal(value: Any, where: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"{where} is {short(value)}, which no checkpoint can hold. Give its callback a "
        "state_dict() of numbers, strings and tensors and a load_state_dict(state)"
        ", or set checkpoint_dir=None."
    )


class StateDecoder(PlainDecoder):
    """Makes a state of what a `StateEncoder` has written."""

    def _makers(self) -> dict[str, Callable[[Any], Any]]:
        return {
            **super()._makers(),
            "tensor": self._tensor,
            "array": lambda record: (
                self.arrays[record["name"]]
                .numpy()
                .view(record["dtype"])
                .reshape(record["shape"])
            ),
            "scalar": lambda record: np.dtype(record["dtype"]).type(
                self.decode(record["value"])
            ),
            "ordered": lambda record: OrderedDict(self._pairs(record)),
            "counter": lambda record: Counter(dict(self._pairs(record))),
            "deque": lambda record: deque(
                self.decode(record["items"]), record["maxlen"]
            ),
            "path": lambda record: Path(record["text"]),
            "generator": self._generator,
        }

    def _tensor(self, record: dict[str, Any]) -> Tensor:
        tensor, stride = self.arrays[record["name"]], record["stride"]
        if not _is_dense(tensor.shape, stride):
            raise ModelFormatError(f"a tensor of it has the strides {stride}")
        return torch.empty_strided(tensor.shape, stride, dtype=tensor.dtype).copy_(
            tensor
        )

    def _generator(self, record: dict[str, Any]) -> Any:
        kind, state = record["kind"], self.decode(record["state"])
        made: Any
        if kind == "Generator" and isinstance(state, dict):
            bits = vars(np.random).get(state["bit_generator"])
            if not (
                isinstance(bits, type) and issubclass(bits, np.random.BitGenerator)
            ):
                raise ModelFormatError("a generator of it is none of NumPy's")
            made = np.random.Generator(bits())
            made.bit_generator.state = state
            return made
        if kind == "Random":
            made = random.Random()
            made.setstate(state)
            return made
        made = torch.Generator() if kind == "Generator" else np.random.RandomState()
        made.set_state(state)
        return made


def _is_dense(shape: Sequence[int], stride: Sequence[int]) -> bool:
    """Tell whether a tensor fills its memory, in whatever order of its axes."""
    if 0 in shape:
        return True
    filled = 1
    for step, size in sorted(zip(stride, shape, strict=True)):
        if size > 1 and step != filled:
            return False
        filled *= size
    return True


def state_of(net: Any) -> dict[str, Any]:
    """Give the state of a net after an epoch.

    Parameters
    ----------
    net : MultiTaskNet
        In training.

    Returns
    -------
    dict
        Weights, optimiser, generators, history and callbacks; not copied.
    """
    weights = parameters_of(net).items()
    return {
        "weights": weights_of(net),
        "frozen": [name for name, value in weights if not value.requires_grad],
        "optimizer": net.optimizer_.state_dict(),
        "scaler": net.scaler_.state_dict(),
        "balancing": None if net.balance_ is None else net.balance_.state.state_dict(),
        "generators": {
            "network": net.randomness_.state(),
            "order": net.generator_.get_state(),
            "changes": net.change_generator_.get_state(),
            "aggregation": net.aggregation_generator_.get_state(),
        },
        "history": [
            {key: value for key, value in row.items() if key != "batches"}
            for row in net.history
        ],
        "callbacks": {
            name: _callback_state(each, net) for name, each in net.callbacks_
        },
    }


def restore_state(net: Any, state: dict[str, Any]) -> None:
    """Bring a net to a state, with callbacks that have begun their training.

    Parameters
    ----------
    net : MultiTaskNet
        Made of the same parameters as the one that `state_of` was given.
    state : dict
        From `state_of`.
    """
    load_weights_of(net, state["weights"])
    for name, weights in parameters_of(net).items():
        weights.requires_grad_(name not in state["frozen"])
    net.optimizer_.load_state_dict(state["optimizer"])
    if net.scaler_.is_enabled():
        net.scaler_.load_state_dict(state["scaler"])
    if net.balance_ is not None:
        net.balance_.state.load_state_dict(state["balancing"])
    generators = state["generators"]
    net.randomness_.load_state(generators["network"])
    net.generator_.set_state(generators["order"])
    net.change_generator_.set_state(generators["changes"])
    net.aggregation_generator_.set_state(generators["aggregation"])
    # In the place of what a LoadInitState may have brought back.
    net.history[:] = [{**row, "batches": []} for row in state["history"]]
    for name, callback in net.callbacks_:
        if name in state["callbacks"]:  # all but what shows progress
            _restore_callback(callback, state["callbacks"][name])


def _callback_state(callback: Any, net: Any) -> Any:
    """Give what a callback says is its state, or all that it has not been given."""
    if hasattr(callback, "state_dict"):
        return callback.state_dict()
    parts = net, net.module_, net.criterion_, net.optimizer_, net.history
    state = {
        name: value
        for name, value in learned_attributes(callback).items()
        if not (is_handle(value) or any(value is part for part in parts))
    }
    if isinstance(callback, LRScheduler):
        state.pop("policy_", None)  # as it was given
        state["lr_scheduler_"] = callback.lr_scheduler_.state_dict()
    return state


def _restore_callback(callback: Any, state: Any) -> None:
    if hasattr(callback, "load_state_dict"):
        callback.load_state_dict(state)
        return
    if isinstance(callback, LRScheduler):
        callback.lr_scheduler_.load_state_dict(state.pop("lr_scheduler_"))
    vars(callback).update(state)
