"""In which order in memory a network of images computes."""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtlearn.exceptions import NetworkError
from mtlearn.networks._features import OfTask, mapped
from mtlearn.networks._memory import raise_if_out_of_memory
from mtlearn.networks._order import in_channels_last
from mtlearn.networks._own_heads import OwnHead, check_own_head
from mtlearn.networks._registry import is_registered
from mtlearn.networks._residual import TOO_NARROW

_logger = logging.getLogger("mtlearn")


def choose_memory_format(
    backbone: nn.Module, shape: tuple[int, ...], dtype: torch.dtype
) -> torch.memory_format | None:
    """Bring the weights to channels-last memory, if the backbone can work on it.

    Parameters
    ----------
    backbone : torch.nn.Module
        Such a batch has passed through it, in the contiguous format.
    shape : tuple of int
        Shape of one sample.
    dtype : torch.dtype
        What it computes in.

    Returns
    -------
    torch.memory_format or None
        What batches are brought to; None for tables.
    """
    if len(shape) != 3:
        return None
    if any(map(_is_too_narrow, backbone.modules())):
        return torch.contiguous_format
    order_weights(backbone, torch.channels_last)
    if is_registered(type(backbone)):
        return torch.channels_last
    # Two samples: some views are possible for one only.
    samples = torch.zeros(2, *shape, dtype=dtype)
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            backbone(in_channels_last(samples))
    except Exception as error:
        raise_if_out_of_memory(error)
        _logger.info(
            "The backbone %s works on the contiguous memory format, as it raises in "
            "the channels-last one: %s",
            type(backbone).__name__,
            error,
        )
        order_weights(backbone, torch.contiguous_format)
        return torch.contiguous_format
    finally:
        backbone.train(was_training)
    return torch.channels_last


def suits_channels_last(
    head: OwnHead, features: OfTask, expected: Sequence[int], dtype: torch.dtype
) -> bool:
    """Tell whether a head can work on maps in channels-last memory.

    Parameters
    ----------
    head : OwnHead
        One that takes maps.
    features : Features
        Of a few samples.
    expected : sequence of int
        Shape of what its module must return for one sample.
    dtype : torch.dtype
        What the network computes in.

    Returns
    -------
    bool
        Where it is not, the logger "mtlearn" may say why.
    """
    if any(map(_is_too_narrow, head.modules())):
        return False
    try:
        check_own_head(head, mapped(_maps_in_channels_last, features), expected, dtype)
    except NetworkError as error:
        _logger.info(
            "The network works on the contiguous memory format, as in the "
            "channels-last one: %s",
            error,
        )
        return False
    return True


def _maps_in_channels_last(x: Tensor) -> Tensor:
    return in_channels_last(x) if x.ndim == 4 else x


def _is_too_narrow(module: nn.Module) -> bool:
    """Tell whether a layer must not work on channels-last memory."""
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.in_channels // module.groups < TOO_NARROW
    )


def order_weights(module: nn.Module, memory_format: torch.memory_format) -> None:
    """Bring the weights of two-dimensional convolutions to an order in memory.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    memory_format : torch.memory_format
        The order.
    """
    for weight in module.parameters():
        # Module.to would fail on convolutions of three dimensions.
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=memory_format)
