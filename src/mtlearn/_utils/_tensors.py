"""Arrays of tensors, with an error where numbers would be lost on the way."""

from typing import Any

import numpy as np
import torch

from mtlearn.exceptions import DataTypeError, InvalidDataError


def as_array(value: Any, name: str) -> np.ndarray:
    """Return what numpy makes of a value, also where that is a tensor.

    Parameters
    ----------
    value : object
        What the user gave, or an element of it.
    name : str
        An expression for it, such as ``"X"`` or ``"X[3]"``, for messages.

    Returns
    -------
    ndarray
        Without a copy where there need be none. Types of 8 and 16 bits that numpy does
        not have, such as bfloat16, are float32, which holds their values exactly.

    Raises
    ------
    InvalidDataError, DataTypeError
        If a tensor requires a gradient, is on another device, or is sparse.
    """
    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    if value.requires_grad:
        raise InvalidDataError(
            f"{name} is a tensor that requires a gradient, which would be lost. Pass "
            f"{name}.detach()."
        )
    if value.layout != torch.strided:
        raise DataTypeError(f"{name} is a sparse tensor. Pass {name}.to_dense().")
    if value.device.type != "cpu":
        raise DataTypeError(
            f"{name} is a tensor on the device {value.device}, and must be one in the "
            f"computer's memory, out of which batches are taken. Pass {name}.cpu()."
        )
    if value.is_floating_point() and value.itemsize < 4 and value.dtype != torch.half:
        value = value.float()
    return value.resolve_conj().resolve_neg().numpy()


def without_tensors(value: Any, name: str) -> Any:
    """Return a tensor as an array, a list of some as one of arrays, all else as it is.

    Parameters
    ----------
    value, name : object
        As in `as_array`.

    Returns
    -------
    object
        See `as_array`.
    """
    if isinstance(value, torch.Tensor):
        return as_array(value, name)
    if isinstance(value, list | tuple):
        return [
            as_array(each, f"{name}[{index}]")
            if isinstance(each, torch.Tensor)
            else each
            for index, each in enumerate(value)
        ]
    return value
