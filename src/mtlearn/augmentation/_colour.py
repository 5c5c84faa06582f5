"""Changes of colour: saturation, hue, and none at all.

Each commutes with a change of all values by one factor above 0 and one summand, so
that it makes no difference whether values end at 1 or at 255.
"""

import torch

from mtlearn.augmentation._draws import draw_symmetric, per_sample
from mtlearn.exceptions import InvalidDataError

# How bright red, green and blue seem (ITU-R BT.601), as in Pillow and torchvision.
LUMA = (0.299, 0.587, 0.114)


def check_colours(x: torch.Tensor, names: list[str], owner: str) -> None:
    """Raise unless images are grey, or red, green and blue.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images.
    names : list of str
        The changes of colour that are to be made; without any, channels may be as many
        as they like.
    owner : str
        What changes them, for the message.

    Raises
    ------
    InvalidDataError
        If there are changes, and neither one channel nor three.
    """
    if names and x.shape[1] not in (1, 3):
        raise InvalidDataError(
            f"{', '.join(names)} of {owner} need images with three channels (red, "
            "green, blue), or with one, which has no colour to change. "
            f"Got {x.shape[1]} channels."
        )


def luma(x: torch.Tensor) -> torch.Tensor:
    """Return how bright each pixel of images seems.

    Parameters
    ----------
    x : tensor of shape (n, c, h, w)
        Images with one or three channels.

    Returns
    -------
    tensor of shape (n, 1, h, w)
        The images in grey.
    """
    if x.shape[1] == 1:
        return x
    red, green, blue = x.split(1, dim=1)
    return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def blend_with_grey(x: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Multiply the distance of each pixel to its grey by its sample's factor."""
    grey = luma(x)
    return grey + (x - grey).mul_(per_sample(factors, x))


def random_saturation(
    x: torch.Tensor, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Multiply the distance of each pixel to its grey by a factor in 1 ± strength."""
    (drawn,) = draw_symmetric(1, x, generator)
    return blend_with_grey(x, 1 + strength * drawn)


def random_hue(
    x: torch.Tensor, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Turn the circle of colours by up to a part of a turn, either way."""
    (drawn,) = draw_symmetric(1, x, generator)
    return x if x.shape[1] == 1 else turn_hue(x, strength * drawn)


def turn_hue(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turn the circle of colours, in which red, green and blue are a third apart.

    Each pixel keeps its largest and its smallest value, as in the cone of hue,
    saturation and value; where they are the same, it is grey and stays so.

    Parameters
    ----------
    x : tensor of shape (n, 3, h, w)
        Images.
    turns : tensor of shape (n,)
        How far, in turns.

    Returns
    -------
    tensor of shape (n, 3, h, w)
        The new images.
    """
    red, green, blue = x.split(1, dim=1)
    # Together, by aminmax, they take fifteen times as long.
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    chroma = high - low
    # Grey has no hue, and any other divisor keeps it as it is.
    divisor = torch.where(chroma > 0, chroma, 1)
    sixths = torch.where(
        red == high,
        (green - blue).div_(divisor),
        torch.where(
            green == high,
            (blue - red).div_(divisor).add_(2),
            (red - green).div_(divisor).add_(4),
        ),
    )
    sixths = sixths.add_(per_sample(6 * turns, x)).remainder_(6)
    # Red is whole for a sixth of a turn on either side of 0, and gone around 3; green
    # is whole around 2, blue around 4.
    shares = (
        (sixths - 3).abs_().sub_(1),
        (sixths - 2).abs_().neg_().add_(2),
        (sixths - 4).abs_().neg_().add_(2),
    )
    turned = torch.empty_like(x)
    for channel, share in enumerate(shares):
        found = share.clamp_(0, 1).mul_(chroma).add_(low)
        turned[:, channel : channel + 1] = found
    return turned


def random_greyscale(
    x: torch.Tensor, probability: float, generator: torch.Generator
) -> torch.Tensor:
    """Take the colour out of some samples."""
    (drawn,) = draw_symmetric(1, x, generator)
    if x.shape[1] == 1:
        return x
    rows = ((drawn + 1) / 2 < probability).nonzero()[:, 0].to(x.device)
    grey = luma(x.index_select(0, rows))
    return x.index_copy(0, rows, grey.expand(-1, 3, -1, -1))
