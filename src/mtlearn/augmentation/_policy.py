"""An augmentation of images, as a value."""

from typing import Literal

import torch

from mtlearn._utils._validation import check_choice, check_integer, check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.augmentation._geometry import FLIPS, random_affine, random_crop
from mtlearn.augmentation._intensity import (
    random_blur,
    random_brightness,
    random_contrast,
    random_cutout,
    random_gamma,
    random_noise,
)
from mtlearn.exceptions import DataTypeError, InvalidDataError

_FILLS = ("zeros", "border", "reflection")


class Augmentation(VersionedEstimator):
    """Random changes of a batch of images, drawn anew for each image.

    Every default leaves images as they are. What is set takes place in this order:
    crop, then flip, zoom, rotation and translation in one resampling, blur,
    brightness, contrast, gamma, noise, cutout.

    Parameters
    ----------
    flip : {None, "horizontal", "vertical", "both"}, default=None
        Which axes are reversed, each in half of the images. "both" draws the two apart.
        A flip without other geometry is exact.
    translate : float, default=0.0
        Images move along each axis by up to this fraction of the side, in [0, 1],
        either way.
    rotate : float, default=0.0
        Images turn about their centre by up to so many degrees, in [0, 180], either
        way.
    zoom : float, default=0.0
        Images change their size about their centre, by a factor in 1 - `zoom` to
        1 + `zoom`. In [0, 1).
    fill : {"zeros", "border", "reflection"}, default="reflection"
        What lies beyond the border where images are translated, rotated or zoomed:
        zeros, the nearest pixel, or the mirror image.
    crop : int, default=0
        Images get so many pixels of zeros on each side, and then a window of the old
        size is cut out. Pixels are moved, not resampled.
    brightness : float, default=0.0
        Values are multiplied by a factor in 1 - `brightness` to 1 + `brightness`. In
        [0, 1].
    contrast : float, default=0.0
        Distances to the mean of the image are multiplied by a factor in
        1 - `contrast` to 1 + `contrast`. In [0, 1].
    gamma : float, default=0.0
        Images, scaled to [0, 1] by their own minimum and maximum, are raised to a
        power and scaled back. The power lies in 1 / (1 + `gamma`) to 1 + `gamma`,
        its logarithm uniform. Not negative.
    noise : float, default=0.0
        Standard deviation of the normal noise that is added, in the units of X.
    blur : float, default=0.0
        Images are blurred by a Gaussian with a standard deviation of up to so many
        pixels.
    cutout : float, default=0.0
        A square is filled with the mean of each channel. Its side is this fraction of
        the shorter side, in [0, 1], its centre any pixel; it ends at the border.

    See Also
    --------
    get_augmentation : Policies by name.

    Notes
    -----
    All amounts are uniform unless said otherwise, and symmetric: no direction is more
    likely than the other.

    A change that changes the label is your own affair: a flip makes another digit of a
    2, a rotation another angle of an angle that is the target, and on a spectrum,
    where a place is a frequency, nearly every geometric change makes another sample.

    References
    ----------
    .. [1] T. DeVries and G. W. Taylor, "Improved Regularization of Convolutional
       Neural Networks with Cutout", arXiv:1708.04552, 2017.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.augmentation import Augmentation
    >>> augmentation = Augmentation(flip="horizontal")
    >>> x = torch.tensor([[[[1.0, 2.0, 3.0]]]]).repeat(3, 1, 1, 1)
    >>> augmentation(x, torch.Generator().manual_seed(0))[:, 0, 0]
    tensor([[3., 2., 1.],
            [3., 2., 1.],
            [1., 2., 3.]])
    """

    def __init__(
        self,
        *,
        flip: Literal["horizontal", "vertical", "both"] | None = None,
        translate: float = 0.0,
        rotate: float = 0.0,
        zoom: float = 0.0,
        fill: Literal["zeros", "border", "reflection"] = "reflection",
        crop: int = 0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        gamma: float = 0.0,
        noise: float = 0.0,
        blur: float = 0.0,
        cutout: float = 0.0,
    ) -> None:
        self.flip = flip
        self.translate = translate
        self.rotate = rotate
        self.zoom = zoom
        self.fill = fill
        self.crop = crop
        self.brightness = brightness
        self.contrast = contrast
        self.gamma = gamma
        self.noise = noise
        self.blur = blur
        self.cutout = cutout

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            What the augmentation belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the Augmentation of {owner}"
        check_choice(self.flip, "flip", where, FLIPS)
        check_choice(self.fill, "fill", where, _FILLS)
        check_integer(self.crop, "crop", where, low=0)
        check_real(self.rotate, "rotate", where, low=0, high=180)
        check_real(self.zoom, "zoom", where, low=0, high=1, include_high=False)
        for name in ("translate", "brightness", "contrast", "cutout"):
            check_real(getattr(self, name), name, where, low=0, high=1)
        for name in ("gamma", "noise", "blur"):
            check_real(getattr(self, name), name, where, low=0)

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change the images of a batch.

        Parameters
        ----------
        x : tensor of shape (n_samples, n_channels, height, width)
            Images of a floating dtype, on any device. They stay as they are.
        generator : torch.Generator
            Of the CPU; the only source of randomness.

        Returns
        -------
        tensor of shape (n_samples, n_channels, height, width)
            The changed images, of the same dtype and on the same device; `x` itself if
            no change is set.

        Raises
        ------
        InvalidDataError, DataTypeError
            If `x` is no batch of images.
        """
        check_images(x, "an Augmentation")
        if self.crop:
            x = random_crop(x, self.crop, generator)
        if self.flip or self.translate or self.rotate or self.zoom:
            x = random_affine(
                x,
                generator,
                flips=self.flip,
                translate=self.translate,
                rotate=self.rotate,
                zoom=self.zoom,
                fill=self.fill,
            )
        for change, amount in (
            (random_blur, self.blur),
            (random_brightness, self.brightness),
            (random_contrast, self.contrast),
            (random_gamma, self.gamma),
            (random_noise, self.noise),
            (random_cutout, self.cutout),
        ):
            if amount:
                x = change(x, amount, generator)
        return x


def check_images(x: torch.Tensor, owner: str) -> None:
    """Raise unless a tensor is a batch of images.

    Parameters
    ----------
    x : tensor
        What is to be changed.
    owner : str
        What changes it, for the message.

    Raises
    ------
    InvalidDataError
        If it has not four axes.
    DataTypeError
        If its values are not floating.
    """
    if x.ndim != 4:
        raise InvalidDataError(
            f"The images that {owner} changes must be of shape (n_samples, n_channels, "
            f"height, width). Got {tuple(x.shape)} instead."
        )
    check_floating(x, owner)


def check_floating(x: torch.Tensor, owner: str) -> None:
    """Raise unless a tensor is of a floating dtype."""
    if not x.is_floating_point():
        raise DataTypeError(
            f"The batch that {owner} changes must be of a floating dtype, such as "
            f"float32. Got {x.dtype} instead: call x.float() first."
        )
