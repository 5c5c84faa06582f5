"""The operations that policies choose from, each on the samples that drew it.

Images are those of Pillow, from black at 0 to white at 1 instead of from 0 to 255. A
policy says how far each operation reaches (`Reach`), and each sample which share of
that it has drawn, with a sign where there are two directions.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from mtlearn.augmentation._colour import blend_with_grey, luma
from mtlearn.augmentation._draws import per_sample
from mtlearn.augmentation._geometry import affine_matrices, warp


class Reach(NamedTuple):
    """How far the operations go at their strongest.

    Attributes
    ----------
    shear : float
        Pixels to the side for each pixel along.
    shift_pixels, shift_share : float
        Pixels, and the share of the side that they are at most.
    turn : float
        Degrees.
    blend : float
        How far the factors of brightness, colour, contrast and sharpness lie from 1.
    bits : int
        How many of the eight bits of a value posterizing drops.
    """

    shear: float
    shift_pixels: float
    shift_share: float
    turn: float
    blend: float
    bits: int


def brightness(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Multiply all values."""
    return x * per_sample(1 + reach.blend * amounts, x)


def colour(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Multiply distances to each pixel's grey."""
    return blend_with_grey(x, 1 + reach.blend * amounts)


def contrast(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Multiply distances to the mean of the image in grey."""
    mean = luma(x).mean((2, 3), keepdim=True)
    return mean + (x - mean) * per_sample(1 + reach.blend * amounts, x)


def sharpness(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Multiply distances to the smoothed image, but at the border."""
    if min(x.shape[2:]) < 3:
        return x
    inner = x[:, :, 1:-1, 1:-1]
    # A pixel counts five times, each of its eight neighbours once. Pooling would take
    # ten times as long.
    rows = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    squares = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = squares.add_(inner, alpha=4).div_(13)
    changed = x.clone()
    factors = per_sample(1 + reach.blend * amounts, x)
    changed[:, :, 1:-1, 1:-1] = smooth + (inner - smooth) * factors
    return changed


def posterize(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Drop the lowest bits of values from 0 to 255."""
    steps = per_sample(2 ** (reach.bits * amounts.abs()).round(), x)
    return (255 * x).round_().div_(steps).floor_().mul_(steps).div_(255)


def solarize(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Invert what is as bright as a threshold, which falls from white to black."""
    # A little below, so that a byte that is the threshold counts however it is rounded.
    thresholds = per_sample(1 - amounts.abs() - 1e-5, x)
    return torch.where(x >= thresholds, 1 - x, x)


def autocontrast(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Stretch each channel from black to white."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    span = high - low
    # A constant channel stays as it is.
    stretched = (x - low) / torch.where(span > 0, span, 1)
    return torch.where(span > 0, stretched, x)


def equalize(x: torch.Tensor, amounts: torch.Tensor, reach: Reach) -> torch.Tensor:
    """Make all of 256 values as frequent in each channel as it can be."""
    levels = (255 * x).round_().long().flatten(2)
    counts = levels.new_zeros((*x.shape[:2], 256))
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    # As Pillow: what is above the last level but one takes no part.
    last = counts.gather(2, levels.amax(2, keepdim=True))
    step = (counts.sum(2, keepdim=True) - last) // 255
    below = counts.cumsum(2) - counts
    table = (step // 2 + below) // step.clamp(min=1)
    found = table.gather(2, levels).clamp_(max=255).to(x.dtype).div_(255)
    return torch.where(step > 0, found, x.flatten(2)).view_as(x)


Operation = Callable[[torch.Tensor, torch.Tensor, Reach], torch.Tensor]

TONES: dict[str, Operation] = {
    "brightness": brightness,
    "colour": colour,
    "contrast": contrast,
    "sharpness": sharpness,
    "posterize": posterize,
    "solarize": solarize,
    "autocontrast": autocontrast,
    "equalize": equalize,
}
MOVES = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
OPERATIONS = ("identity", *MOVES, *TONES)


class Drawn(NamedTuple):
    """What the samples of a batch have drawn, for each of several operations in turn.

    Attributes
    ----------
    operations : int64 tensor of shape (n_ops, n)
        Places in `OPERATIONS`.
    amounts : tensor of shape (n_ops, n)
        Shares of the reach, from -1 to 1.
    """

    operations: torch.Tensor
    amounts: torch.Tensor


def has_drawn(drawn: Drawn, names: tuple[str, ...]) -> torch.Tensor:
    """Tell (n_ops, n) where one of some operations was drawn."""
    places = torch.tensor([OPERATIONS.index(name) for name in names], device="cpu")
    return torch.isin(drawn.operations, places)


def move(x: torch.Tensor, drawn: Drawn, reach: Reach, fill: str) -> torch.Tensor:
    """Shear, translate and rotate images, whatever each has drawn, in one resampling.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    drawn : Drawn
        What they have drawn.
    reach : Reach
        Of the operations.
    fill : {"zeros", "border", "reflection"}
        What lies beyond the border.

    Returns
    -------
    tensor of shape (n, c, h, w)
        The new images.
    """
    height, width = x.shape[2:]
    # From points of the new image to those of the old one: the last move comes first.
    amounts = {
        name: torch.where(has_drawn(drawn, (name,)), drawn.amounts, 0.0).to(x.dtype)
        for name in MOVES
    }
    aspect = height / width
    shears_x = reach.shear * aspect * amounts["shear_x"]
    shears_y = reach.shear / aspect * amounts["shear_y"]
    across = 2 * min(reach.shift_pixels / width, reach.shift_share)
    down = 2 * min(reach.shift_pixels / height, reach.shift_share)
    angles = math.radians(reach.turn) * amounts["rotate"]
    matrices = torch.eye(2, dtype=x.dtype, device="cpu").expand(x.shape[0], 2, 2)
    centres = torch.zeros((x.shape[0], 2), dtype=x.dtype, device="cpu")
    for place, angle in enumerate(angles):
        step = affine_matrices(angle, torch.ones_like(angle), height, width)
        step[:, 0, 1] += shears_x[place]
        step[:, 1, 0] += shears_y[place]
        # Shears leave the first row and the first column where they are, as Pillow's.
        way_x = shears_x[place] + across * amounts["translate_x"][place]
        way_y = shears_y[place] + down * amounts["translate_y"][place]
        ways = torch.stack([way_x, way_y], 1)
        centres = centres + (matrices * ways[:, None]).sum(2)
        matrices = (matrices[..., None] * step[:, None]).sum(2)
    return warp(x, matrices, centres, fill)
