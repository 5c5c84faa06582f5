"""The residual backbone for images."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from mtlearn.networks._attention import attention_layers
from mtlearn.networks._drop_block import drop_block_layers
from mtlearn.networks._residual import (
    ResidualBackbone,
    ResidualBlock,
    blocks_per_stage,
    convolution,
    make_stages,
)


class ResNet(ResidualBackbone):
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
    dropout : float, default=0.0
        Share of the features that are dropped in training, in [0, 1].
    batch_norm : bool, default=True
        Whether batch norm follows each convolution and the dense layer. Without
        it, these have a bias.
    moments : bool, default=False
        Whether the dense layer also sees how much there is of what each filter of the
        stem finds, and where: the mean over its map, and that of the map times the
        position down and across, from -1 to 1. Pooling alone forgets positions. The
        name ``"resnet"`` stands for a network with them.
    attention : {None, "se", "cbam"}, default=None
        What weighs the outcome of each block before its shortcut is added:
        `SqueezeExcite` or `CBAM`.
    drop_block : float, default=0.0
        Share of each block's output that `DropBlock2d` drops in training, in [0, 1].
    weights : str or path-like, default=None
        File to start from, as `save_weights` writes it from such a network.

    Raises
    ------
    InvalidParameterError
        If `widths` is empty, `n_blocks` has another length than `widths`,
        `attention` is not known or `drop_block` is outside [0, 1].
    NetworkError
        If the file of `weights` cannot be read or does not fit.

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

    # A module that was pickled before says nothing of them.
    moments = False

    def __init__(
        self,
        in_channels: int = 1,
        *,
        widths: Sequence[int] = (32, 64, 128),
        n_blocks: int | Sequence[int] = 2,
        n_features: int = 128,
        dropout: float = 0.0,
        batch_norm: bool = True,
        moments: bool = False,
        attention: Literal["se", "cbam"] | None = None,
        drop_block: float = 0.0,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        depths = blocks_per_stage(widths, n_blocks, "ResNet")
        make_block = partial(
            _BasicBlock,
            batch_norm=batch_norm,
            attention=attention,
            drop_block=drop_block,
        )
        stem = convolution(in_channels, widths[0], 3, 1, bias=not batch_norm)
        self.stem = nn.Sequential(*_normed(stem), nn.ReLU(inplace=True))
        self.stages = make_stages(widths, depths, make_block)
        self.moments = moments
        width = widths[-1] + (3 * widths[0] if moments else 0)
        self._finish(width, n_features, dropout, batch_norm, weights)

    def _pooled(self, x: Tensor) -> Tensor:
        maps = self.stem(x)
        pooled = self.stages(maps).mean(dim=(2, 3))
        if not self.moments:
            return pooled
        return torch.cat([pooled, _moments(maps).to(pooled.dtype)], dim=1)


class _BasicBlock(ResidualBlock):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        batch_norm: bool,
        attention: str | None,
        drop_block: float,
    ) -> None:
        super().__init__(in_channels, stride)
        bias = not batch_norm
        self.residual = nn.Sequential(
            *_normed(convolution(in_channels, out_channels, 3, stride, bias=bias)),
            nn.ReLU(inplace=True),
            *_normed(convolution(out_channels, out_channels, 3, 1, bias=bias)),
            *attention_layers(attention, out_channels, "ResNet"),
        )
        # An empty Sequential is the identity.
        self.shortcut = nn.Sequential()
        projection = self.projection(in_channels, out_channels, stride, bias=bias)
        if projection is not None:
            self.shortcut.extend(_normed(projection))
        self.activation = nn.ReLU(inplace=True)
        self.drop_block = nn.Sequential(*drop_block_layers(drop_block))

    def forward(self, x: Tensor) -> Tensor:
        x, shortcut = self.residual(x), self.shortcut(self.thinned(x))
        x += shortcut  # in place: saves memory, and the time to get it
        return self.drop_block(self.activation(x))


def _normed(layer: nn.Conv2d) -> list[nn.Module]:
    """Return a convolution and, if it has no bias, the batch norm behind it."""
    if layer.bias is not None:
        return [layer]
    return [layer, nn.BatchNorm2d(layer.out_channels)]


def _moments(maps: Tensor) -> Tensor:
    """Return the mean of each map, and of it times the places down and across."""
    # A place in half precision is a pixel beside the right one.
    dtype = torch.promote_types(maps.dtype, torch.float32)
    rows = maps.mean(dim=3, dtype=dtype)
    columns = maps.mean(dim=2, dtype=dtype)
    down, across = (
        (each * _places(each.shape[-1], each)).mean(dim=2) for each in (rows, columns)
    )
    return torch.cat([rows.mean(dim=2), down, across], dim=1)


def _places(n: int, like: Tensor) -> Tensor:
    """Return where the middles of `n` pixels lie between -1 and 1."""
    pixels = torch.arange(n, dtype=like.dtype, device=like.device)
    return (2 * pixels + 1) / n - 1
