"""The backbone that a decoder undoes."""

import os
from collections.abc import Sequence

from torch import Tensor, nn

from mtlearn.networks._weights import load_weights

_KERNEL = 3


class Encoder(nn.Module):
    """Strided convolutions and one linear layer, for images of one size.

    Each convolution halves the sides. With a :class:`~mtlearn.Reconstruction` as one of
    the tasks, it is an autoencoder whose code is the features that the tasks share.

    Parameters
    ----------
    in_channels : int
        Number of channels of the images.
    image_size : tuple (height, width)
        Of the images.
    widths : sequence of int, default=(32, 64)
        Channels after each convolution.
    n_features : int, default=128
        Length of the feature vector, which has positive and negative numbers.
    weights : str or path-like, default=None
        File to start from, as `save_weights` writes it from such a network.

    Raises
    ------
    NetworkError
        If the file of `weights` cannot be read or does not fit.

    See Also
    --------
    Decoder : The way back.

    References
    ----------
    .. [1] G. E. Hinton, R. R. Salakhutdinov, "Reducing the Dimensionality of Data with
       Neural Networks", Science 313, 2006.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import Encoder
    >>> Encoder(1, (28, 28))(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 128])
    """

    def __init__(
        self,
        in_channels: int,
        image_size: Sequence[int],
        *,
        widths: Sequence[int] = (32, 64),
        n_features: int = 128,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        height, width = image_size
        self.layers = nn.Sequential()
        for channels in widths:
            convolution = nn.Conv2d(
                in_channels, channels, _KERNEL, stride=2, padding=_KERNEL // 2
            )
            self.layers.extend([convolution, nn.ReLU()])
            in_channels, height, width = channels, (height + 1) // 2, (width + 1) // 2
        self.code = nn.Linear(in_channels * height * width, n_features)
        self.n_features = n_features
        if weights is not None:
            load_weights(self, weights)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of a batch of images.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_channels, height, width)
            The images.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The features.
        """
        return self.code(self.layers(x).flatten(1))
