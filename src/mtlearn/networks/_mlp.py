"""The backbone for tables."""

import os
from collections.abc import Sequence

from torch import Tensor, nn

from mtlearn.networks._dense import dense_layer
from mtlearn.networks._weights import load_weights


class MLP(nn.Module):
    """Fully connected network that turns rows of a table into feature vectors.

    Parameters
    ----------
    in_features : int
        Number of columns of the table.
    hidden : sequence of int, default=(64, 64)
        Width of each layer; the last one is the length of the feature vector. Each
        layer ends in a ReLU. Without a layer, the features are the inputs.
    dropout : float, default=0.0
        Share of each layer's outputs that are dropped in training, in [0, 1].
    batch_norm : bool, default=False
        Whether batch norm follows each linear layer, which then has no bias.
    weights : str or path-like, default=None
        File to start from, as `save_weights` writes it from such a network.

    Raises
    ------
    NetworkError
        If the file of `weights` cannot be read or does not fit.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import MLP
    >>> MLP(5, hidden=(8, 4))(torch.zeros(3, 5)).shape
    torch.Size([3, 4])
    """

    def __init__(
        self,
        in_features: int,
        *,
        hidden: Sequence[int] = (64, 64),
        dropout: float = 0.0,
        batch_norm: bool = False,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for width in hidden:
            self.layers.extend(
                dense_layer(in_features, width, dropout=dropout, batch_norm=batch_norm)
            )
            in_features = width
        self.n_features = in_features
        if weights is not None:
            load_weights(self, weights)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of a batch of rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            The rows.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The features.
        """
        return self.layers(x)
