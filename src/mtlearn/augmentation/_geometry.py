"""Changes of where things are: flips, shifts, turns, zooms and crops."""

import math

import torch
from torch.nn import functional

from mtlearn.augmentation._draws import draw_symmetric, n_drawn

# What may lie beyond the border.
FILLS = ("zeros", "border", "reflection")

Interval = tuple[float, float]

# As in torchvision: after so many draws a part that does not fit is given up.
TRIES = 10

# The axes of (n, c, h, w) that each flip reverses.
FLIPS: dict[str | None, tuple[int, ...]] = {
    None: (),
    "horizontal": (3,),
    "vertical": (2,),
    "both": (2, 3),
}


def flip(x: torch.Tensor, flips: str | None, drawn: torch.Tensor) -> torch.Tensor:
    """Reverse axes of some samples, exactly.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    flips : {None, "horizontal", "vertical", "both"}
        The axes that may be reversed.
    drawn : tensor of shape (2, n)
        Where the first row is negative, the height is reversed; the second is for the
        width.

    Returns
    -------
    tensor of shape (n, c, h, w)
        The images.
    """
    for axis in FLIPS[flips]:
        rows = (drawn[axis - 2] < 0).nonzero()[:, 0].to(x.device)
        # Several times faster than torch.where over all samples.
        x = x.index_copy(0, rows, x.index_select(0, rows).flip(axis))
    return x


def affine_matrices(
    angles: torch.Tensor, sizes: torch.Tensor, height: int, width: int
) -> torch.Tensor:
    """Return the matrices that turn images and change their size about the centre.

    Parameters
    ----------
    angles : tensor of shape (n,)
        In radians.
    sizes : tensor of shape (n,)
        Factors; above 1 an image grows.
    height, width : int
        Size of the images in pixels. Turns are rigid in pixels.

    Returns
    -------
    tensor of shape (n, 2, 2)
        Each takes a point of the new image, (x, y) from -1 to 1, to one of the old.
    """
    cos, sin = angles.cos() / sizes, angles.sin() / sizes
    entries = [cos, sin * (-height / width), sin * (width / height), cos]
    return torch.stack(entries, 1).view(-1, 2, 2)


def warp(
    x: torch.Tensor, matrices: torch.Tensor, centres: torch.Tensor, fill: str
) -> torch.Tensor:
    """Resample images once, bilinearly, after an affine change of their points.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    matrices : tensor of shape (n, 2, 2)
        Each takes a way (x, y) in the new image to one in the old; 2 is a whole side.
    centres : tensor of shape (n, 2)
        The points (x, y) of the old images, from -1 to 1, that come to the middle of
        the new ones.
    fill : {"zeros", "border", "reflection"}
        What lies beyond the border.

    Returns
    -------
    tensor of shape (n, c, h, w)
        The new images.
    """
    height, width = x.shape[2:]
    matrices, centres = matrices.to(x), centres.to(x)
    # The parts of both axes are added with x and y apart: torch's affine_grid takes
    # six times as long.
    across = matrices[:, :, 0, None] * _pixel_centres(width, x) + centres[:, :, None]
    down = matrices[:, :, 1, None] * _pixel_centres(height, x)
    grid = (across[:, :, None] + down[:, :, :, None]).permute(0, 2, 3, 1)
    return functional.grid_sample(
        x, grid, mode="bilinear", padding_mode=fill, align_corners=False
    )


def _pixel_centres(size: int, x: torch.Tensor) -> torch.Tensor:
    """Return where the pixels of a side lie from -1 to 1."""
    return (2 * torch.arange(size, dtype=x.dtype, device=x.device) + (1 - size)) / size


def random_affine(
    x: torch.Tensor,
    generator: torch.Generator,
    *,
    flips: str | None,
    translate: float,
    rotate: float,
    zoom: float,
    resized_crop: Interval | None,
    crop_ratio: Interval,
    fill: str,
) -> torch.Tensor:
    """Crop, flip, zoom, turn and shift each image, drawn for each, in one resampling.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    generator : torch.Generator
        Of the CPU.
    flips, translate, rotate, zoom, resized_crop, crop_ratio, fill
        Parameters of `Augmentation`.

    Returns
    -------
    tensor of shape (n, c, h, w)
        The new images. Flips alone are exact.
    """
    drawn = draw_symmetric(6, x, generator)
    if not (translate or rotate or zoom) and resized_crop is None:
        return flip(x, flips, drawn[:2])
    matrices = affine_matrices(
        drawn[2] * math.radians(rotate), 1 + drawn[3] * zoom, *x.shape[2:]
    )
    for axis in FLIPS[flips]:
        # The last step on the way to the old image's points: a flip of that image.
        matrices[:, 3 - axis] *= torch.where(drawn[axis - 2] < 0, -1, 1)[:, None]
    sides, centres = drawn.new_ones(2), drawn.new_zeros(2)
    if resized_crop is not None:
        sides, centres = random_windows(x, resized_crop, crop_ratio, generator)
    matrices *= sides[..., None]
    shifts = drawn[4:].T * (2 * translate)
    return warp(x, matrices, centres - (matrices * shifts[:, None]).sum(2), fill)


def random_windows(
    x: torch.Tensor, areas: Interval, ratios: Interval, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a part of each image by its area and its shape, anywhere in the image.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    areas : (low, high)
        Shares of the whole area, in (0, 1].
    ratios : (low, high)
        Of width to height, above 0. 1 has the shape of the image.
    generator : torch.Generator
        Of the CPU.

    Returns
    -------
    sides : tensor of shape (n, 2)
        Shares of width and height.
    centres : tensor of shape (n, 2)
        Points (x, y) of the images, from -1 to 1.
    """
    drawn = draw_symmetric(2 * TRIES + 2, x, generator)
    area = areas[0] + (areas[1] - areas[0]) * (drawn[:TRIES] + 1) / 2
    low, high = math.log(ratios[0]), math.log(ratios[1])
    ratio = (low + (high - low) * (drawn[TRIES : 2 * TRIES] + 1) / 2).exp()
    tries = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 2)
    fits = (tries <= 1).all(2)
    first = fits.to(torch.uint8).argmax(0)
    sides = tries[first, torch.arange(len(x), device="cpu")]
    # What never fits becomes as large as a part of an allowed shape can be.
    nearest = min(max(1.0, ratios[0]), ratios[1])
    largest = sides.new_tensor([min(1.0, nearest), min(1.0, 1 / nearest)])
    sides = torch.where(fits.any(0)[:, None], sides, largest)
    return sides, (1 - sides) * drawn[2 * TRIES :].T


def random_crop(
    x: torch.Tensor, margin: int, generator: torch.Generator
) -> torch.Tensor:
    """Pad images with zeros and cut the old size out of each, anywhere.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    margin : int
        Pixels that are added on each side.
    generator : torch.Generator
        Of the CPU.

    Returns
    -------
    tensor of shape (n, c, h, w)
        The new images.
    """
    size = (2, n_drawn(len(x), generator))
    starts = torch.randint(2 * margin + 1, size, generator=generator, device="cpu")
    starts = starts.to(x.device)
    padded = functional.pad(x, (margin,) * 4)
    # (n, top, left, c, h, w), a view: all windows of each image.
    windows = padded.unfold(2, x.shape[2], 1).unfold(3, x.shape[3], 1)
    windows = windows.permute(0, 2, 3, 1, 4, 5)
    return windows[torch.arange(len(x), device=x.device), starts[0], starts[1]]
