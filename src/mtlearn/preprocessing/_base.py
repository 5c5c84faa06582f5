"""What the image transformers share: reading X, the output container, the tags."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import validate_data

from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.data import (
    ChangedDataset,
    ChangedImages,
    LazyRows,
    Rows,
    open_dataset,
    open_images,
    read_rows,
    readable,
    warn_channels_first,
)
from mtlearn.exceptions import DataTypeError, InvalidDataError

MAX_DIMENSIONS = 4
_ITEMS = {1: "(d,)", 2: "(height, width)", 3: "(height, width, n_channels)"}


class GivesImages(TransformerMixin):
    """What gives images, which no container of columns holds."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Images have no columns: scikit-learn must not wrap them in DataFrames.
        super().__init_subclass__(**{"auto_wrap_output_keys": None, **kwargs})

    def set_output(self, *, transform: str | None = None) -> Self:
        """Accept and ignore the container that scikit-learn asks for.

        Images have no columns, so `transform` returns what it does whatever is
        asked for. The method is here so that ``Pipeline.set_output`` can configure
        the other steps of a pipeline.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        self
            The transformer, unchanged.
        """
        return self


class BaseImageTransformer(GivesImages, VersionedEstimator):
    """Base of the transformers that read tables and images alike."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "float16"]
        return tags

    def _check_samples(self, X: Any, *, reset: bool) -> Rows:
        """Return X as rows without a copy; with `reset`, learn its layout.

        Images on disk and datasets are read where the rows are indexed. Nothing is
        learned of images that are to be skipped.
        """
        owner = type(self).__name__
        if reset:
            (X,), _ = readable(X)
        rows = open_images(X, owner) or open_dataset(X, owner, _ITEMS)
        if rows is None:
            array = self._check_array_like(X, reset=reset)
            shape = array.shape[1:]
        else:
            if reset:  # names of columns, which an earlier fit may have left, go
                validate_data(self, X, reset=True, skip_check_array=True)
            shape = rows.item_shape
        if reset:
            self.sample_shape_ = shape
            self.n_features_in_ = math.prod(shape)
        else:
            self._check_shape((len(array if rows is None else rows), *shape))
        return array if rows is None else rows

    def _check_array_like(self, X: Any, *, reset: bool) -> np.ndarray:
        X = read_rows(X, type(self).__name__)
        if isinstance(X, list | tuple):
            X = np.asarray(X)
        is_images = getattr(X, "ndim", 2) > 2
        # Of images scikit-learn would compare only the height with n_features_in_
        # (ensure_2d=False leaves that out), so the whole shape is compared below.
        with np.errstate(invalid="ignore"):  # see _check_transformed
            checked = validate_data(
                self, X, reset=reset, allow_nd=is_images, ensure_2d=not is_images
            )
        return self._check_array(checked)

    def _changed(
        self, X: Any, change: Callable[[np.ndarray], np.ndarray], key: str
    ) -> Any:
        """Change X now, or where it is read; `key` tells one change from another."""
        rows = self._check_samples(X, reset=False)
        if isinstance(rows, np.ndarray):
            return change(rows)
        if isinstance(rows, LazyRows):
            return ChangedImages(rows.images, change, key)
        return ChangedDataset(rows, change)

    def _check_transformed(self, X: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
        """Return what `inverse_transform` was given as an array of this shape."""
        # No validate_data: the output of transform has lost its column names.
        # scikit-learn first looks at the sum of X, and NumPy warns where that is
        # inf - inf (large float16 values of both signs) before X itself is looked at.
        with np.errstate(invalid="ignore"):
            checked = check_array(
                read_rows(X, type(self).__name__),
                allow_nd=True,
                estimator=self,
                input_name="X",
            )
        array = self._check_array(checked)
        self._check_shape(array.shape, shape)
        return array

    def _warn_channels_first(self) -> None:
        """Warn in `fit` of images with channels and a layout that looks turned."""
        if len(self.sample_shape_) == MAX_DIMENSIONS - 1:
            warn_channels_first(self.sample_shape_)

    def _check_array(self, X: Any) -> np.ndarray:
        """Refuse what scikit-learn lets pass."""
        array = np.asarray(X)
        name = type(self).__name__
        if array.dtype.kind not in "biuf":
            raise DataTypeError(
                f"X of {name} must hold real numbers. Got the dtype {array.dtype} "
                "instead. Convert X to a real dtype."
            )
        if array.ndim > MAX_DIMENSIONS:
            raise InvalidDataError(
                f"X of {name} must have 2, 3 or 4 dimensions: (n_samples, n_features), "
                "(n_samples, height, width) or (n_samples, height, width, n_channels). "
                f"Got the shape {array.shape} instead."
            )
        if array.size == 0:
            raise InvalidDataError(
                f"Found array with 0 feature(s) (shape={array.shape}) while a minimum "
                f"of 1 is required by {name}."
            )
        return array

    def _check_shape(
        self, found: tuple[int, ...], expected: tuple[int, ...] | None = None
    ) -> None:
        """Compare the shape of rows with that of a sample, the fitted one if None."""
        expected = self.sample_shape_ if expected is None else expected
        if found[1:] != expected:
            layout = ", ".join(["n_samples", *map(str, expected)])
            raise InvalidDataError(
                f"X of {type(self).__name__} must have the shape ({layout}), as "
                f"fitted. Got the shape {found} instead. Give X in the layout that "
                "fit saw, or fit again."
            )
