"""Where to compute."""

from typing import Any

import torch

from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidParameterError

# A kind that is not here lacks what training needs: Apple's "mps" has no float64.
_KINDS = ("cpu", "cuda")


def resolve_device(value: Any, owner: str) -> torch.device:
    """Return the device that a user named.

    Parameters
    ----------
    value : str or torch.device
        ``"auto"`` takes a CUDA device if there is one, else the CPU.
    owner : str
        The estimator, for the message.

    Returns
    -------
    torch.device
        The CPU, or a CUDA device with its index: without one it would be another
        device in a thread, which has a current device of its own.

    Raises
    ------
    InvalidParameterError
        If torch knows no such device, it is of a kind that is not supported, or it
        is not there.
    """
    if isinstance(value, str) and value == "auto":
        value = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(value)
    except (RuntimeError, TypeError) as error:
        raise InvalidParameterError(
            f"The 'device' parameter of {owner} must be 'auto' or a torch device such "
            f"as 'cpu' or 'cuda:0'. Got {short(value)} instead."
        ) from error
    if device.type not in _KINDS:
        raise InvalidParameterError(
            f"The 'device' parameter of {owner} is {value!r}, and networks are trained "
            f"on processors and CUDA devices only, not on {device.type!r}. Use 'auto', "
            "'cpu' or 'cuda'."
        )
    try:
        # Only a device that is there gives a number back.
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise InvalidParameterError(
            f"The 'device' parameter of {owner} is {value!r}, which torch cannot use "
            f"here: {str(error).partition(chr(10))[0]} Use 'auto' or 'cpu'."
        ) from error
    if device.type == "cpu":
        return torch.device("cpu")
    index = torch.cuda.current_device() if device.index is None else device.index
    return torch.device("cuda", index)
