"""All that training goes on from, between two epochs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from skorch.callbacks import LRScheduler
from torch import Tensor

from mtlearn._utils._plain import PlainDecoder, PlainEncoder
from mtlearn.exceptions import InvalidParameterError, ModelFormatError
from mtlearn.training._learned import load_weights_of, parameters_of, weights_of


class StateEncoder(PlainEncoder):
    """Turns a state into JSON, with its tensors beside it."""

    def _other(self, value: Any, where: str) -> Any:
        if isinstance(value, Tensor):
            # An optimiser's state must lie in memory as its weights do.
            name = self._beside(value.detach().cpu().contiguous().clone())
            return {"type": "tensor", "name": name, "stride": list(value.stride())}
        if isinstance(value, np.generic):
            return self.encode(value.item(), where)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            name = self._beside(torch.from_numpy(np.array(value)))
            return {"type": "array", "name": name}
        raise InvalidParameterError(
            f"{where} is {value!r}, which no checkpoint can hold. Give its callback a "
            "state_dict() of numbers, strings and tensors and a load_state_dict(state)"
            ", or set checkpoint_dir=None."
        )


class StateDecoder(PlainDecoder):
    """Makes a state of what a `StateEncoder` has written."""

    def _makers(self) -> dict[str, Callable[[Any], Any]]:
        return {
            **super()._makers(),
            "tensor": self._tensor,
            "array": lambda record: self.arrays[record["name"]].numpy(),
        }

    def _tensor(self, record: dict[str, Any]) -> Tensor:
        tensor, stride = self.arrays[record["name"]], record["stride"]
        ends = [(n - 1) * step for n, step in zip(tensor.shape, stride, strict=True)]
        if min(stride, default=0) < 0 or sum(ends) >= max(1, tensor.numel()):
            raise ModelFormatError(f"a tensor of it has the strides {stride}")
        return torch.empty_strided(tensor.shape, stride, dtype=tensor.dtype).copy_(
            tensor
        )


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
        "generators": {
            "network": net.randomness_.state(),
            "order": net.generator_.get_state(),
            "changes": net.change_generator_.get_state(),
        },
        "history": [
            {key: value for key, value in row.items() if key != "batches"}
            for row in net.history
        ],
        "callbacks": {name: _callback_state(each) for name, each in net.callbacks_},
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
    generators = state["generators"]
    net.randomness_.load_state(generators["network"])
    net.generator_.set_state(generators["order"])
    net.change_generator_.set_state(generators["changes"])
    net.history.extend({**row, "batches": []} for row in state["history"])
    for name, callback in net.callbacks_:
        if name in state["callbacks"]:  # all but what shows progress
            _restore_callback(callback, state["callbacks"][name])


def _callback_state(callback: Any) -> Any:
    """Give what a callback says is its state, or all that it has not been given."""
    if isinstance(callback, LRScheduler):
        return callback.lr_scheduler_.state_dict(), callback.batch_idx_
    if hasattr(callback, "state_dict"):
        return callback.state_dict()
    params = callback.get_params(deep=False)
    return {name: each for name, each in vars(callback).items() if name not in params}


def _restore_callback(callback: Any, state: Any) -> None:
    if isinstance(callback, LRScheduler):
        callback.lr_scheduler_.load_state_dict(state[0])
        callback.batch_idx_ = state[1]
    elif hasattr(callback, "load_state_dict"):
        callback.load_state_dict(state)
    else:
        vars(callback).update(state)
