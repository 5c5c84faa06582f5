"""Attention of residual blocks: which channels, and which places, count."""

import torch
from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation: weighs each channel by what the whole map shows.

    A small network maps the mean of each channel to its weight in (0, 1).

    Parameters
    ----------
    channels : int
        Number of channels.
    reduction : int, default=16
        The small network has ``channels // reduction`` hidden units, but at least 4,
        or as many as there are channels if these are fewer.

    Raises
    ------
    InvalidParameterError
        If `reduction` is below 1.

    References
    ----------
    J. Hu, L. Shen and G. Sun, "Squeeze-and-Excitation Networks", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import SqueezeExcite
    >>> SqueezeExcite(8)(torch.zeros(2, 8, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.mlp = _channel_mlp(channels, reduction, "SqueezeExcite")

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighed channels.

        Parameters
        ----------
        x : Tensor of shape (n_samples, channels, height, width)
            The maps.

        Returns
        -------
        Tensor of the same shape
            Each channel times its weight.
        """
        return x * self.mlp(x.mean(dim=(2, 3))).sigmoid()[:, :, None, None]


class CBAM(nn.Module):
    """Convolutional block attention: weighs the channels, then the places.

    One small network maps the mean and the maximum of each channel to its weight. A
    convolution of the mean and the maximum over the channels gives the weight of each
    place.

    Parameters
    ----------
    channels : int
        Number of channels.
    reduction : int, default=16
        The small network has ``channels // reduction`` hidden units, but at least 4,
        or as many as there are channels if these are fewer.
    kernel_size : int, default=7
        Side of the convolution, an odd number.

    Raises
    ------
    InvalidParameterError
        If `reduction` is below 1, or `kernel_size` is not a positive odd number.

    References
    ----------
    S. Woo, J. Park, J.-Y. Lee and I. S. Kweon, "CBAM: Convolutional Block Attention
    Module", ECCV 2018.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import CBAM
    >>> CBAM(8, kernel_size=3)(torch.zeros(2, 8, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(
        self, channels: int, reduction: int = 16, kernel_size: int = 7
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise InvalidParameterError(
                "The 'kernel_size' parameter of CBAM must be a positive odd int. "
                f"Got {kernel_size!r} instead."
            )
        self.mlp = _channel_mlp(channels, reduction, "CBAM")
        self.places = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighed maps.

        Parameters
        ----------
        x : Tensor of shape (n_samples, channels, height, width)
            The maps.

        Returns
        -------
        Tensor of the same shape
            Each value times the weights of its channel and of its place.
        """
        channels = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        x = x * channels.sigmoid()[:, :, None, None]
        places = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return x * self.places(places).sigmoid()


_ATTENTION: dict[str, type[nn.Module]] = {"se": SqueezeExcite, "cbam": CBAM}


def attention_layers(name: str | None, channels: int, owner: str) -> list[nn.Module]:
    """Return the attention of this name, in a list; without a name, an empty one."""
    if name is None:
        return []
    if name not in _ATTENTION:
        raise InvalidParameterError(
            f"The 'attention' parameter of {owner} must be None, 'se' or 'cbam'. "
            f"Got {name!r} instead."
        )
    return [_ATTENTION[name](channels)]


def _channel_mlp(channels: int, reduction: int, owner: str) -> nn.Sequential:
    """Return the small network from a value of each channel to another."""
    if reduction < 1:
        raise InvalidParameterError(
            f"The 'reduction' parameter of {owner} must be a positive int. "
            f"Got {reduction!r} instead."
        )
    hidden = max(channels // reduction, min(4, channels))
    return nn.Sequential(
        nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
    )
