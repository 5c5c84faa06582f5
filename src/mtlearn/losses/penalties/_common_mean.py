"""Tasks that differ little from their mean."""

import torch
from torch import Tensor

from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses.penalties._base import Penalty, TaskWeights


class CommonMean(Penalty):
    """Weights near the mean of all tasks.

    ``strength / 2 * sum_t ||W_t - mean||^2`` over tasks t, with the mean of their
    weights, output by output: the prior by which tasks are draws around one that
    nobody knows. It is a `GraphLaplacian` of all pairs with the weight
    ``1 / n_tasks``.

    Parameters
    ----------
    strength : float
        Its factor, not negative.
    tasks : sequence of str, default=None
        The tasks that it is about, of equal numbers of outputs; see :class:`Penalty`.

    References
    ----------
    .. [1] T. Evgeniou, M. Pontil, "Regularized Multi-Task Learning", KDD 2004.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import CommonMean
    >>> weights = {"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor([[3.0, 2.0]])}
    >>> CommonMean(0.5)(weights)
    tensor(0.5000)
    """

    def check(self, weights: TaskWeights, owner: str) -> None:
        """Check that there are several tasks with as many outputs; see `Penalty`."""
        if len(weights) < 2:
            raise InvalidParameterError(
                f"The {type(self).__name__} of {owner} needs two tasks to have a mean "
                f"of, and there is only {next(iter(weights))!r}. Leave it out."
            )
        remedy = "Say by its parameter 'tasks' which ones to compare."
        self._check_same_outputs(weights, weights, owner, remedy)

    def size(self, weights: TaskWeights) -> Tensor:
        """Compute half the squared distances to the mean; see `Penalty`."""
        each = torch.stack(list(weights.values()))
        return (each - each.mean(dim=0)).square().sum() / 2
