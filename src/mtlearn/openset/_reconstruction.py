"""How badly a row is made again from its features.

What an autoencoder was not trained on it is expected to draw worse [1]_. The error
beside the largest score is the rule of an eleventh class, "unknown", whose score is the
error times a factor: it is predicted where ``factor * error > max(logits)``.

References
----------
.. [1] M. Sakurada, T. Yairi, "Anomaly Detection Using Autoencoders with Nonlinear
   Dimensionality Reduction", MLSDA 2014.
"""

import numpy as np
import torch
from torch import Tensor

# Below it a variance, or a score, is none.
_TINY = 1e-12


def plain(errors: np.ndarray) -> np.ndarray:
    """Give the error.

    Parameters
    ----------
    errors : ndarray of shape (n_samples,)
        Of the reconstructions.

    Returns
    -------
    ndarray of shape (n_samples,)
        The same.
    """
    return errors.astype(np.float64)


def relative(errors: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Give the error in units of the variance of the row's own values.

    Parameters
    ----------
    errors, variances : ndarray of shape (n_samples,)
        Of the reconstructions, and of the values of each input.

    Returns
    -------
    ndarray of shape (n_samples,)
        About 1 where nothing but the mean is drawn; very high where nothing varies.
    """
    return errors.astype(np.float64) / np.maximum(variances, _TINY)


def beside_logits(errors: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Give the error in units of the largest score.

    Parameters
    ----------
    errors : ndarray of shape (n_samples,)
        Of the reconstructions.
    logits : ndarray of shape (n_samples, n_classes)
        Scores before the softmax.

    Returns
    -------
    ndarray of shape (n_samples,)
        One over the factor from which on the row is unknown; very high where no score
        is above zero, which any factor rejects.
    """
    highest = logits.max(axis=1).astype(np.float64)
    return errors.astype(np.float64) / np.maximum(highest, _TINY)


def plain_exported(errors: Tensor) -> Tensor:
    """Give `plain` of tensors, for torch's exporter."""
    return errors.double()


def relative_exported(errors: Tensor, variances: Tensor) -> Tensor:
    """Give `relative` of tensors, for torch's exporter."""
    return errors.double() / _at_least_tiny(variances)


def beside_logits_exported(errors: Tensor, logits: Tensor) -> Tensor:
    """Give `beside_logits` of tensors, for torch's exporter."""
    return errors.double() / _at_least_tiny(logits.amax(dim=1))


def _at_least_tiny(values: Tensor) -> Tensor:
    # A tensor, as the exporter rounds Python's numbers.
    tiny = torch.tensor(_TINY, dtype=torch.float64, device="cpu")
    return torch.maximum(values.double(), tiny)
