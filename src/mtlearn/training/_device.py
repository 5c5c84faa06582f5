"""Where to compute."""

from typing import Any

import torch

from mtlearn.exceptions import InvalidParameterError


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
        The device.

    Raises
    ------
    InvalidParameterError
        If torch knows no such device, or it is not there.
    """
    if isinstance(value, str) and value == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(value)
    except (RuntimeError, TypeError) as error:
        raise InvalidParameterError(
            f"The 'device' parameter of {owner} must be 'auto' or a torch device such "
            f"as 'cpu' or 'cuda:0'. Got {value!r} instead."
        ) from error
    try:
        # Only a device that is there, and holds numbers, gives one back.
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidParameterError(
            f"The 'device' parameter of {owner} is {value!r}, which torch cannot use "
            f"here: {str(error).partition(chr(10))[0]} Use 'auto' or 'cpu'."
        ) from error
    return device
