"""An augmentation of images, as a value."""

from functools import partial
from typing import Any, Literal, Self

import torch

from mtlearn._utils._validation import (
    check_choice,
    check_integer,
    check_interval,
    check_nested_names,
    check_real,
)
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.augmentation._checks import check_images
from mtlearn.augmentation._colour import (
    check_colours,
    random_greyscale,
    random_hue,
    random_saturation,
)
from mtlearn.augmentation._drawn_policies import DrawnPolicy, resolve_policy
from mtlearn.augmentation._geometry import (
    FILLS,
    FLIPS,
    Interval,
    random_affine,
    random_crop,
)
from mtlearn.augmentation._intensity import (
    random_blur,
    random_brightness,
    random_contrast,
    random_cutout,
    random_gamma,
    random_noise,
)
from mtlearn.augmentation._range import (
    UNIT,
    ValueRange,
    change_in_range,
    check_value_range,
)

PolicyLike = Literal["trivial", "randaugment"] | DrawnPolicy | None

# In their order. All of them depend on what is black and white.
_TONES = {
    "brightness": random_brightness,
    "contrast": random_contrast,
    "gamma": random_gamma,
    "saturation": random_saturation,
    "hue": random_hue,
    "greyscale": random_greyscale,
}
_COLOURS = ("saturation", "hue", "greyscale")
_SHARES = (
    "translate",
    "brightness",
    "contrast",
    "saturation",
    "greyscale",
    "cutout",
)


class Augmentation(VersionedEstimator):
    """Random changes of a batch of images, drawn anew for each image.

    Every default leaves images as they are. What is set takes place in this order:
    crop, then resized crop, flip, zoom, rotation and translation in one resampling,
    policy, blur, brightness, contrast, gamma, saturation, hue, greyscale, noise,
    cutout.

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
    resized_crop : None or (low, high), default=None
        A part of each image is enlarged to the whole size. Its share of the area lies
        in `low` to `high`, in (0, 1]; (0.08, 1.0) is usual where objects fill most of a
        photograph. What of the image lies beside the part still comes in where the
        same image is translated or rotated.
    crop_ratio : (low, high), default=(3 / 4, 4 / 3)
        How the part's width to height differs from the image's, its logarithm uniform:
        at 1 nothing is stretched. A part that does not fit is drawn again, ten times
        at most; then it is the whole image, or as much as these ratios allow.
    policy : None, str, TrivialAugment or RandAugment, default=None
        ``"trivial"``, ``"randaugment"``, or such an object: what each image draws
        beside all this. By name it takes the `value_range` below; an object has its
        own.
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
    saturation : float, default=0.0
        Distances of each pixel to its grey, which is
        ``0.299 * red + 0.587 * green + 0.114 * blue``, are multiplied by a factor in
        1 - `saturation` to 1 + `saturation`. In [0, 1].
    hue : float, default=0.0
        The circle of colours turns by up to this part of a whole turn, in [0, 0.5],
        either way. Each pixel keeps its largest and its smallest value.
    greyscale : float, default=0.0
        How likely an image is to lose its colour, in [0, 1].
    value_range : (low, high) or "imagenet", default=(0.0, 1.0)
        What is black and white in X: numbers, or one of each channel's own.
        "imagenet" is what an :class:`~mtlearn.preprocessing.ImageNormalizer` makes of
        them. Brightness, contrast, gamma, saturation, hue and greyscale see images
        that are scaled to black at 0 and white at 1, and clip nothing; other changes
        do not depend on it, but for a `policy` by name.
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
    get_augmentation : Some by name.
    TrivialAugment, RandAugment : What `policy` may be.

    Notes
    -----
    All amounts are uniform unless said otherwise, and symmetric: no direction is more
    likely than the other.

    Saturation, hue and greyscale are for images with three channels, red, green and
    blue. They leave those of one channel as they are, and raise for any other number.
    What all channels have been multiplied by, or shifted by, makes no difference to
    them; where each channel was scaled by numbers of its own, colours are only those
    of the picture with the right `value_range`.

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
        resized_crop: Interval | None = None,
        crop_ratio: Interval = (3 / 4, 4 / 3),
        policy: PolicyLike = None,
        brightness: float = 0.0,
        contrast: float = 0.0,
        gamma: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        greyscale: float = 0.0,
        value_range: ValueRange = UNIT,
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
        self.resized_crop = resized_crop
        self.crop_ratio = crop_ratio
        self.policy = policy
        self.brightness = brightness
        self.contrast = contrast
        self.gamma = gamma
        self.saturation = saturation
        self.hue = hue
        self.greyscale = greyscale
        self.value_range = value_range
        self.noise = noise
        self.blur = blur
        self.cutout = cutout

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of a policy.

        Parameters
        ----------
        **params : object
            New values.

        Returns
        -------
        Augmentation
            This augmentation.

        Raises
        ------
        InvalidParameterError, ValueError
            If there is no such parameter.
        """
        given = {**self.get_params(deep=False), **params}
        remedies = {"policy": " Pass a RandAugment(...) or TrivialAugment(...) first."}
        check_nested_names(given, type(self).__name__, remedies)
        return super().set_params(**params)

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
        check_choice(self.fill, "fill", where, FILLS)
        check_integer(self.crop, "crop", where, low=0)
        if self.resized_crop is not None:
            check_interval(self.resized_crop, "resized_crop", where, high=1)
        check_interval(self.crop_ratio, "crop_ratio", where)
        check_real(self.rotate, "rotate", where, low=0, high=180)
        check_real(self.zoom, "zoom", where, low=0, high=1, include_high=False)
        check_real(self.hue, "hue", where, low=0, high=0.5)
        for name in _SHARES:
            check_real(getattr(self, name), name, where, low=0, high=1)
        for name in ("gamma", "noise", "blur"):
            check_real(getattr(self, name), name, where, low=0)
        check_value_range(self.value_range, where)
        if self.policy is not None:
            resolve_policy(self.policy, self.value_range, where)

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
            If `x` is no batch of images, or their channels do not suit what is set.
        """
        return self.spoil(self.move_and_tone(x, generator), generator)

    def move_and_tone(
        self, x: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Do all of it but noise and cutout.

        Parameters
        ----------
        x, generator : object
            As in a call.

        Returns
        -------
        tensor of shape (n_samples, n_channels, height, width)
            What `spoil` makes a whole change of.
        """
        check_images(x, "an Augmentation")
        colours = [name for name in _COLOURS if getattr(self, name)]
        check_colours(x, colours, "an Augmentation")
        if self.crop:
            x = random_crop(x, self.crop, generator)
        is_moved = self.flip or self.translate or self.rotate or self.zoom
        if is_moved or self.resized_crop is not None:
            x = random_affine(
                x,
                generator,
                flips=self.flip,
                translate=self.translate,
                rotate=self.rotate,
                zoom=self.zoom,
                resized_crop=self.resized_crop,
                crop_ratio=self.crop_ratio,
                fill=self.fill,
            )
        if self.policy is not None:
            policy = resolve_policy(self.policy, self.value_range, "an Augmentation")
            x = policy(x, generator)
        if self.blur:
            x = random_blur(x, self.blur, generator)
        if any(getattr(self, name) for name in _TONES):
            x = change_in_range(
                x, self.value_range, "an Augmentation", partial(self._tone, generator)
            )
        return x

    def spoil(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Add noise, and cut out.

        Parameters
        ----------
        x, generator : object
            As in a call.

        Returns
        -------
        tensor of shape (n_samples, n_channels, height, width)
            `x` itself if neither is set.
        """
        for change, amount in (
            (random_noise, self.noise),
            (random_cutout, self.cutout),
        ):
            if amount:
                x = change(x, amount, generator)
        return x

    def _tone(self, generator: torch.Generator, x: torch.Tensor) -> torch.Tensor:
        """Change brightness and colours of images from 0 to 1."""
        for name, change in _TONES.items():
            if amount := getattr(self, name):
                x = change(x, amount, generator)
        return x
