"""How low the highest score is.

References
----------
.. [1] D. Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World
   Settings", ICML 2022.
"""

import numpy as np
from torch import Tensor


def score(logits: np.ndarray) -> np.ndarray:
    """Give the largest score, with its sign changed.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
        Scores before the softmax.

    Returns
    -------
    ndarray of shape (n_samples,)
        Higher is less like a known class.
    """
    return -logits.max(axis=1).astype(np.float64)


def exported(logits: Tensor) -> Tensor:
    """Give `score` of tensors, for torch's exporter."""
    return -logits.amax(dim=1).double()
