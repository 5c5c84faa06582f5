"""Tables and grey images as images with channels."""

import math
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._short import short
from mtlearn._utils._whole import in_one_step
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.preprocessing._base import BaseImageTransformer


class ImageReshaper(BaseImageTransformer):
    """Give X the layout of images, channels last.

    Values keep their order and dtype, as in `numpy.reshape`, and are not copied
    where NumPy can show them as a view (of a memory-mapped file, for example).

    Parameters
    ----------
    image_shape : tuple of int, default=None
        ``(height, width)``, for one channel, or ``(height, width, n_channels)``. One
        entry may be -1: it follows from the number of values of a sample. With None,
        images keep their size, and the rows of a table become square images of one
        channel.

    Attributes
    ----------
    image_shape_ : tuple of int
        ``(height, width, n_channels)`` of the images that `transform` returns.
    sample_shape_ : tuple of int
        Shape of one sample of the X that `fit` saw, which `inverse_transform`
        gives back.
    n_features_in_ : int
        Number of values of a sample.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where `fit` saw a DataFrame whose columns are all named by
        strings.

    See Also
    --------
    GlobalMaxScaler : Divides by the training maximum.
    ImageStandardScaler : Standardises each channel.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.preprocessing import ImageReshaper
    >>> X = np.arange(32).reshape(2, 16)
    >>> ImageReshaper().fit_transform(X).shape
    (2, 4, 4, 1)
    >>> ImageReshaper(image_shape=(2, 4, -1)).fit_transform(X).shape
    (2, 2, 4, 2)
    """

    def __init__(self, image_shape: tuple[int, ...] | None = None) -> None:
        self.image_shape = image_shape

    @in_one_step
    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the layout of X.

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
        ParameterTypeError
            If `image_shape` is not None or a tuple or list of integers.
        InvalidParameterError
            If `image_shape` has not two or three entries, an entry is not positive
            (or -1, once), or the samples cannot take that shape.
        InvalidDataError
            If `image_shape` is None and X is a table whose rows are no squares.
        ValueError
            If X is empty, has NaN or infinite values, or is not numeric.
        """
        image_shape = _check_image_shape(self.image_shape)
        X = self._check_samples(X, reset=True)
        if image_shape is None:
            self.image_shape_ = _default_shape(self.sample_shape_)
        else:
            self.image_shape_ = _resolve_shape(image_shape, self.sample_shape_)
        self._warn_channels_first()
        return self

    def transform(self, X: Any) -> Any:
        """Reshape X into images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) \
or (n_samples, height, width, n_channels), ImageFiles or dataset
            Samples in the layout that `fit` saw.

        Returns
        -------
        ndarray of shape (n_samples, height, width, n_channels), or view
            The images, a view of X where possible. Of images on disk and of a dataset,
            a view that reshapes them where they are read.

        Raises
        ------
        ValueError
            If a sample has not the shape that `fit` saw, or X is empty, has NaN or
            infinite values, or is not numeric.
        """
        check_is_fitted(self)
        change = partial(_reshaped, shape=self.image_shape_)
        return self._changed(X, change, repr(self.image_shape_))

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Give images back the layout that `fit` saw.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width, n_channels)
            Images, as `transform` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features), (n_samples, height, width) or \
(n_samples, height, width, n_channels)
            The samples, a view of X where possible.

        Raises
        ------
        ValueError
            If an image has not the shape `image_shape_`, or X is empty, has NaN or
            infinite values, or is not numeric.
        """
        check_is_fitted(self)
        X = self._check_transformed(X, self.image_shape_)
        return X.reshape(len(X), *self.sample_shape_)


def _reshaped(X: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return X.reshape(len(X), *shape)


def _check_image_shape(image_shape: object) -> tuple[int, int, int] | None:
    """Return the parameter with a channel; one entry may be -1."""
    if image_shape is None:
        return None
    rule = (
        "The 'image_shape' parameter of ImageReshaper must be None, (height, width) or "
        "(height, width, n_channels), positive integers of which one may be -1. "
        f"Got {short(image_shape)} instead."
    )
    if not isinstance(image_shape, tuple | list) or not all(
        isinstance(size, Integral) and not isinstance(size, bool)
        for size in image_shape
    ):
        raise ParameterTypeError(rule)
    if (
        len(image_shape) not in (2, 3)
        or any(size < 1 and size != -1 for size in image_shape)
        or list(image_shape).count(-1) > 1
    ):
        raise InvalidParameterError(rule)
    height, width, channels = [int(size) for size in (*image_shape, 1)[:3]]
    return height, width, channels


def _default_shape(sample_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Keep the size of images; see the rows of a table as squares."""
    if len(sample_shape) > 1:
        height, width, channels = (*sample_shape, 1)[:3]
        return height, width, channels
    n_features = sample_shape[0]
    side = math.isqrt(n_features)
    if side * side != n_features:
        raise InvalidDataError(
            "X of ImageReshaper must have a square number of features when "
            f"'image_shape' is None. Got {n_features} features instead. Give "
            "image_shape=(height, width) or (height, width, n_channels)."
        )
    return side, side, 1


def _resolve_shape(
    image_shape: tuple[int, int, int], sample_shape: tuple[int, ...]
) -> tuple[int, int, int]:
    """Put a number in the place of -1, and check that the samples fit."""
    n_values = math.prod(sample_shape)
    known = math.prod(size for size in image_shape if size != -1)
    height, width, channels = [
        n_values // known if size == -1 else size for size in image_shape
    ]
    if height * width * channels != n_values:
        raise InvalidParameterError(
            f"The 'image_shape' parameter of ImageReshaper is {image_shape} (height, "
            f"width, n_channels), which cannot hold the {n_values} values of a sample "
            f"of the shape {sample_shape}. Give the shape of your images."
        )
    # Without this, channels-first images would be torn to pieces silently.
    if len(sample_shape) == 3 and sample_shape[-1] not in (1, channels):
        raise InvalidParameterError(
            f"The 'image_shape' parameter of ImageReshaper asks for {channels} "
            f"channel(s), but the images of X have {sample_shape[-1]} (shape "
            f"{sample_shape}, channels last). If the channels of X come first, pass "
            "numpy.moveaxis(X, 1, -1)."
        )
    return height, width, channels
