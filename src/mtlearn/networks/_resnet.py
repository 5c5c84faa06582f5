"""The residual backbone for images."""

import numbers
from collections.abc import Sequence

from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._dense import dense_layer


class ResNet(nn.Module):
    """Residual network that turns a batch of images into feature vectors.

    The layout is the one for small images: a 3x3 stem that keeps the resolution,
    then one stage of basic blocks per width. Each new stage halves the resolution.
    Global average pooling and one dense layer give the features, so that images of
    any size from 1x1 on are accepted.

    Parameters
    ----------
    in_channels : int, default=1
        Number of channels of the images.
    widths : sequence of int, default=(32, 64, 128)
        Number of filters of each stage.
    n_blocks : int or sequence of int, default=2
        Number of residual blocks of every stage, or of each.
    n_features : int, default=128
        Length of the feature vector.
    dropout : float, default=0.5
        Share of the features that are dropped in training, in [0, 1].
    batch_norm : bool, default=True
        Whether batch norm follows each convolution and the dense layer. Without
        it, these have a bias.

    Raises
    ------
    InvalidParameterError
        If `widths` is empty, or `n_blocks` has another length than `widths`.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image
    Recognition", CVPR 2016, section 4.2.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import ResNet
    >>> backbone = ResNet(in_channels=3, widths=(4, 8), n_blocks=1, n_features=16)
    >>> backbone(torch.zeros(2, 3, 9, 7)).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        widths: Sequence[int] = (32, 64, 128),
        n_blocks: int | Sequence[int] = 2,
        n_features: int = 128,
        dropout: float = 0.5,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        depths = _blocks_per_stage(widths, n_blocks)
        self.stem = nn.Sequential(
            *_convolution(in_channels, widths[0], 3, stride=1, batch_norm=batch_norm),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.Sequential()
        width = widths[0]
        for index, (new_width, depth) in enumerate(zip(widths, depths, strict=True)):
            stride = 1 if index == 0 else 2
            self.stages.append(_stage(width, new_width, depth, stride, batch_norm))
            width = new_width
        self.dense = nn.Sequential(
            *dense_layer(width, n_features, dropout=dropout, batch_norm=batch_norm)
        )
        _initialize_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of a batch of images.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_channels, height, width)
            The images.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The features, none below 0.
        """
        return self.dense(self.stages(self.stem(x)).mean(dim=(2, 3)))


class _BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, batch_norm: bool
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_convolution(in_channels, out_channels, 3, stride, batch_norm),
            nn.ReLU(inplace=True),
            *_convolution(out_channels, out_channels, 3, 1, batch_norm),
        )
        # An empty Sequential is the identity.
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut.extend(
                _convolution(in_channels, out_channels, 1, stride, batch_norm)
            )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x, shortcut = self.residual(x), self.shortcut(x)
        x += shortcut  # in place: saves memory, and the time to get it
        return self.activation(x)


def _stage(
    in_channels: int, out_channels: int, depth: int, stride: int, batch_norm: bool
) -> nn.Sequential:
    """Return `depth` blocks, the first of which changes width and resolution."""
    first = _BasicBlock(in_channels, out_channels, stride, batch_norm)
    others = [
        _BasicBlock(out_channels, out_channels, 1, batch_norm) for _ in range(depth - 1)
    ]
    return nn.Sequential(first, *others)


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int, batch_norm: bool
) -> list[nn.Module]:
    """Return a convolution and, if asked for, the batch norm behind it."""
    modules: list[nn.Module] = [
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            bias=not batch_norm,
        )
    ]
    if batch_norm:
        modules.append(nn.BatchNorm2d(out_channels))
    return modules


def _blocks_per_stage(
    widths: Sequence[int], n_blocks: int | Sequence[int]
) -> Sequence[int]:
    """Return the number of blocks of each stage."""
    if len(widths) == 0:
        raise InvalidParameterError(
            "The 'widths' parameter of ResNet must name at least one stage. "
            f"Got {widths!r} instead."
        )
    # Also numpy's integers, which a parameter search may bring.
    if isinstance(n_blocks, int | numbers.Integral):
        depths: Sequence[int] = [int(n_blocks)] * len(widths)
    else:
        depths = n_blocks
    if len(depths) != len(widths) or min(depths) < 1:
        raise InvalidParameterError(
            "The 'n_blocks' parameter of ResNet must be a positive int, or one for "
            f"each of the {len(widths)} widths. Got {n_blocks!r} instead."
        )
    return depths


def _initialize_convolutions(module: nn.Module) -> None:
    """Draw the weights of the convolutions as torchvision's ResNet does."""
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, mode="fan_out", nonlinearity="relu")
