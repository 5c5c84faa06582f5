"""Division by the training maximum."""

from typing import Any, Self

import numpy as np

from mtlearn._utils._whole import in_one_step
from mtlearn.exceptions import InvalidDataError
from mtlearn.preprocessing._pieces import pieces
from mtlearn.preprocessing._scaler import BaseImageScaler, Steps


class GlobalMaxScaler(BaseImageScaler):
    """Divide every value by one number, the maximum of the training data.

    The training data then ends at 1 and zero stays zero. Samples brighter than the
    training maximum come out above 1; nothing is clipped.

    Parameters
    ----------
    verbose : int, default=0
        Whether `fit` shows a bar while it reads images on disk or a dataset.

    Attributes
    ----------
    max_ : float
        The largest value of the training data.
    scale_ : float
        What `transform` divides by: `max_`, or 1 where that is 0.
    sample_shape_ : tuple of int
        Shape of one sample of the X that `fit` saw.
    n_features_in_ : int
        Number of values of a sample.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where `fit` saw a DataFrame whose columns are all named by
        strings.

    See Also
    --------
    ImageStandardScaler : Standardises each channel.

    Notes
    -----
    Floating values keep their dtype. Booleans and integers of up to 16 bits come out
    as float32, wider integers as float64.

    Examples
    --------
    >>> import numpy as np
    >>> from mtlearn.preprocessing import GlobalMaxScaler
    >>> X = np.array([[[0, 51], [102, 255]]], dtype=np.uint8)
    >>> scaler = GlobalMaxScaler().fit(X)
    >>> scaler.max_
    255.0
    >>> scaler.transform(X)
    array([[[0. , 0.2],
            [0.4, 1. ]]], dtype=float32)
    """

    def __init__(self, verbose: int = 0) -> None:
        self.verbose = verbose

    @in_one_step
    def fit(self, X: Any, y: object = None) -> Self:
        """Find the maximum of X.

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
        InvalidDataError
            If every value is negative: the division would turn their order round.
        ValueError
            If X is empty, has NaN or infinite values, or is not numeric.
        """
        X = self._check_samples(X, reset=True)
        self._warn_channels_first()
        whole = pieces(X, None, type(self).__name__, self.verbose)
        maximum = max(float(piece.max()) for piece in whole)
        if maximum < 0:
            raise InvalidDataError(
                "X of GlobalMaxScaler must have a maximum of 0 or more. Got the "
                f"maximum {maximum}: dividing by it would turn the order of the "
                "values round. Use ImageStandardScaler, or shift X."
            )
        self.max_ = maximum
        self.scale_ = maximum if maximum > 0 else 1.0
        return self

    def _steps(self) -> Steps:
        return [(np.divide, np.asarray(self.scale_))]
