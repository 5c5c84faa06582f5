"""Transformers that compute with each value by itself."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from mtlearn.preprocessing._base import BaseImageTransformer

Steps = Sequence[tuple[np.ufunc, np.ndarray]]

_INVERSE: dict[np.ufunc, np.ufunc] = {np.divide: np.multiply, np.subtract: np.add}


class BaseImageScaler(BaseImageTransformer, ABC):
    """Base of the transformers that shift and scale values."""

    @abstractmethod
    def _steps(self) -> Steps:
        """Give the steps of `transform`, such as ``(numpy.divide, scale)``."""

    def transform(self, X: Any) -> Any:
        """Scale X with what `fit` has learned from the training samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) \
or (n_samples, height, width, n_channels), ImageFiles or dataset
            Samples in the layout that `fit` saw.

        Returns
        -------
        ndarray of the shape of X, or view
            The scaled samples. Of images on disk and of a dataset, a view that scales
            them where they are read.

        Raises
        ------
        ValueError
            If a sample has not the shape that `fit` saw, or X is empty, has NaN or
            infinite values, or is not numeric.
        """
        check_is_fitted(self)
        steps = self._steps()
        key = repr([(step.__name__, value.tolist()) for step, value in steps])
        return self._changed(X, partial(_rescale, steps=steps), key)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Bring scaled samples back to their first unit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) \
or (n_samples, height, width, n_channels)
            Samples as `transform` returns them.

        Returns
        -------
        ndarray of the shape of X
            The samples in their first unit; integers are not restored as such.

        Raises
        ------
        ValueError
            If a sample has not the shape that `fit` saw, or X is empty, has NaN or
            infinite values, or is not numeric.
        """
        check_is_fitted(self)
        X = self._check_transformed(X, self.sample_shape_)
        return _rescale(X, [(_INVERSE[f], value) for f, value in self._steps()[::-1]])


def _rescale(X: np.ndarray, steps: Steps) -> np.ndarray:
    """Apply steps one after the other to a new array.

    A floating X keeps its dtype, in the machine's byte order. Booleans and integers of
    up to 16 bits, all of which float32 holds exactly, become float32, wider integers
    float64. Numbers are given as float64 arrays: NumPy then computes in float64 and
    rounds when it stores, without a float64 copy of X.
    """
    if X.dtype.kind == "f":
        dtype = X.dtype.newbyteorder("=")
    else:
        dtype = np.result_type(X.dtype, np.float32)
    result = np.empty(X.shape, dtype=dtype)
    for ufunc, number in steps:
        ufunc(X, number, out=result, casting="same_kind")
        X = result
    return result
