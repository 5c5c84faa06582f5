"""The part of the network that belongs to one task."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from mtlearn.networks._dense import dense_layer


@dataclass(frozen=True)
class HeadSpec:
    """What `build_network` needs to know of one head.

    Parameters
    ----------
    out_features : int
        Number of outputs of the task.
    hidden : tuple of int, default=(64,)
        Width of each hidden layer.
    dropout : float, default=0.3
        Share of each hidden layer's outputs that are dropped in training, in
        [0, 1].
    batch_norm : bool, default=True
        Whether batch norm follows each hidden linear layer.

    Examples
    --------
    >>> from mtlearn.networks import HeadSpec
    >>> HeadSpec(10, hidden=(32,))
    HeadSpec(out_features=10, hidden=(32,), dropout=0.3, batch_norm=True)
    """

    out_features: int
    hidden: tuple[int, ...] = (64,)
    dropout: float = 0.3
    batch_norm: bool = True


def make_head(
    in_features: int,
    out_features: int,
    *,
    hidden: Sequence[int] = (64,),
    dropout: float = 0.3,
    batch_norm: bool = True,
) -> nn.Sequential:
    """Return the layers from the shared features to the outputs of one task.

    Parameters
    ----------
    in_features : int
        Number of shared features.
    out_features : int
        Number of outputs of the task.
    hidden : sequence of int, default=(64,)
        Width of each hidden layer: linear, batch norm, ReLU, dropout.
    dropout : float, default=0.3
        Share of each hidden layer's outputs that are dropped in training, in
        [0, 1]. 0 adds no module.
    batch_norm : bool, default=True
        Whether batch norm follows each hidden linear layer, which then has no
        bias.

    Returns
    -------
    torch.nn.Sequential
        The head. It ends in a linear layer with a bias.

    Examples
    --------
    >>> from mtlearn.networks import make_head
    >>> make_head(8, 3, hidden=(4,), dropout=0, batch_norm=False)
    Sequential(
      (0): Linear(in_features=8, out_features=4, bias=True)
      (1): ReLU()
      (2): Linear(in_features=4, out_features=3, bias=True)
    )
    """
    head = nn.Sequential()
    for width in hidden:
        head.extend(
            dense_layer(in_features, width, dropout=dropout, batch_norm=batch_norm)
        )
        in_features = width
    return head.append(nn.Linear(in_features, out_features))
