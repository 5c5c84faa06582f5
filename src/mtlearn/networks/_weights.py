"""Weights in files that hold numbers and nothing that could run."""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from mtlearn.exceptions import NetworkError, ParameterTypeError
from mtlearn.networks._filling import is_filling

_MAX_NAMES = 5
# What checkpoints call their weights beside an optimiser's state.
_INSIDE = ("state_dict", "model_state_dict", "model")
# What torch.nn.DataParallel and torch.compile put before each name.
_WRAPPERS = ("_orig_mod.", "module.")


def save_weights(module: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write the weights and buffers of a module to a safetensors file.

    Parameters
    ----------
    module : torch.nn.Module
        The module, on any device and in any order of memory.
    path : str or path-like
        Where to; a file that is there is overwritten.

    Raises
    ------
    ParameterTypeError
        If it is no module.
    NetworkError
        If a part of the module's state has no values yet, or is not a tensor.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from mtlearn.networks import MLP, load_weights, save_weights
    >>> trained, other = MLP(3, hidden=(2,)), MLP(3, hidden=(2,))
    >>> with TemporaryDirectory() as folder:
    ...     save_weights(trained, Path(folder) / "mlp.safetensors")
    ...     load_weights(other, Path(folder) / "mlp.safetensors")
    >>> other.layers[0].weight.equal(trained.layers[0].weight)
    True
    """
    # Copies: the format knows neither orders of memory nor weights that are shared.
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in _state(module).items()
    }
    Path(path).write_bytes(safetensors.save(tensors))


def load_weights(
    module: nn.Module,
    path: str | os.PathLike[str],
    *,
    prefix: str = "",
    skip: str | Sequence[str] = (),
) -> None:
    """Read the weights and buffers of a module from a file.

    Parameters
    ----------
    module : torch.nn.Module
        Gets the values in place. It keeps its types, devices and order of memory:
        floats of another precision are cast.
    path : str or path-like
        A safetensors file, as `save_weights` writes it, or a checkpoint of
        `torch.save`, of which only tensors are read; of a module with the same
        layers. In a checkpoint, the weights may lie under ``"state_dict"``,
        ``"model_state_dict"`` or ``"model"``, and their names may all begin with
        ``"module."``. It is not read, and need not be there, in the constructor of a
        backbone that `load`, `pickle` or `joblib` builds again: its trained weights
        follow.
    prefix : str, default=""
        What the names of the module's weights begin with in the file, such as
        ``"backbone."``. Others in the file are left out.
    skip : str or sequence of str, default=()
        Beginnings of names, without the prefix. Such weights are not read, and those
        of the module stay as they are.

    Raises
    ------
    ParameterTypeError
        If it is no module.
    NetworkError
        If the file cannot be read, or does not fit the module. No weight has been
        changed then.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from mtlearn.networks import MLP, load_weights, save_weights
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mlp.safetensors"
    ...     save_weights(MLP(3, hidden=(2,)), path)
    ...     load_weights(MLP(4, hidden=(2,)), path)
    Traceback (most recent call last):
    mtlearn.exceptions.NetworkError: The weights in '...mlp.safetensors' do not fit
    MLP: layers.0.weight has shape (2, 3) instead of (2, 4). ...
    """
    if is_filling():
        return
    fill(module, read_weights(path, prefix), f"in {str(path)!r}", skip)


def fill(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    where: str,
    skip: str | Sequence[str] = (),
) -> None:
    """Give a module weights, all that it has but for what is to be skipped.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    tensors : mapping of str to Tensor
        Weights and buffers by name.
    where : str
        Where they are from, for the message.
    skip : str or sequence of str, default=()
        Beginnings of names.

    Raises
    ------
    NetworkError
        If they do not fit. No weight has been changed then.
    """
    starts = tuple(each for each in ([skip] if isinstance(skip, str) else skip) if each)
    found = {k: v for k, v in tensors.items() if not k.startswith(starts)}
    state = _state(module)
    expected = {k: v for k, v in state.items() if not k.startswith(starts)}
    differences = _differences(expected, found)
    if differences:
        raise NetworkError(
            f"The weights {where} do not fit {type(module).__name__}: "
            f"{'; '.join(differences)}. Build the module with the parameters of the "
            "one that was saved."
        )
    module.load_state_dict({**state, **found})


def _state(module: nn.Module) -> dict[str, Tensor]:
    """Return the state of a module, all of which must be tensors with values."""
    if not isinstance(module, nn.Module):
        raise ParameterTypeError(
            f"Weights are those of a torch.nn.Module. Got {type(module).__name__} "
            "instead. For the backbone of an estimator, pass "
            "estimator.net_.module_.backbone."
        )
    state = module.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor) or is_lazy(value):
            raise NetworkError(
                f"The weights of {type(module).__name__} must be tensors with values. "
                f"Got {type(value).__name__} for {name!r} instead. Lazy modules need "
                "one forward pass first."
            )
    return state


def read_weights(path: str | os.PathLike[str], prefix: str = "") -> dict[str, Tensor]:
    """Read the tensors of a file, those whose names begin with a prefix.

    Parameters
    ----------
    path : str or path-like
        A safetensors file or a checkpoint of `torch.save`.
    prefix : str, default=""
        Taken from the names.

    Returns
    -------
    dict of str to Tensor
        By name, on the CPU.

    Raises
    ------
    NetworkError
        If the file cannot be read, or has none of that prefix.
    """
    tensors = _read(path)
    found = {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    if prefix and not found:
        raise NetworkError(
            f"No name in the file of weights {str(path)!r} begins with the prefix "
            f"{prefix!r}. There are {_shortened(list(tensors))}."
        )
    return found


def _read(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a file."""
    try:
        content = Path(path).read_bytes()
        # Zip archives, and the pickles of torch before 1.6.
        if content.startswith((b"PK", b"\x80")) and content[8:9] != b"{":
            return _of_checkpoint(content, path)
        return safetensors.load(content)
    except (OSError, TypeError) as error:
        raise NetworkError(
            f"The file of weights {str(path)!r} cannot be read: {error}. Give the "
            "path of a file that save_weights has written."
        ) from error
    except SafetensorError as error:
        raise NetworkError(
            f"The file {str(path)!r} must be a whole file in the safetensors format, "
            f"as save_weights writes it. It cannot be read: {error}"
        ) from error


def _of_checkpoint(content: bytes, path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the weights in a checkpoint of torch, nothing of which is run."""
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise NetworkError(
            f"The checkpoint {str(path)!r} cannot be read as one of tensors alone: "
            f"{str(error).splitlines()[0]}"
        ) from error
    if isinstance(found, Mapping):
        inside = [found[key] for key in _INSIDE if isinstance(found.get(key), Mapping)]
        found = inside[0] if inside else found
    if not isinstance(found, Mapping) or not all(
        isinstance(each, Tensor) for each in found.values()
    ):
        raise NetworkError(
            f"The checkpoint {str(path)!r} must hold weights by their names, as "
            "torch.save(module.state_dict(), path) writes them, alone or under one of "
            f"{', '.join(map(repr, _INSIDE))}. Got {type(found).__name__} instead."
        )
    for start in _WRAPPERS:
        if found and all(name.startswith(start) for name in found):
            found = {name.removeprefix(start): each for name, each in found.items()}
    return dict(found)


def _differences(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> list[str]:
    """Say in what the tensors of a file are not those of a module."""
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    both = [name for name in expected if name in found]
    shapes = [
        f"{name} has shape {tuple(found[name].shape)} instead of "
        f"{tuple(expected[name].shape)}"
        for name in both
        if found[name].shape != expected[name].shape
    ]
    types = [
        f"{name} is of {found[name].dtype} instead of {expected[name].dtype}"
        for name in both
        if not _fits(found[name].dtype, expected[name].dtype)
    ]
    parts = [("missing: ", missing), ("unexpected: ", unexpected)]
    parts += [("", shapes), ("", types)]
    return [start + _shortened(texts) for start, texts in parts if texts]


def _fits(found: torch.dtype, expected: torch.dtype) -> bool:
    """Tell whether one type is another, or a float of another precision."""
    both_floats = found.is_floating_point and expected.is_floating_point
    return found == expected or both_floats


def _shortened(texts: list[str]) -> str:
    """Join texts, but for those beyond the first few."""
    more = len(texts) - _MAX_NAMES
    shown = ", ".join(sorted(texts)[:_MAX_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown
