"""How far the nearest class is, in units of the spread within classes.

References
----------
.. [1] K. Lee, K. Lee, H. Lee, J. Shin, "A Simple Unified Framework for Detecting
   Out-of-Distribution Samples and Adversarial Attacks", NeurIPS 2018.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.linalg import cholesky, solve_triangular
from scipy.spatial.distance import cdist
from torch import Tensor

SHRINKAGE = 0.01
# Shares of the mean square of features, and of distances, that are rounding.
_NO_VARIANCE = 1e-13
_NO_DISTANCE = 1e-12


def fit(features: np.ndarray, codes: np.ndarray, seed: int) -> dict[str, Any]:
    """Learn the means of the classes, and the covariance that they share.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Of known rows.
    codes : ndarray of shape (n_samples,)
        Which class each is of; below 0 where nobody knows, which are left out.
    seed : int
        Not used.

    Returns
    -------
    dict
        With the means `(n_classes, n_features)` of the classes that are there, and the
        lower triangle of the covariance, whose product with itself that is. It is
        brought by 1 % towards a ball of the same mean variance, as features that never
        vary would be divided by zero; where none does, of their mean square.
    """
    rows = codes >= 0
    features, codes = features[rows].astype(np.float64), codes[rows]
    classes, places = np.unique(codes, return_inverse=True)
    means = np.stack([features[codes == each].mean(axis=0) for each in classes])
    off = features - means[places]
    covariance = off.T @ off / len(off)
    variance, size = np.trace(covariance) / len(covariance), (features**2).mean()
    if variance <= _NO_VARIANCE * size:
        variance = size if size > 0 else 1.0
    ball = np.eye(len(covariance)) * variance
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * ball
    return {"means": means, "triangle": cholesky(covariance, lower=True)}


def score(state: dict[str, Any], features: np.ndarray) -> np.ndarray:
    """Give the squared distance to the nearest mean.

    Parameters
    ----------
    state : dict
        What `fit` returned.
    features : ndarray of shape (n_samples, n_features)
        Of any rows.

    Returns
    -------
    ndarray of shape (n_samples,)
        Higher is farther; NaN of rows that are NaN.
    """
    means, triangle = state["means"], state["triangle"]
    known = ~np.isnan(features).any(axis=1)
    found = np.full(len(features), np.nan)
    own = _whitened(features[known].astype(np.float64), triangle)
    squares = cdist(own, _whitened(means, triangle), "sqeuclidean")
    found[known] = squares.min(axis=1)
    found[found < _NO_DISTANCE] = 0
    return found


def _whitened(rows: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    return solve_triangular(triangle, rows.T, lower=True).T


def exported(state: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    """Give `score` of tensors, for torch's exporter, which solves no triangle."""
    triangle = state["triangle"]
    means = torch.tensor(_whitened(state["means"], triangle), device="cpu")
    whitening = torch.tensor(_whitened(np.eye(len(triangle)), triangle), device="cpu")
    lengths = means.square().sum(dim=1)
    least = torch.tensor(_NO_DISTANCE, dtype=torch.float64, device="cpu")

    def score(features: Tensor) -> Tensor:
        own = features.double() @ whitening
        # Which mean is the nearest, without a matrix of features for each class.
        nearest = (lengths - 2 * own @ means.T).argmin(dim=1)
        found = (own - means[nearest]).square().sum(dim=1)
        return torch.where(found < least, torch.zeros_like(found), found)

    return score
