"""Features that all tasks use, or none."""

import torch
from torch import Tensor

from mtlearn.losses.penalties._base import Penalty, TaskWeights, stacked


class GroupLasso(Penalty):
    """Few features, the same for all tasks: the l2,1 norm.

    ``strength * sum_r ||w_r||``, where `w_r` is the row of W with the weights that all
    outputs give to feature r. Rows shrink to zero as wholes. On an identity backbone,
    ``Partial(MLP, hidden=())``, features are the columns of X, and regressions without
    a missing label are scikit-learn's `MultiTaskLasso` of ``alpha = strength / 2``.
    Behind a network, it is about features that are learned.

    Parameters
    ----------
    strength : float
        Its factor, not negative.
    tasks : sequence of str, default=None
        The tasks that it is about; see :class:`Penalty`.

    Notes
    -----
    Training comes near zero, and does not end on it: count rows above a thousandth of
    the largest.

    References
    ----------
    .. [1] G. Obozinski, B. Taskar, M. I. Jordan, "Joint Covariate Selection and Joint
       Subspace Selection for Multiple Classification Problems", Statistics and
       Computing 20, 2010.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import GroupLasso
    >>> weights = {"a": torch.tensor([[3.0, 1.0]]), "b": torch.tensor([[4.0, 0.0]])}
    >>> GroupLasso(0.5)(weights)
    tensor(3.)
    """

    def size(self, weights: TaskWeights) -> Tensor:
        """Compute the sum of the rows' lengths; see `Penalty`."""
        return torch.linalg.vector_norm(stacked(weights), dim=0).sum()
