"""How far the nearest known rows are, by the direction of the features.

References
----------
.. [1] Y. Sun, Y. Ming, X. Zhu, Y. Li, "Out-of-Distribution Detection with Deep Nearest
   Neighbors", ICML 2022.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

N_NEIGHBORS = 10
MOST_ROWS = 4500
# Rows at a time: their distances to all others fit into a few megabytes.
_BLOCK = 128
# Directions that differ by less are one and the same, but for their rounding.
_SAME = 1e-6


def fit(features: np.ndarray, codes: np.ndarray, seed: int) -> dict[str, Any]:
    """Keep known rows, at most 4,500 of them.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Of known rows.
    codes : ndarray of shape (n_samples,)
        Not used.
    seed : int
        Which rows are drawn where there are more.

    Returns
    -------
    dict
        With their features, of length one, `(n_rows, n_features)`.
    """
    if len(features) > MOST_ROWS:
        rows = np.random.RandomState(seed).permutation(len(features))[:MOST_ROWS]
        features = features[np.sort(rows)]
    return {"rows": of_unit_length(features)}


def score(state: dict[str, Any], features: np.ndarray) -> np.ndarray:
    """Give the distance to the tenth of the nearest known rows.

    Parameters
    ----------
    state : dict
        What `fit` returned.
    features : ndarray of shape (n_samples, n_features)
        Of any rows.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 2]; higher is farther. To the last one where there are fewer than ten.
    """
    known = state["rows"].astype(np.float64)
    n_nearest = min(N_NEIGHBORS, len(known))
    lengths, twice = (known**2).sum(axis=1), -2 * known.T
    found = np.empty(len(features))
    for start in range(0, len(features), _BLOCK):
        own = of_unit_length(features[start : start + _BLOCK]).astype(np.float64)
        # But for what is the same of all known rows, and added at the end.
        squares = own @ twice
        squares += lengths
        # Of few, torch finds the smallest ones in half of the time of numpy.
        nearest = torch.from_numpy(squares).topk(n_nearest, largest=False, sorted=False)
        tenth = nearest.values.amax(dim=1).numpy() + (own**2).sum(axis=1)
        found[start : start + _BLOCK] = np.sqrt(np.maximum(tenth, 0))
    found[found < _SAME] = 0
    return found


def of_unit_length(features: np.ndarray) -> np.ndarray:
    """Divide rows by their lengths; one of zeros stays.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Any.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Of the same type.
    """
    # Squares of large numbers have no place in float32.
    lengths = np.sqrt((features.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return (features / np.where(lengths > 0, lengths, 1)).astype(features.dtype)


def exported(state: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    """Give `score` of tensors, for torch's exporter."""
    rows = torch.tensor(state["rows"], device="cpu")
    same = torch.tensor(_SAME, dtype=torch.float64, device="cpu")
    lengths = rows.double().square().sum(dim=1)
    n_nearest = min(N_NEIGHBORS, len(rows))

    def score(features: Tensor) -> Tensor:
        own = _of_unit_length(features).double()
        squares = own @ (-2 * rows.double().T) + lengths
        nearest = squares.topk(n_nearest, dim=1, largest=False)
        tenth = nearest.values[:, -1] + own.square().sum(dim=1)
        found = tenth.relu().sqrt()
        return torch.where(found < same, torch.zeros_like(found), found)

    return score


def _of_unit_length(features: Tensor) -> Tensor:
    exact = features.double()
    lengths = exact.square().sum(dim=1, keepdim=True).sqrt()
    divisors = torch.where(lengths > 0, lengths, torch.ones_like(lengths))
    return (exact / divisors).to(features.dtype)
