"""The network that joins a backbone and the heads."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class MultiTaskNetwork(nn.Module):
    """One backbone whose features all heads share.

    Parameters
    ----------
    backbone : torch.nn.Module
        Maps a batch to features of shape `(n_samples, n_features)`.
    heads : sequence of torch.nn.Module
        One per task; each maps the features to outputs of shape
        `(n_samples, n_outputs)`.
    memory_format : torch.memory_format, default=None
        Order in memory that batches are brought to; None leaves them as they come.
    row_values : int, default=0
        Values that a pass of one large image needs at once; see `check_memory`.

    References
    ----------
    R. Caruana, "Multitask Learning", Machine Learning 28, 1997.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import MLP, MultiTaskNetwork, make_head
    >>> heads = [make_head(4, 3, hidden=()), make_head(4, 1, hidden=())]
    >>> network = MultiTaskNetwork(MLP(5, hidden=(4,)), heads)
    >>> [output.shape for output in network(torch.zeros(2, 5))]
    [torch.Size([2, 3]), torch.Size([2, 1])]
    """

    def __init__(
        self,
        backbone: nn.Module,
        heads: Sequence[nn.Module],
        memory_format: torch.memory_format | None = None,
        row_values: int = 0,
    ) -> None:
        super().__init__()
        self.memory_format = memory_format
        self.row_values = row_values
        self.n_trainings = 0
        self.frozen_names: tuple[str, ...] | None = None
        self.backbone = backbone
        self.heads = nn.ModuleList(heads)

    def train(self, mode: bool = True) -> Self:
        """Enter training or evaluation mode, and count how often it was training.

        Weights change in between: torch does not count what fused optimisers do. A
        frozen backbone stays in evaluation mode.

        Parameters
        ----------
        mode : bool, default=True
            Whether to train.

        Returns
        -------
        MultiTaskNetwork
            This network.
        """
        self.n_trainings += mode
        super().train(mode)
        if self.frozen_names is not None:
            self.backbone.eval()
        return self

    def freeze_backbone(self, frozen: bool) -> None:
        """Keep the backbone as it is while the heads train, or let it train again.

        A frozen backbone has no gradients, and is in evaluation mode: its batch norms
        use their statistics and leave them, and it drops nothing.

        Parameters
        ----------
        frozen : bool
            Whether to freeze it. What had no gradients before it was frozen has none
            after.
        """
        if frozen == (self.frozen_names is not None):
            return
        weights = dict(self.backbone.named_parameters())
        if self.frozen_names is None:
            names = [name for name in weights if weights[name].requires_grad]
            self.frozen_names = tuple(names)
            for weight in weights.values():
                # An optimiser would follow a gradient that is left over.
                weight.requires_grad_(False).grad = None
        else:
            for name in self.frozen_names:
                weights[name].requires_grad_()
            self.frozen_names = None
        self.backbone.train(self.training and not frozen)

    def features(self, x: Tensor) -> Tensor:
        """Return the shared features, without running a head.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch, as the backbone takes it.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The output of the backbone.
        """
        if self.memory_format is not None:
            x = x.contiguous(memory_format=self.memory_format)
        return self.backbone(x)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of all tasks from one run of the backbone.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch, as the backbone takes it.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_outputs)
            The output of each head, in task order.
        """
        features = self.features(x)
        return tuple(head(features) for head in self.heads)


def needs_batch(network: nn.Module) -> bool:
    """Tell whether training needs batches of more than one sample.

    Batch norm cannot train on a single value per channel.

    Parameters
    ----------
    network : torch.nn.Module
        The network.

    Returns
    -------
    bool
        True if a batch norm layer is in it, outside of a frozen backbone.

    Examples
    --------
    >>> from mtlearn.networks import MLP, needs_batch
    >>> needs_batch(MLP(5)), needs_batch(MLP(5, batch_norm=True))
    (False, True)
    """
    if isinstance(network, MultiTaskNetwork) and network.frozen_names is not None:
        network = network.heads  # the backbone's statistics stay
    return any(isinstance(module, _BatchNorm) for module in network.modules())
