"""One fully connected layer, as every network of this room uses it."""

from torch import nn

from mtlearn.networks._drawing import Dropout


def dense_layer(
    in_features: int, out_features: int, *, dropout: float, batch_norm: bool
) -> list[nn.Module]:
    """Return the modules linear, batch norm, ReLU, dropout, in that order.

    The linear layer has no bias in front of a batch norm, which would subtract it
    again. A dropout of 0 adds no module.
    """
    modules: list[nn.Module] = [
        nn.Linear(in_features, out_features, bias=not batch_norm)
    ]
    if batch_norm:
        modules.append(nn.BatchNorm1d(out_features))
    modules.append(nn.ReLU())
    if dropout > 0:
        modules.append(Dropout(dropout))
    return modules
