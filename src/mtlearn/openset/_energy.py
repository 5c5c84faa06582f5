"""The free energy of the scores, in which all classes have a say.

References
----------
.. [1] W. Liu, X. Wang, J. D. Owens, Y. Li, "Energy-based Out-of-distribution
   Detection", NeurIPS 2020.
"""

import numpy as np
from scipy.special import logsumexp
from torch import Tensor


def score(logits: np.ndarray) -> np.ndarray:
    """Give minus the logarithm of the sum of the exponentials.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
        Scores before the softmax.

    Returns
    -------
    ndarray of shape (n_samples,)
        Higher is less like the known classes.
    """
    return -logsumexp(logits.astype(np.float64), axis=1)


def exported(logits: Tensor) -> Tensor:
    """Give `score` of tensors, for torch's exporter."""
    return -logits.double().logsumexp(dim=1)
