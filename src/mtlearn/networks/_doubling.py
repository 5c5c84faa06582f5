"""A transposed convolution to one channel as a linear layer and a few sums."""

import torch
from torch import Tensor
from torch.nn import functional


def doubled(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, ...]
) -> Tensor:
    """Apply a transposed convolution of 3 x 3, a stride of two and a padding of one.

    In half precision, to one channel, what torch has for convolutions is slow on a
    processor: it takes up to three times as long.

    Parameters
    ----------
    x : Tensor of shape (n_samples, in_channels, height, width)
        With channels last in memory; in any order it works too.
    weight : Tensor of shape (in_channels, out_channels, 3, 3)
        As a transposed convolution has it.
    bias : Tensor of shape (out_channels,), or None
        As there.
    padding : tuple of two int
        The padding of the output, zero or one.

    Returns
    -------
    Tensor of shape (n_samples, out_channels, 2 * height - 1 + padding[0], ...)
        Of the type of a linear layer; sums are of float32 at least.
    """
    n_in, n_out = weight.shape[:2]
    taps = weight.permute(1, 2, 3, 0).reshape(n_out * 9, n_in)
    parts = functional.linear(x.permute(0, 2, 3, 1), taps)
    exact = torch.promote_types(parts.dtype, torch.float32)
    values = parts.to(exact).unflatten(3, (n_out, 3, 3))
    found = _along(_along(values, 2, 5), 1, 4)
    height, width = (
        2 * side - 1 + more for side, more in zip(x.shape[2:], padding, strict=True)
    )
    found = found[:, :height, :width]
    if bias is not None:
        found = found + bias
    return found.permute(0, 3, 1, 2).to(parts.dtype)


def _along(values: Tensor, side: int, taps: int) -> Tensor:
    """Double a side: a pixel is of the middle tap, or of the outer ones about it."""
    left, middle, right = values.unbind(taps)
    after = left.narrow(side, 1, left.shape[side] - 1)
    nothing = torch.zeros_like(left.narrow(side, 0, 1))
    between = right + torch.cat([after, nothing], side)
    return torch.stack([middle, between], side + 1).flatten(side, side + 1)
