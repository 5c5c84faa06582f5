"""How far the members of an ensemble lie apart.

References
----------
.. [1] B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and Scalable Predictive
   Uncertainty Estimation using Deep Ensembles", NeurIPS 2017.
"""

import numpy as np
import torch
from torch import Tensor

# Members that agree differ in the last digits of their probabilities.
_DECIMALS = 12


def score(deviations: np.ndarray) -> np.ndarray:
    """Give the mean deviation of the members' probabilities.

    Parameters
    ----------
    deviations : ndarray of shape (n_samples, n_classes)
        Of each class, over members.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 0.5]; 0 where all members agree.
    """
    return np.round(deviations.mean(axis=1).astype(np.float64), _DECIMALS)


def exported(deviations: Tensor) -> Tensor:
    """Give `score` of tensors, for torch's exporter."""
    unit = torch.tensor(10.0**_DECIMALS, dtype=torch.float64, device="cpu")
    return (deviations.mean(dim=1).double() * unit).round() / unit
