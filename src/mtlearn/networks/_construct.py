"""From a class and arguments to a module, whoever has written it."""

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from mtlearn.exceptions import MissingDependencyError, NetworkError
from mtlearn.networks._cast import cast_module
from mtlearn.networks._float32 import InFloat32
from mtlearn.networks._memory import raise_if_out_of_memory
from mtlearn.networks._registry import architecture, is_registered
from mtlearn.networks._weights import load_weights


def construct(
    cls: type[nn.Module],
    params: Mapping[str, Any],
    known: Mapping[str, Any],
    dtype: torch.dtype,
    what: str,
    shape: tuple[int, ...],
    *,
    outline: bool = False,
) -> nn.Module:
    """Call a constructor, with what is known where it asks for it.

    Parameters
    ----------
    cls : subclass of torch.nn.Module
        A backbone or a head.
    params : mapping of str to object
        Arguments of the user's.
    known : mapping of str to object
        Arguments that the constructor gets if it has parameters of these names, which
        `params` leaves out.
    dtype : torch.dtype
        What the network computes in.
    what : str
        What is built, for messages.
    shape : tuple of int
        Shape of one sample, for messages.
    outline : bool, default=False
        Whether no file of weights is read.

    Returns
    -------
    torch.nn.Module
        In that type.

    Raises
    ------
    NetworkError
        If it cannot be built, or has complex weights.
    MissingDependencyError
        If it needs a package that is not installed.
    """
    accepted = inspect.signature(cls).parameters
    found = {name: value for name, value in known.items() if name in accepted}
    arguments = {**found, **architecture(cls, params)}
    try:
        # Code of the user's may mean torch's default type, and mix it with others.
        with InFloat32() if is_registered(cls) else nullcontext():
            built = cls(**arguments)
    except MissingDependencyError:  # which says what to install
        raise
    except Exception as error:
        raise_if_out_of_memory(error)
        raise NetworkError(
            f"{what} could not be built for samples of shape {shape}, from the "
            f"arguments {sorted(arguments)}: {error}"
        ) from error
    for name, weight in built.named_parameters():
        if weight.is_complex():
            raise NetworkError(
                f"{what} has the complex weight {name!r}, "
                "and weights must be real. Make it of torch.view_as_real(weight), and "
                "call torch.view_as_complex in forward. Buffers may be complex."
            )
    cast_module(built, dtype)
    if not outline and params.get("weights") is not None and "weights" not in arguments:
        # Not by the constructor: the cast would come after it, and weights be rounded.
        load_weights(built, params["weights"])
    return built
