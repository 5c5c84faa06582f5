"""Policies in which each image draws what happens to it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_choice, check_integer, check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.augmentation._checks import check_images
from mtlearn.augmentation._colour import check_colours
from mtlearn.augmentation._draws import n_drawn
from mtlearn.augmentation._geometry import FILLS
from mtlearn.augmentation._operations import (
    MOVES,
    OPERATIONS,
    TONES,
    Drawn,
    Reach,
    has_drawn,
    move,
)
from mtlearn.augmentation._range import (
    UNIT,
    ValueRange,
    change_in_range,
    check_value_range,
    check_values,
)
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError

# Strengths are drawn, and given, in so many equal steps.
STEPS = 30

Fill = Literal["zeros", "border", "reflection"]


class DrawnPolicy(VersionedEstimator, ABC):
    """What both policies are made of: operations, each on the images that drew it."""

    fill: Fill
    value_range: ValueRange
    _reach: Reach

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            What the policy belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the {type(self).__name__} of {owner}"
        check_choice(self.fill, "fill", where, FILLS)
        check_value_range(self.value_range, where)

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change the images of a batch.

        Parameters
        ----------
        x : tensor of shape (n_samples, n_channels, height, width)
            Images with one channel or three (red, green, blue), of a floating dtype,
            on any device. They stay as they are.
        generator : torch.Generator
            Of the CPU; the only source of randomness.

        Returns
        -------
        tensor of shape (n_samples, n_channels, height, width)
            The changed images, of the same dtype and on the same device.

        Raises
        ------
        InvalidDataError, DataTypeError
            If `x` is no batch of such images, or its values lie far beyond
            `value_range`.
        """
        name = f"a {type(self).__name__}"
        check_images(x, name)
        check_colours(x, ["The operations"], name)
        check_values(x, self.value_range, name)
        drawn = self._draw(n_drawn(len(x), generator), generator)
        drawn = Drawn(*(each.expand(-1, len(x)) for each in drawn))
        return self._operate(x.clone(), drawn, name)

    @abstractmethod
    def _draw(self, n_samples: int, generator: torch.Generator) -> Drawn:
        """Draw what happens to each sample."""

    def _operate(self, x: torch.Tensor, drawn: Drawn, name: str) -> torch.Tensor:
        """Change images in place: all moves at once, then the others in turn."""
        rows = has_drawn(drawn, MOVES).any(0).nonzero()[:, 0]
        own = Drawn(drawn.operations[:, rows], drawn.amounts[:, rows])
        moved = partial(move, drawn=own, reach=self._reach, fill=self.fill)
        self._replace(x, rows, moved, name)
        for operations, amounts in zip(*drawn, strict=True):
            for tone in TONES:
                rows = (operations == OPERATIONS.index(tone)).nonzero()[:, 0]
                toned = partial(_tone, tone, amounts=amounts[rows], reach=self._reach)
                self._replace(x, rows, toned, name)
        return x

    def _replace(
        self,
        x: torch.Tensor,
        rows: torch.Tensor,
        change: Callable[[torch.Tensor], torch.Tensor],
        name: str,
    ) -> None:
        """Put changed images, which see black at 0 and white at 1, into their rows."""
        if len(rows):
            rows = rows.to(x.device)
            part = x.index_select(0, rows)
            x.index_copy_(
                0, rows, change_in_range(part, self.value_range, name, change)
            )


def _tone(
    name: str, x: torch.Tensor, *, amounts: torch.Tensor, reach: Reach
) -> torch.Tensor:
    """Change values, none of which ends up beyond black and white."""
    return TONES[name](x.clamp(0, 1), amounts, reach).clamp_(0, 1)


def _draw_operations(
    n_ops: int, n_samples: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw operations (n_ops, n_samples), and a direction for each."""
    size = (n_ops, n_samples)
    operations = torch.randint(len(OPERATIONS), size, generator=generator, device="cpu")
    signs = 2 * torch.randint(2, size, generator=generator, device="cpu") - 1
    return operations, signs.double()


class TrivialAugment(DrawnPolicy):
    """Change each image by one operation, at a strength of its own.

    TrivialAugment in its wide form: nothing is to be tuned. Each image draws one of
    fourteen operations, one of 31 strengths from none to the strongest, and a
    direction where there are two:

    - nothing at all,
    - shear along either axis, by up to 0.99 pixels for each pixel,
    - a shift along either axis, by up to 32 pixels, or the side where that is shorter,
    - a turn by up to 135 degrees,
    - brightness, colour, contrast or sharpness times a factor in 0.01 to 1.99,
    - posterizing, which keeps eight to two bits of a value,
    - solarizing, which inverts what is as bright as a threshold from white to black,
    - stretching each channel from black to white, or making its values equally
      frequent.

    They are those of Pillow, so that values have to have a known black and white. Where
    they are changed, they are clipped to these.

    Parameters
    ----------
    fill : {"zeros", "border", "reflection"}, default="zeros"
        What lies beyond the border where images move: black as in the paper, the
        nearest pixel, or the mirror image.
    value_range : (low, high) or "imagenet", default=(0.0, 1.0)
        What is black and white in X: numbers, or one of each channel's own.
        "imagenet" is what an :class:`~mtlearn.preprocessing.ImageNormalizer` makes of
        them. Values beyond by more than half of the range are refused.

    See Also
    --------
    Augmentation : Its `policy` comes after flips and crops, which are no part of this.

    References
    ----------
    .. [1] S. G. Müller and F. Hutter, "TrivialAugment: Tuning-free Yet
       State-of-the-Art Data Augmentation", ICCV 2021.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.augmentation import TrivialAugment
    >>> x = torch.rand(8, 3, 16, 16)
    >>> changed = TrivialAugment()(x, torch.Generator().manual_seed(0))
    >>> changed.shape
    torch.Size([8, 3, 16, 16])
    """

    _reach = Reach(
        shear=0.99, shift_pixels=32.0, shift_share=1.0, turn=135.0, blend=0.99, bits=6
    )

    def __init__(self, *, fill: Fill = "zeros", value_range: ValueRange = UNIT) -> None:
        self.fill = fill
        self.value_range = value_range

    def _draw(self, n_samples: int, generator: torch.Generator) -> Drawn:
        operations, signs = _draw_operations(1, n_samples, generator)
        steps = torch.randint(STEPS + 1, signs.shape, generator=generator, device="cpu")
        return Drawn(operations, signs * steps / STEPS)


class RandAugment(DrawnPolicy):
    """Change each image by several operations, all of one strength.

    Each image draws its operations, with repetition, from the fourteen of
    `TrivialAugment`, and a direction for each that has two. At the strongest they
    shear by 0.3, shift by 150 / 331 of the side, turn by 30 degrees, blend by factors
    of 0.1 and 1.9, and keep four bits. All shears, shifts and turns of an image come
    first, in one resampling.

    Parameters
    ----------
    n_ops : int, default=2
        How many operations.
    magnitude : float, default=9
        How strong, from 0 to 30, as in torchvision. The scale of the paper ends at 10.
    fill : {"zeros", "border", "reflection"}, default="zeros"
        What lies beyond the border where images move: black, the nearest pixel, or the
        mirror image.
    value_range : (low, high) or "imagenet", default=(0.0, 1.0)
        As in `TrivialAugment`.

    References
    ----------
    .. [1] E. D. Cubuk, B. Zoph, J. Shlens and Q. V. Le, "RandAugment: Practical
       automated data augmentation with a reduced search space", CVPR Workshops 2020.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.augmentation import RandAugment
    >>> x = torch.rand(8, 3, 16, 16)
    >>> changed = RandAugment(magnitude=5)(x, torch.Generator().manual_seed(0))
    >>> changed.shape
    torch.Size([8, 3, 16, 16])
    """

    _reach = Reach(
        shear=0.3,
        shift_pixels=float("inf"),
        shift_share=150 / 331,
        turn=30.0,
        blend=0.9,
        bits=4,
    )

    def __init__(
        self,
        n_ops: int = 2,
        magnitude: float = 9,
        *,
        fill: Fill = "zeros",
        value_range: ValueRange = UNIT,
    ) -> None:
        self.n_ops = n_ops
        self.magnitude = magnitude
        self.fill = fill
        self.value_range = value_range

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            What the policy belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        super().validate(owner)
        where = f"the RandAugment of {owner}"
        check_integer(self.n_ops, "n_ops", where, low=1)
        check_real(self.magnitude, "magnitude", where, low=0, high=STEPS)

    def _draw(self, n_samples: int, generator: torch.Generator) -> Drawn:
        operations, signs = _draw_operations(self.n_ops, n_samples, generator)
        return Drawn(operations, signs * float(self.magnitude) / STEPS)


DRAWN_POLICIES: dict[str, type[TrivialAugment] | type[RandAugment]] = {
    "trivial": TrivialAugment,
    "randaugment": RandAugment,
}


def resolve_policy(value: Any, value_range: ValueRange, owner: str) -> DrawnPolicy:
    """Return the policy that a user named or made, checked.

    Parameters
    ----------
    value : {"trivial", "randaugment"}, TrivialAugment or RandAugment
        What the user gave.
    value_range : "imagenet" or (low, high)
        Black and white of a policy by name.
    owner : str
        What has it, for messages.

    Returns
    -------
    TrivialAugment or RandAugment
        The policy.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is none of these, or has a wrong parameter.
    """
    if isinstance(value, str) and value in DRAWN_POLICIES:
        return DRAWN_POLICIES[value](value_range=value_range)
    if isinstance(value, DrawnPolicy):
        value.validate(owner)
        return value
    error = InvalidParameterError if isinstance(value, str) else ParameterTypeError
    raise error(
        f"The 'policy' parameter of {owner} must be None, one of "
        f"{', '.join(map(repr, DRAWN_POLICIES))}, or an object such as "
        f"RandAugment(magnitude=5). Got {short(value)} instead."
    )
