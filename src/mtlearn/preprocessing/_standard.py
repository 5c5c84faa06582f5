"""Training mean 0 and deviation 1, per channel or over all values."""

import math
from typing import Any, Self

import numpy as np

from mtlearn._utils._short import short
from mtlearn._utils._whole import in_one_step
from mtlearn.data import Rows
from mtlearn.exceptions import InvalidDataError, ParameterTypeError
from mtlearn.preprocessing._pieces import pieces
from mtlearn.preprocessing._scaler import BaseImageScaler, Steps

# Values that fit reads at once: 2 MB as float64.
CHUNK_VALUES = 2**18


class ImageStandardScaler(BaseImageScaler):
    """Subtract the training mean and divide by the training deviation.

    Unlike scikit-learn's StandardScaler, which treats every pixel by itself, all
    pixels of a channel share one mean and one deviation.

    Parameters
    ----------
    per_channel : bool, default=True
        Whether each channel (the last axis of a 4-dimensional X) has its own mean and
        deviation, or all values share one. Images without a channel axis and tables
        are of one channel.
    verbose : int, default=0
        Whether `fit` shows a bar while it reads images on disk or a dataset.

    Attributes
    ----------
    mean_ : ndarray of shape (n_channels,) or (1,)
        Mean of the training data, float64.
    scale_ : ndarray of shape (n_channels,) or (1,)
        Deviation of the training data (that of the population, ``ddof=0``), float64;
        1 where it is 0.
    sample_shape_ : tuple of int
        Shape of one sample of the X that `fit` saw.
    n_features_in_ : int
        Number of values of a sample.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where `fit` saw a DataFrame whose columns are all named by
        strings.

    See Also
    --------
    GlobalMaxScaler : Divides by the training maximum.

    Notes
    -----
    `fit` reads X piece by piece and adds up in float64, so that a large memory-mapped
    or integer X is never copied whole. Pieces are joined as in [1]_.

    Floating values keep their dtype. Booleans and integers of up to 16 bits come out
    as float32, wider integers as float64.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the
       sample variance: analysis and recommendations", The American Statistician,
       37(3), 1983.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.preprocessing import ImageStandardScaler
    >>> X = np.array([[[[0, 10]], [[4, 30]]]], dtype=np.uint8)
    >>> X.shape
    (1, 2, 1, 2)
    >>> scaler = ImageStandardScaler().fit(X)
    >>> scaler.mean_, scaler.scale_
    (array([ 2., 20.]), array([ 2., 10.]))
    >>> scaler.transform(X).ravel()
    array([-1., -1.,  1.,  1.], dtype=float32)
    """

    def __init__(self, per_channel: bool = True, verbose: int = 0) -> None:
        self.per_channel = per_channel
        self.verbose = verbose

    @in_one_step
    def fit(self, X: Any, y: object = None) -> Self:
        """Compute the mean and the deviation of X.

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
            If `per_channel` is not a bool.
        InvalidDataError
            If values are too large to be squared.
        ValueError
            If X is empty, has NaN or infinite values, or is not numeric.
        """
        if not isinstance(self.per_channel, bool | np.bool_):
            raise ParameterTypeError(
                "The 'per_channel' parameter of ImageStandardScaler must be True or "
                f"False. Got {short(self.per_channel)} instead."
            )
        X = self._check_samples(X, reset=True)
        self._warn_channels_first()
        n_channels = X.shape[-1] if self.per_channel and X.ndim == 4 else 1
        with np.errstate(over="ignore", invalid="ignore"):
            self.mean_, variance = _mean_and_variance(X, n_channels, self.verbose)
        if not np.isfinite(variance).all():
            low, high = _extremes(X)
            raise InvalidDataError(
                f"X of ImageStandardScaler has values from {low:.3g} to {high:.3g}, "
                "whose squares are too large to compute with. Divide them by a "
                "constant, or use GlobalMaxScaler."
            )
        deviation = np.sqrt(variance)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        return self

    def _steps(self) -> Steps:
        return [(np.subtract, self.mean_), (np.divide, self.scale_)]


def _extremes(X: Rows) -> tuple[float, float]:
    """Read X once more, for its smallest and its largest value."""
    found = [(each.min(), each.max()) for each in pieces(X, None, "", 0)]
    return min(low for low, _ in found), max(high for _, high in found)


def _mean_and_variance(
    X: Rows, n_channels: int, verbose: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance, each of shape (n_channels,), in float64."""
    rows = max(1, CHUNK_VALUES // math.prod(X.shape[1:]))
    count = 0
    origin = np.zeros(n_channels)
    mean = np.zeros(n_channels)
    squares = np.zeros(n_channels)  # summed squared distances from the mean
    for piece in pieces(X, rows, "ImageStandardScaler", verbose):
        chunk = piece.reshape(-1, n_channels)
        if count == 0:
            # Counted from the first pixel, a constant channel is exactly 0 throughout.
            origin = chunk[0].astype(np.float64)
        # One contiguous line a channel: NumPy adds those up pairwise.
        values = np.array(chunk.T, dtype=np.float64, order="C")
        values -= origin[:, None]
        n_new = values.shape[1]
        new_mean = values.mean(axis=1)
        values -= new_mean[:, None]
        step = new_mean - mean
        total = count + n_new
        mean += step * n_new / total
        new_squares = np.square(values, out=values).sum(axis=1)
        squares += new_squares + step**2 * count * n_new / total
        count = total
    return origin + mean, squares / count
