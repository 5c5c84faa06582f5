"""Penalties of singular values: weights of low rank, and how tasks vary together."""

import torch
from torch import Tensor

from mtlearn.losses.penalties._base import Penalty, TaskWeights, stacked


class TraceNorm(Penalty):
    """Weights of low rank: all outputs are made of few directions of the features.

    ``strength * sum_k sigma_k(W)``, the sum of the singular values.

    Parameters
    ----------
    strength : float
        Its factor, not negative.
    tasks : sequence of str, default=None
        The tasks that it is about; see :class:`Penalty`.

    Notes
    -----
    Training comes near zero, and does not end on it: count singular values above a
    thousandth of the largest. A step takes a singular value decomposition of W.

    References
    ----------
    .. [1] A. Argyriou, T. Evgeniou, M. Pontil, "Convex Multi-Task Feature Learning",
       Machine Learning 73, 2008.
    .. [2] S. Ji, J. Ye, "An Accelerated Gradient Method for Trace Norm Minimization",
       ICML 2009.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import TraceNorm
    >>> weights = {"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([[0.0, 4.0]])}
    >>> TraceNorm(0.5)(weights)
    tensor(3.5000)
    """

    def size(self, weights: TaskWeights) -> Tensor:
        """Compute the sum of the singular values; see `Penalty`."""
        return _singular_values(weights).sum()


class TaskCovariance(Penalty):
    """A prior of weights whose covariance between tasks is learned with them.

    The rows of W are draws from a normal distribution with the covariance Omega
    between columns, of trace 1: ``strength / 2 * tr(W Omega^-1 W^T)``. For given
    weights the best Omega is ``(W^T W)^(1/2) / tr (W^T W)^(1/2)``. It is put in at
    every step, where the penalty is ``strength / 2 * (sum_k sigma_k(W))^2``. After
    `fit`, Omega is the estimator's `task_covariance_`, which
    :class:`~mtlearn.inspection.TaskCovarianceDisplay` shows.

    Parameters
    ----------
    strength : float
        Its factor, not negative.
    tasks : sequence of str, default=None
        The tasks that it is about; see :class:`Penalty`.

    Notes
    -----
    A step takes a singular value decomposition of W. The authors compute Omega and W
    in turn; both ways end where the same equations hold.

    References
    ----------
    .. [1] Y. Zhang, D.-Y. Yeung, "A Convex Formulation for Learning Task Relationships
       in Multi-Task Learning", UAI 2010.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import TaskCovariance
    >>> weights = {"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([[0.0, 1.0]])}
    >>> penalty = TaskCovariance(0.5)
    >>> penalty(weights)
    tensor(4.)
    >>> penalty.covariance(weights)
    tensor([[0.7500, 0.0000],
            [0.0000, 0.2500]])
    """

    def size(self, weights: TaskWeights) -> Tensor:
        """Compute half the squared sum of the singular values; see `Penalty`."""
        return _singular_values(weights).sum().square() / 2

    def covariance(self, weights: TaskWeights) -> Tensor:
        """Give the covariance between columns that suits weights best.

        Parameters
        ----------
        weights : mapping of str to Tensor of shape (n_outputs, n_features)
            By task.

        Returns
        -------
        Tensor of shape (n_columns, n_columns)
            Symmetric, without negative eigenvalues, of trace 1; of weights that are all
            zero, the identity over the number of columns.
        """
        columns = stacked(weights).detach()
        vectors, values, _ = torch.linalg.svd(columns, full_matrices=False)
        total = values.sum()
        if not total:
            n_columns = len(columns)
            return torch.eye(n_columns, dtype=columns.dtype, device="cpu") / n_columns
        return (vectors * values) @ vectors.T / total


def _singular_values(weights: TaskWeights) -> Tensor:
    columns = stacked(weights)
    if not torch.isfinite(columns).all():
        # Of these torch raises; that training diverges is for others to notice.
        return columns.sum(dim=1) * torch.nan
    return torch.linalg.svdvals(columns)
