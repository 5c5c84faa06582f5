"""Weights in files that hold numbers and nothing that could run."""

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from mtlearn.exceptions import NetworkError, ParameterTypeError
from mtlearn.networks._filling import is_filling

_MAX_NAMES = 5


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


def load_weights(module: nn.Module, path: str | os.PathLike[str]) -> None:
    """Read the weights and buffers of a module from a safetensors file.

    Parameters
    ----------
    module : torch.nn.Module
        Gets the values in place. It keeps its types, devices and order of memory:
        floats of another precision are cast.
    path : str or path-like
        A file as `save_weights` writes it, of a module with the same layers. It is not
        read, and need not be there, in the constructor of a backbone that `load`,
        `pickle` or `joblib` builds again: its trained weights follow.

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
    tensors = _read(path)
    differences = _differences(_state(module), tensors)
    if differences:
        raise NetworkError(
            f"The weights in {str(path)!r} do not fit {type(module).__name__}: "
            f"{'; '.join(differences)}. Build the module with the parameters of the "
            "one that was saved."
        )
    module.load_state_dict(tensors)


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


def _read(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a file."""
    try:
        return safetensors.load(Path(path).read_bytes())
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
