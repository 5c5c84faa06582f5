"""Reading image arrays without a copy."""

from typing import Any

import numpy as np
from sklearn.utils import check_array

from mtlearn.data._rows import read_rows
from mtlearn.exceptions import DataTypeError, InvalidDataError

_CHUNK_BYTES = 2**24


def check_images(X: Any, owner: str) -> np.ndarray:
    """Return images with a channel axis, without a copy where there need be none.

    Parameters
    ----------
    X : array-like of shape (n_samples, height, width[, n_channels])
        Images of any real dtype, in any container that `read_rows` knows.
    owner : str
        Who asks, for messages.

    Returns
    -------
    ndarray of shape (n_samples, height, width, n_channels)
        A view where X is an array of numbers.

    Raises
    ------
    InvalidDataError
        If the shape is another, or a pixel is NaN or infinite.
    DataTypeError
        If X does not hold real numbers.
    """
    if not _is_plain(X):
        X = check_array(
            read_rows(X, owner),
            dtype="numeric",
            ensure_2d=False,
            allow_nd=True,
            ensure_all_finite=False,
            estimator=owner,
        )
    if X.dtype.kind not in "biuf":
        raise DataTypeError(
            f"{owner} expects images of real numbers. Got an array of dtype {X.dtype} "
            "instead. Convert it first."
        )
    if X.ndim == 3:
        X = X[..., np.newaxis]
    if X.ndim != 4:
        raise InvalidDataError(
            f"{owner} expects images of shape (n_samples, height, width) or "
            f"(n_samples, height, width, n_channels). Got an array of shape {X.shape} "
            "instead. Reshape your data. Put ImageReshaper() in front to turn rows "
            "into images, or pass one image as X[numpy.newaxis]."
        )
    if 0 in X.shape:
        raise InvalidDataError(
            f"{owner} expects images of at least one pixel and one channel. Got an "
            f"array of shape {X.shape} instead."
        )
    check_finite(X, owner)
    return X


def _is_plain(X: Any) -> bool:
    """Tell whether X is an array that check_array would return as it is.

    It takes a noticeable part of the time in which one image is predicted.
    """
    return (
        type(X) is np.ndarray and X.dtype.kind in "biuf" and X.ndim > 2 and len(X) > 0
    )


def check_finite(X: np.ndarray, owner: str) -> None:
    """Raise if a pixel is NaN or infinite, naming the first one.

    Parameters
    ----------
    X : ndarray of shape (n_samples, height, width, n_channels)
        Images; read in chunks.
    owner : str
        Who asks, for messages.
    """
    if X.dtype.kind != "f":
        return
    rows = max(1, _CHUNK_BYTES // X[:1].nbytes)
    # Nor is there a whole mask of one very large image.
    lines = max(1, _CHUNK_BYTES // X[:1, :1].nbytes)
    for start in range(0, len(X), rows):
        for top in range(0, X.shape[1], lines):
            finite = np.isfinite(X[start : start + rows, top : top + lines])
            if not finite.all():
                image, row, column, channel = np.argwhere(~finite)[0]
                at = start + image, top + row, column, channel
                name = "NaN" if np.isnan(X[at]) else "infinity"
                raise InvalidDataError(
                    f"Input X contains {name}: image {at[0]}, row {at[1]}, column "
                    f"{column}, channel {channel}. {owner} accepts finite pixels only."
                )
