"""The residual backbone of few weights for images."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Literal

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


class ResNetV2(ResidualBackbone):
    """Pre-activation residual network that turns images into feature vectors.

    Batch norm and ReLU come before each convolution and not after it, so that nothing
    but additions lies between the first block and the last. Separable convolutions
    look at each channel first and mix the channels then, with about an eighth of the
    weights. The layout is otherwise that of `ResNet`: a 3x3 stem, one stage per
    width, each new one at half the resolution, global average pooling, and one dense
    layer. Images of any size from 1x1 on are accepted.

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
        Whether batch norm stands before each ReLU. Without it, convolutions and the
        dense layer have a bias.
    separable : bool, default=True
        Whether the convolutions of the blocks are depthwise 3x3, then pointwise 1x1.
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
    K. He, X. Zhang, S. Ren and J. Sun, "Identity Mappings in Deep Residual
    Networks", ECCV 2016.

    F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions",
    CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import ResNetV2
    >>> backbone = ResNetV2(in_channels=3, widths=(4, 8), n_blocks=1, n_features=16)
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
        separable: bool = True,
        attention: Literal["se", "cbam"] | None = None,
        drop_block: float = 0.0,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        depths = blocks_per_stage(widths, n_blocks, "ResNetV2")
        make_block = partial(
            _PreActivationBlock,
            batch_norm=batch_norm,
            separable=separable,
            attention=attention,
            drop_block=drop_block,
        )
        self.stem = convolution(in_channels, widths[0], 3, 1, bias=not batch_norm)
        self.stages = make_stages(widths, depths, make_block)
        self.activation = _activation(widths[-1], batch_norm)
        self._finish(widths[-1], n_features, dropout, batch_norm, weights)

    def _pooled(self, x: Tensor) -> Tensor:
        return self.activation(self.stages(self.stem(x))).mean(dim=(2, 3))


class _PreActivationBlock(ResidualBlock):
    """Two 3x3 convolutions, each behind a batch norm and a ReLU, beside a shortcut."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        batch_norm: bool,
        separable: bool,
        attention: str | None,
        drop_block: float,
    ) -> None:
        super().__init__(in_channels, stride)
        convolve = partial(_convolutions, separable=separable, bias=not batch_norm)
        self.activation = _activation(in_channels, batch_norm)
        self.residual = nn.Sequential(
            *convolve(in_channels, out_channels, stride),
            *_activation(out_channels, batch_norm),
            *convolve(out_channels, out_channels, 1),
            *attention_layers(attention, out_channels, "ResNetV2"),
        )
        self.shortcut = self.projection(
            in_channels, out_channels, stride, bias=not batch_norm
        )
        # An empty Sequential is the identity.
        self.drop_block = nn.Sequential(*drop_block_layers(drop_block))

    def forward(self, x: Tensor) -> Tensor:
        activated = self.activation(x)
        # A projection starts from the activated input, the identity from the input.
        shortcut = x
        if self.shortcut is not None:
            shortcut = self.shortcut(self.thinned(activated))
        x = self.residual(activated)
        x += shortcut  # in place: saves memory, and the time to get it
        return self.drop_block(x)


def _activation(channels: int, batch_norm: bool) -> nn.Sequential:
    """Return the batch norm, if asked for, and the ReLU in front of a convolution."""
    if not batch_norm:
        return nn.Sequential(nn.ReLU())  # the shortcut needs the input as it is
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _convolutions(
    in_channels: int, out_channels: int, stride: int, *, separable: bool, bias: bool
) -> list[nn.Module]:
    """Return a 3x3 convolution, or its two steps if it is separable."""
    if not separable:
        return [convolution(in_channels, out_channels, 3, stride, bias=bias)]
    # One bias does for both steps.
    return [
        convolution(
            in_channels, in_channels, 3, stride, bias=False, groups=in_channels
        ),
        convolution(in_channels, out_channels, 1, 1, bias=bias),
    ]
