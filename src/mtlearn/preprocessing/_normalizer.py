"""Means and deviations that are known, such as those of ImageNet."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, Self

import numpy as np

from mtlearn._utils._imagenet import IMAGENET
from mtlearn._utils._short import short
from mtlearn._utils._whole import in_one_step
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.preprocessing._scaler import BaseImageScaler, Steps


class ImageNormalizer(BaseImageScaler):
    """Bring images to [0, 1], subtract a known mean and divide by a known deviation.

    Networks that were trained elsewhere want their images as they were there.

    Parameters
    ----------
    mean, std : "imagenet", float or sequence of float, default="imagenet"
        Of each channel, or one for all, where black is 0 and white is 1.
        ``"imagenet"`` is (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225), and for
        images of one channel their averages, 0.449 and 0.226.

    Attributes
    ----------
    white_ : float
        The value of white: 255 for whole numbers, 65535 for uint16, and 1 for real
        numbers and booleans.
    mean_, scale_ : ndarray of shape (n_channels,) or (1,)
        What is subtracted from the values of X, and what they are divided by: `mean`
        and `std` times `white_`.
    sample_shape_ : tuple of int
        Shape of one sample of the X that `fit` saw.
    n_features_in_ : int
        Number of values of a sample.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where `fit` saw a DataFrame whose columns are all named by
        strings.

    See Also
    --------
    ImageStandardScaler : Learns mean and deviation of the training data.

    Notes
    -----
    `fit` looks at the layout and the dtype of X alone, and not at its values. Floating
    values keep their dtype. Booleans and integers of up to 16 bits come out as
    float32, wider integers as float64.

    References
    ----------
    .. [1] O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge",
       International Journal of Computer Vision 115, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.preprocessing import ImageNormalizer
    >>> X = np.array([[[[0, 0, 0]], [[255, 255, 255]]]], dtype=np.uint8)
    >>> ImageNormalizer().fit_transform(X).round(3)
    array([[[[-2.118, -2.036, -1.804]],
            [[ 2.249,  2.429,  2.64 ]]]], dtype=float32)
    """

    def __init__(
        self,
        mean: str | float | Sequence[float] = "imagenet",
        std: str | float | Sequence[float] = "imagenet",
    ) -> None:
        self.mean = mean
        self.std = std

    @in_one_step
    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the layout of X, and how bright white is in it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) \
or (n_samples, height, width, n_channels), ImageFiles or dataset
            Training samples.
        y : object, default=None
            Ignored.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        ParameterTypeError, InvalidParameterError
            If `mean` or `std` is not what it must be, or a `std` is not positive.
        InvalidDataError
            If there is another number of channels.
        ValueError
            If X is empty, has NaN or infinite values, or is not numeric.
        """
        given = {name: _read(getattr(self, name), name) for name in ("mean", "std")}
        if not (np.asarray(given["std"]) > 0).all():
            raise InvalidParameterError(
                "The 'std' parameter of ImageNormalizer must be positive. Got "
                f"{short(self.std)} instead."
            )
        X = self._check_samples(X, reset=True)
        self._warn_channels_first()
        n_channels = X.shape[-1] if X.ndim == 4 else 1
        self.white_ = _white(X.dtype)
        self.mean_, self.scale_ = (
            _for_channels(values, n_channels, getattr(self, name), name) * self.white_
            for name, values in given.items()
        )
        return self

    def _check_samples(self, X: Any, *, reset: bool) -> Any:
        rows = super()._check_samples(X, reset=reset)
        if not reset and _white(rows.dtype) != self.white_:
            raise InvalidDataError(
                f"ImageNormalizer was fitted on images whose white is "
                f"{self.white_:.0f}, and in X, of dtype {rows.dtype}, it would be "
                f"{_white(rows.dtype):.0f}. Give X in the dtype that fit saw."
            )
        return rows

    def _steps(self) -> Steps:
        return [(np.subtract, self.mean_), (np.divide, self.scale_)]


def _white(dtype: np.dtype) -> float:
    if dtype.kind in "fb":
        return 1.0
    # In any order of bytes.
    return 65535.0 if dtype.kind == "u" and dtype.itemsize == 2 else 255.0


def _read(value: Any, name: str) -> tuple[float, ...]:
    """Return a parameter as one number, or one for each channel."""
    if isinstance(value, str) and value == "imagenet":
        return IMAGENET[name]
    numbers: Any = [value] if isinstance(value, Real) else value
    if isinstance(numbers, str) or not isinstance(numbers, Sequence | np.ndarray):
        raise _refusal(value, name, ParameterTypeError)
    if not all(isinstance(each, Real) for each in numbers):
        raise _refusal(value, name, ParameterTypeError)
    found = tuple(float(each) for each in numbers)
    if not found or not np.isfinite(found).all():
        raise _refusal(value, name, InvalidParameterError)
    return found


def _refusal(value: Any, name: str, error: type[Exception]) -> Exception:
    return error(
        f"The {name!r} parameter of ImageNormalizer must be 'imagenet', a number, or "
        f"one for each channel. Got {short(value)} instead."
    )


def _for_channels(
    values: tuple[float, ...], n_channels: int, given: Any, name: str
) -> np.ndarray:
    if n_channels == 1 and isinstance(given, str):
        return np.array([np.mean(values)])
    if len(values) not in (1, n_channels):
        raise InvalidDataError(
            f"X of ImageNormalizer has {n_channels} channel(s), and the {name!r} "
            f"parameter, {short(given)}, is of {len(values)}. Give one number, or one "
            "for each channel."
        )
    return np.array(values)
