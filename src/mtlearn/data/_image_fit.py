"""Images of any size as images of one size."""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import interpolate

# A photograph is decoded at a half, a quarter or an eighth of its size where it stays
# at least so many times as large as wanted: then no eye sees the difference.
_ROOM = 2
_REDUCTIONS = (8, 4, 2)


class Fit(NamedTuple):
    """What of an image is shown where.

    Attributes
    ----------
    source : tuple (top, left, height, width)
        The part of the image that is seen.
    target : tuple (top, left, height, width)
        Where it comes to lie.
    """

    source: tuple[int, int, int, int]
    target: tuple[int, int, int, int]


def fit_of(shape: tuple[int, int], size: tuple[int, int], how: str) -> Fit:
    """Lay an image of one size into one of another.

    Parameters
    ----------
    shape, size : tuple (height, width)
        Of the image that there is, and of the one that is wanted.
    how : {"crop", "pad", "stretch"}
        Whether the middle of the image is seen, all of it with a margin, or all of it
        in other proportions.

    Returns
    -------
    Fit
        Whole pixels; a part of the image in the middle of it, or a place in the middle.
    """
    (height, width), (rows, columns) = shape, size
    whole = (0, 0, height, width)
    if how == "stretch":
        return Fit(whole, (0, 0, rows, columns))
    is_wide = width * rows > height * columns
    if how == "crop":
        part = (
            (height, _share(height, columns, rows))
            if is_wide
            else (_share(width, rows, columns), width)
        )
        return Fit(_middle(part, shape), (0, 0, rows, columns))
    part = (
        (_share(columns, height, width), columns)
        if is_wide
        else (rows, _share(rows, width, height))
    )
    return Fit(whole, _middle(part, size))


def _share(length: int, numerator: int, denominator: int) -> int:
    """Return a length times a proportion, half a pixel rounded up, at least one."""
    return max(1, (2 * length * numerator + denominator) // (2 * denominator))


def _middle(part: tuple[int, int], whole: tuple[int, int]) -> tuple[int, int, int, int]:
    return (whole[0] - part[0]) // 2, (whole[1] - part[1]) // 2, *part


def reduction_of(shape: tuple[int, int], size: tuple[int, int], how: str) -> int:
    """Choose by how much an image may be reduced while it is decoded.

    Parameters
    ----------
    shape, size, how : object
        See `fit_of`.

    Returns
    -------
    int
        1, 2, 4 or 8.
    """
    fit = fit_of(shape, size, how)
    for by in _REDUCTIONS:
        pairs = zip(fit.source[2:], fit.target[2:], strict=True)
        if all(there >= by * _ROOM * wanted for there, wanted in pairs):
            return by
    return 1


def fitted(image: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    """Give an image another size, with antialiasing.

    Parameters
    ----------
    image : ndarray of shape (height, width, n_channels)
        In [0, 255], of dtype uint8 or float32.
    size : tuple (height, width)
        That is wanted.
    how : {"crop", "pad", "stretch"}
        See `fit_of`.

    Returns
    -------
    ndarray of shape (*size, n_channels)
        Of dtype uint8; a margin is black.
    """
    fit = fit_of(image.shape[:2], size, how)
    top, left, height, width = fit.source
    part = image[top : top + height, left : left + width]
    if fit.target[2:] != (height, width):
        # Of bytes, several times as fast as Pillow, with the same filter. Channels
        # lie side by side in memory, before and after.
        x = torch.from_numpy(part)[None].permute(0, 3, 1, 2)
        x = interpolate(x, fit.target[2:], mode="bilinear", antialias=True)
        part = x.permute(0, 2, 3, 1)[0].numpy()
    if part.dtype != np.uint8:
        part = np.rint(part).clip(0, 255).astype(np.uint8)
    if fit.target[2:] == size:
        return part
    canvas = np.zeros((*size, image.shape[2]), dtype=np.uint8)
    top, left, height, width = fit.target
    canvas[top : top + height, left : left + width] = part
    return canvas
