"""The part of the network that belongs to one task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mtlearn.networks._dense import dense_layer


@dataclass(frozen=True)
class HeadSpec:
    """What `build_network` needs to know of one head.

    Parameters
    ----------
    out_features : int
        Width of the last linear layer.
    hidden : tuple of int, default=(64,)
        Width of each hidden layer.
    dropout : float, default=0.3
        Share of each hidden layer's outputs that are dropped in training, in
        [0, 1].
    batch_norm : bool, default=True
        Whether batch norm follows each hidden linear layer.
    end : callable, default=None
        Makes a module that follows the last linear layer, or `module`.
    module : subclass of torch.nn.Module, default=None
        The head, instead of linear layers: it maps features `(n_samples, n_features)`
        to `(n_samples, *shape)`. `hidden`, `dropout` and `batch_norm` do not matter
        then.
    params : mapping of str to object, default=None
        Arguments of its constructor; what else that may ask for, see `build_network`.
    output_shape : tuple of int, default=None
        Shape of what the head returns for one sample, before its `end`; None is
        `(out_features,)`. Linear layers have as many outputs as it has numbers.
    mean : callable, default=None
        Makes one output of those of a network's members: it gets
        `(n_samples, n_members, *shape)` and returns `(n_samples, *shape)`. None takes
        the mean.
    name : str, default=None
        The task's name, for messages.

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
    end: Callable[[], nn.Module] | None = field(default=None, repr=False)
    module: Callable[..., nn.Module] | None = field(default=None, repr=False)
    params: Mapping[str, Any] | None = field(default=None, repr=False)
    output_shape: tuple[int, ...] | None = field(default=None, repr=False)
    mean: Callable[[Tensor], Tensor] | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what the head returns for one sample, before its `end`."""
        return (self.out_features,) if self.output_shape is None else self.output_shape


class OutputLayer(nn.Linear):
    """A linear layer that computes in the type of its weights, also under autocast.

    The eight bits of bfloat16 are enough for what layers hand to each other, and too
    few for what users get: two values a hundredth apart would be one from two on.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import make_head
    >>> head = make_head(8, 3, hidden=())
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     head(torch.zeros(2, 8)).dtype
    torch.float32
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        input : Tensor of shape (n_samples, in_features)
            Of any real type.

        Returns
        -------
        Tensor of shape (n_samples, out_features)
            Of the type of the weights where autocast would have a shorter one.
        """
        kind = input.device.type
        if not torch.is_autocast_enabled(kind):
            return super().forward(input)
        with torch.autocast(kind, enabled=False):
            return super().forward(input.to(self.weight.dtype))


def make_head(
    in_features: int,
    out_features: int,
    *,
    hidden: Sequence[int] = (64,),
    dropout: float = 0.3,
    batch_norm: bool = True,
    end: Callable[[], nn.Module] | None = None,
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
    end : callable, default=None
        Makes a module that follows the last linear layer.

    Returns
    -------
    torch.nn.Sequential
        The head. Its last linear layer has a bias, and computes in the type of its
        weights under autocast too.

    Examples
    --------
    >>> from mtlearn.networks import make_head
    >>> make_head(8, 3, hidden=(4,), dropout=0, batch_norm=False)
    Sequential(
      (0): Linear(in_features=8, out_features=4, bias=True)
      (1): ReLU()
      (2): OutputLayer(in_features=4, out_features=3, bias=True)
    )
    """
    head = nn.Sequential()
    for width in hidden:
        head.extend(
            dense_layer(in_features, width, dropout=dropout, batch_norm=batch_norm)
        )
        in_features = width
    head.append(OutputLayer(in_features, out_features))
    return head if end is None else head.append(end())
