"""From a feature vector back to an image."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._doubling import doubled

_KERNEL = 3


class OutputConvolution(nn.ConvTranspose2d):
    """A transposed convolution that predicts in the type of its weights.

    Also under autocast, as `OutputLayer` does: users get what it returns, and bfloat16
    has eight bits. In training, where it would take twice as long for nothing, it
    computes as autocast has it.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import OutputConvolution
    >>> layer = OutputConvolution(2, 3, 1).eval()
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     layer(torch.zeros(1, 2, 4, 4)).dtype
    torch.float32
    """

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        input : Tensor of shape (n_samples, in_channels, height, width)
            Of any real type.
        output_size : sequence of int, default=None
            As in torch.

        Returns
        -------
        Tensor of shape (n_samples, out_channels, ...)
            Of the type of the weights, but in training under autocast.
        """
        kind = input.device.type
        if not torch.is_autocast_enabled(kind):
            return super().forward(input, output_size)
        if self.training:
            if output_size is None and self._may_double(input):
                return doubled(input, self.weight, self.bias, self.output_padding)
            return super().forward(input, output_size)
        with torch.autocast(kind, enabled=False):
            return super().forward(input.to(self.weight.dtype), output_size)

    def _may_double(self, input: Tensor) -> bool:
        """Tell whether `doubled` does the same, and takes less time."""
        shape = (self.kernel_size, self.stride, self.padding, self.dilation)
        is_doubling = shape == ((3, 3), (2, 2), (1, 1), (1, 1))
        on_processor = input.device.type == "cpu" and input.ndim == 4
        return is_doubling and on_processor and self.out_channels == 1


class Decoder(nn.Module):
    """Transposed convolutions that make an image of a feature vector.

    A linear layer makes a small image, and each convolution doubles its sides. Those
    that are no multiple come out exactly all the same.

    Parameters
    ----------
    in_features : int
        Number of features.
    output_shape : tuple (n_channels, height, width)
        Of the image.
    widths : sequence of int, default=(32, 16)
        Channels of the small image, and of those that follow. There are as many
        doublings, the last of which gives the channels of the image.

    Raises
    ------
    InvalidParameterError
        If there are no widths.

    See Also
    --------
    mtlearn.Reconstruction : The task whose images it makes.

    References
    ----------
    .. [1] M. D. Zeiler, D. Krishnan, G. W. Taylor, R. Fergus, "Deconvolutional
       Networks", CVPR 2010.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import Decoder
    >>> Decoder(8, (3, 30, 21), widths=(16, 8))(torch.zeros(2, 8)).shape
    torch.Size([2, 3, 30, 21])
    """

    def __init__(
        self,
        in_features: int,
        output_shape: Sequence[int],
        *,
        widths: Sequence[int] = (32, 16),
    ) -> None:
        super().__init__()
        if not len(widths):
            raise InvalidParameterError(
                "The 'widths' parameter of Decoder must have at least one entry. Got "
                f"{widths!r} instead."
            )
        n_channels, height, width = output_shape
        sizes = _halvings(height, width, len(widths))
        self.small = (*sizes[0], widths[0])
        n_values = widths[0] * sizes[0][0] * sizes[0][1]
        self.start = nn.Sequential(nn.Linear(in_features, n_values), nn.ReLU())
        self.layers = nn.Sequential()
        steps = zip(pairwise((*widths, n_channels)), pairwise(sizes), strict=True)
        for number, (channels, (before, after)) in enumerate(steps, 1):
            is_last = number == len(widths)
            cls = OutputConvolution if is_last else nn.ConvTranspose2d
            # Padding of the output: a side would come out one short of twice as large.
            missing = (after[0] - 2 * before[0] + 1, after[1] - 2 * before[1] + 1)
            self.layers.append(
                cls(*channels, _KERNEL, 2, _KERNEL // 2, output_padding=missing)
            )
            if not is_last:
                self.layers.append(nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        """Give an image for each feature vector.

        Parameters
        ----------
        features : Tensor of shape (n_samples, in_features)
            Features.

        Returns
        -------
        Tensor of shape (n_samples, *output_shape)
            Of the type of the weights, but in training under autocast.
        """
        # Channels come last in memory, as images have them: it takes half of the time.
        small = self.start(features).unflatten(1, self.small).permute(0, 3, 1, 2)
        return self.layers(small)


def _halvings(height: int, width: int, times: int) -> list[tuple[int, int]]:
    """Halve sides, rounded up, the smallest first and the whole one last."""
    sizes = [(height, width)]
    for _ in range(times):
        height, width = (height + 1) // 2, (width + 1) // 2
        sizes.insert(0, (height, width))
    return sizes
