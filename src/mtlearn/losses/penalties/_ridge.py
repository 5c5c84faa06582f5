"""Small weights."""

from torch import Tensor

from mtlearn.losses.penalties._base import Penalty, TaskWeights, stacked


class Ridge(Penalty):
    """Small weights of the heads' last layers, each task for itself.

    ``strength / 2 * ||W||^2``, the sum of all squares, with biases free. `weight_decay`
    is about every weight of the network, biases among them, and depends on the
    optimiser; this is not. Beside a `GroupLasso` it makes an elastic net.

    Parameters
    ----------
    strength : float
        Its factor, not negative.
    tasks : sequence of str, default=None
        The tasks that it is about; see :class:`Penalty`.

    References
    ----------
    .. [1] A. E. Hoerl, R. W. Kennard, "Ridge Regression: Biased Estimation for
       Nonorthogonal Problems", Technometrics 12, 1970.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.losses import Ridge
    >>> Ridge(0.1)({"price": torch.tensor([[1.0, 3.0]])})
    tensor(0.5000)
    """

    def size(self, weights: TaskWeights) -> Tensor:
        """Compute half the sum of squares; see `Penalty`."""
        return stacked(weights).square().sum() / 2
