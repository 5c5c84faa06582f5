"""A device in Python: it computes on the processor, and mixes with nothing from there.

A tensor on it wraps one of the processor. An operation on both fails, as it does on a
GPU, and only what is copied comes back. It is slow, and torch calls what it is made
with experimental: it runs on demand, where there is no GPU.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest import mock

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import mtlearn.data._batches
import mtlearn.estimators._settings
from mtlearn.data import _inputs
from mtlearn.training import Randomness

NAME = "second"
_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(NAME, 0)
_ATEN = torch.ops.aten
_COPIES = {_ATEN._to_copy.default, _ATEN.copy_.default}
# A GPU takes the places of what is indexed from the processor too.
_INDEXING = {_ATEN.index.Tensor, _ATEN.index_put_.default}


class There(torch.Tensor):
    """A tensor on the device, around one of the processor."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def tolist(self):
        return self.inner.tolist()


class Everywhere(TorchDispatchMode):
    """Looks at all operations of a thread: some make tensors on the device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _is_second(device):
    return device is not None and torch.device(device).type == NAME


def _inner(value):
    return value.inner if isinstance(value, There) else value


def _run(func, args, kwargs):
    """Run an operation on the processor, and wrap what it returns."""
    leaves = tree_leaves((args, kwargs))
    tensors = [each for each in leaves if isinstance(each, torch.Tensor)]
    wrapped = [each for each in tensors if isinstance(each, There)]
    _refuse_mixtures(func, tensors, wrapped)
    asked = kwargs.get("device")
    if _is_second(asked):
        kwargs = {**kwargs, "device": torch.device("cpu")}
    plain_args, plain = tree_map(_inner, (args, kwargs))
    result = func(*plain_args, **plain)
    if func is _ATEN._to_copy.default and result is plain_args[0]:
        result = result.clone()
    if func._schema.name.endswith("_") and isinstance(result, torch.Tensor):
        return args[0]  # in place
    if not (_is_second(asked) if asked is not None else wrapped):
        return result
    known = {id(each.inner): each for each in wrapped}

    def wrap(value):
        if not isinstance(value, torch.Tensor):
            return value
        return known.get(id(value)) if id(value) in known else There(value)

    return tree_map(wrap, result)


def _refuse_mixtures(func, tensors, wrapped):
    if not wrapped or func in _COPIES or func in _INDEXING:
        return
    if any(each.ndim and not isinstance(each, There) for each in tensors):
        raise RuntimeError(f"{func} has tensors of the processor and of the device")


def _in_two_steps(make):
    """Let torch make a tensor on the processor and copy it: it knows no other way."""

    def made(data, *args, device=None, **kwargs):
        if not _is_second(device):
            return make(data, *args, device=device, **kwargs)
        if isinstance(data, There):
            return data.to(**kwargs)
        return make(data, *args, device="cpu", **kwargs).to(device)

    return made


def _new_tensor(self, data, **kwargs):
    return torch.tensor(data, **{"dtype": self.dtype, "device": self.device, **kwargs})


def _begin(self, seed, device):
    kinds = {"cpu", torch.device(device).type}
    self.generators = {kind: torch.Generator().manual_seed(seed) for kind in kinds}
    self.draws_again = False


def _choose(choose):
    def chosen(samples, dtype, device, again):
        if device.type != NAME:
            return choose(samples, dtype, device, again)
        is_array = isinstance(samples.X, np.ndarray)
        stays = again and is_array and _inputs._fits(samples, dtype, device)
        kind = _inputs.ResidentInputs if stays else _inputs.AheadInputs
        return kind(samples, dtype, device)

    return chosen


def _without_inference(mode=True):
    """Give what a tensor around another one can live in."""
    return torch.no_grad() if mode else nullcontext()


def _resolve(resolve):
    return lambda value, owner: DEVICE if value == NAME else resolve(value, owner)


@contextmanager
def second_device() -> Iterator[str]:
    """Let there be the device, which `device="second"` asks for, in all threads."""
    run = threading.Thread.run

    def run_there(thread):
        with Everywhere():
            run(thread)

    settings, batches = mtlearn.estimators._settings, mtlearn.data._batches
    changed = [
        (settings, "resolve_device", _resolve(settings.resolve_device)),
        (batches, "choose_inputs", _choose(batches.choose_inputs)),
        (_inputs, "free_memory", lambda device: 2**30),
        (Randomness, "__init__", _begin),
        (threading.Thread, "run", run_there),
        (torch, "tensor", _in_two_steps(torch.tensor)),
        (torch, "as_tensor", _in_two_steps(torch.as_tensor)),
        (torch.Tensor, "new_tensor", _new_tensor),
        (torch, "inference_mode", _without_inference),
    ]
    patches = [mock.patch.object(*each) for each in changed]
    for patch in patches:
        patch.start()
    try:
        with Everywhere():
            yield NAME
    finally:
        for patch in reversed(patches):
            patch.stop()
