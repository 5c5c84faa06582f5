"""Which values of X are black and white."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch

from mtlearn._utils._imagenet import IMAGENET
from mtlearn._utils._short import short
from mtlearn.exceptions import InvalidDataError, InvalidParameterError

# One number for all channels, or one for each.
End = float | tuple[float, ...]
ValueRange = Literal["imagenet"] | tuple[End, End]

UNIT: tuple[float, float] = (0.0, 1.0)


def check_value_range(value: Any, owner: str) -> None:
    """Raise unless a value says which values are black and white.

    Parameters
    ----------
    value : object
        What the user gave.
    owner : str
        What the parameter belongs to, for the message.

    Raises
    ------
    InvalidParameterError
        If it is neither "imagenet" nor a pair of ends, the second one above.
    """
    if isinstance(value, str) and value == "imagenet":
        return
    try:
        low, high = (np.asarray(end) for end in value)
        is_pair = not isinstance(value, str | dict | set)
    except (TypeError, ValueError):
        is_pair = False
    if not (is_pair and _is_end(low) and _is_end(high) and _is_above(high, low)):
        raise InvalidParameterError(
            f"The 'value_range' parameter of {owner} must be 'imagenet' or a pair "
            "(low, high) of what is black and white, such as (0.0, 1.0): finite "
            "numbers, or one for each channel, each high above its low. "
            f"Got {short(value)} instead."
        )


def _is_end(end: np.ndarray) -> bool:
    is_number = end.dtype.kind in "iuf" and end.ndim <= 1 and end.size > 0
    return bool(is_number and np.isfinite(end).all())


def _is_above(high: np.ndarray, low: np.ndarray) -> bool:
    sizes = {end.size for end in (low, high) if end.ndim}
    return len(sizes) <= 1 and bool((high > low).all())


def change_in_range(
    x: torch.Tensor,
    value_range: ValueRange,
    owner: str,
    change: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Change images that are scaled to black at 0 and white at 1, and scale back.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    value_range : "imagenet" or (low, high)
        What is black and white in them.
    owner : str
        What the range belongs to, for the message.
    change : callable
        Maps the scaled images to changed ones.

    Returns
    -------
    tensor of shape (n, c, h, w)
        The changed images.

    Raises
    ------
    InvalidDataError
        If the range is one for each channel, of another number of channels.
    """
    if _is_unit(value_range):
        return change(x)
    low, span = low_and_span(x, value_range, owner)
    return low + span * change((x - low) / span)


def _is_unit(value_range: ValueRange) -> bool:
    """Tell whether nothing is to be scaled, so that not a bit changes."""
    return all(map(np.array_equal, value_range, UNIT))


def low_and_span(
    x: torch.Tensor, value_range: ValueRange, owner: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the black of images and how far white lies from it.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    value_range : "imagenet" or (low, high)
        What is black and white in them.
    owner : str
        What the range belongs to, for the message.

    Returns
    -------
    low, span : tensor of shape (1 or c, 1, 1)
        With the dtype and on the device of the images.

    Raises
    ------
    InvalidDataError
        If the range is one for each channel, of another number of channels.
    """
    if value_range == "imagenet":
        mean, deviation = np.array(IMAGENET["mean"]), np.array(IMAGENET["std"])
        if x.shape[1] == 1:
            mean, deviation = mean.mean(), deviation.mean()
        low, high = -mean / deviation, (1 - mean) / deviation
    else:
        low, high = (np.asarray(end, dtype=np.float64) for end in value_range)
    low, span = (each.reshape(-1, 1, 1) for each in (low, high - low))
    n_channels = max(len(low), len(span))
    if n_channels not in (1, x.shape[1]):
        raise InvalidDataError(
            f"The 'value_range' of {owner} has {n_channels} values for black and for "
            f"white, one for each channel. Got images with {x.shape[1]}: give one "
            "number for all channels, or one for each of these."
        )
    return torch.from_numpy(low).to(x), torch.from_numpy(span).to(x)


def check_values(x: torch.Tensor, value_range: ValueRange, owner: str) -> None:
    """Raise where images have values far from what is black and white.

    A little beyond may be noise, and is clipped; half of the range is another range.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    value_range : "imagenet" or (low, high)
        What is black and white in them.
    owner : str
        What changes them, for the message.

    Raises
    ------
    InvalidDataError
        If values lie beyond by more than half of the range.
    """
    if not x.numel():
        return
    low, span = (each.flatten() for each in low_and_span(x, value_range, owner))
    darkest = ((x.amin((0, 2, 3)) - low) / span).min()
    brightest = ((x.amax((0, 2, 3)) - low) / span).max()
    if darkest < -0.5 or brightest > 1.5:
        raise InvalidDataError(
            f"The 'value_range' of {owner} must be what is black and white in X. With "
            f"{short(value_range)}, the values of this batch, from {x.min():.4g} to "
            f"{x.max():.4g}, lie far beyond: give (0, 255) for bytes, 'imagenet' for "
            "ImageNet's means and deviations, or (low, high) of your own."
        )
