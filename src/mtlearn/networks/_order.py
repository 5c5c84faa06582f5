"""Batches of images in an order in memory."""

import torch
from torch import Tensor


def in_order(x: Tensor, memory_format: torch.memory_format) -> Tensor:
    """Bring a batch to an order in memory.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, height, width)
        Images or maps.
    memory_format : torch.memory_format
        The order.

    Returns
    -------
    Tensor of shape (n_samples, n_channels, height, width)
        Of one channel, the numbers lie the same in both orders. Only the strides tell
        the order that layers hand on, and the contiguous one has its own.
    """
    x = x.contiguous(memory_format=memory_format)
    if memory_format == torch.contiguous_format:
        return x.flatten(1).view(x.shape)
    return x


def in_channels_last(x: Tensor) -> Tensor:
    """Bring a batch to the order, with the strides, that batches of images come in.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, height, width)
        Images or maps.

    Returns
    -------
    Tensor of shape (n_samples, n_channels, height, width)
        Channels-last, of one channel too.
    """
    pixels = in_order(x.permute(0, 2, 3, 1), torch.contiguous_format)
    return pixels.permute(0, 3, 1, 2)
