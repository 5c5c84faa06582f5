"""How little the most likely class is.

References
----------
.. [1] D. Hendrycks, K. Gimpel, "A Baseline for Detecting Misclassified and
   Out-of-Distribution Examples in Neural Networks", ICLR 2017.
"""

import numpy as np
from torch import Tensor


def score(chances: np.ndarray) -> np.ndarray:
    """Give one minus the largest probability.

    Parameters
    ----------
    chances : ndarray of shape (n_samples, n_classes)
        Probabilities.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1 - 1 / n_classes].
    """
    return 1 - chances.max(axis=1).astype(np.float64)


def exported(chances: Tensor) -> Tensor:
    """Give `score` of tensors, for torch's exporter."""
    return 1 - chances.amax(dim=1).double()
