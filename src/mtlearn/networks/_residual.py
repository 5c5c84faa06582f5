"""What the residual backbones share."""

import numbers
import os
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._attention import CBAM, SqueezeExcite
from mtlearn.networks._dense import dense_layer
from mtlearn.networks._weights import load_weights

# On processors, with channels-last memory, oneDNN's gradient of a strided 1x1
# convolution of fewer channels writes behind its buffer (oneDNN issue 6035), which ends
# the process or gives wrong numbers.
TOO_NARROW = 16


class ResidualBackbone(nn.Module):
    """A stem, stages of blocks, the mean over each map, and one dense layer."""

    stem: nn.Module
    stages: nn.Module

    def _finish(
        self,
        width: int,
        n_features: int,
        dropout: float,
        batch_norm: bool,
        weights: str | os.PathLike[str] | None,
    ) -> None:
        """Add the dense layer behind the stages, and draw or read all weights."""
        self.n_features = n_features
        self.dense = nn.Sequential(
            *dense_layer(width, n_features, dropout=dropout, batch_norm=batch_norm)
        )
        initialize_convolutions(self)
        if weights is not None:
            load_weights(self, weights)

    def _pooled(self, x: Tensor) -> Tensor:
        return self.stages(self.stem(x)).mean(dim=(2, 3))

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
        return self.dense(self._pooled(x))


class ResidualBlock(nn.Module):
    """A block with a shortcut, which halves the resolution at a stride of 2."""

    thinned_by = 1  # in older pickles, of which the shortcut has the stride

    def __init__(self, in_channels: int, stride: int) -> None:
        super().__init__()
        # To thin takes longer where there are many channels.
        self.thinned_by = stride if in_channels < TOO_NARROW else 1

    def projection(
        self, in_channels: int, out_channels: int, stride: int, *, bias: bool
    ) -> nn.Conv2d | None:
        """Return the convolution of a shortcut that is not the identity."""
        if stride == 1 and in_channels == out_channels:
            return None
        left = stride // self.thinned_by
        return convolution(in_channels, out_channels, 1, left, bias=bias)

    def thinned(self, x: Tensor) -> Tensor:
        """Leave out rows and columns that the shortcut's stride skips."""
        step = self.thinned_by
        return x if step == 1 else x[:, :, ::step, ::step]


def blocks_per_stage(
    widths: Sequence[int], n_blocks: int | Sequence[int], owner: str
) -> Sequence[int]:
    """Return the number of blocks of each stage."""
    if len(widths) == 0:
        raise InvalidParameterError(
            f"The 'widths' parameter of {owner} must name at least one stage. "
            f"Got {widths!r} instead."
        )
    # Also numpy's integers, which a parameter search may bring.
    if isinstance(n_blocks, int | numbers.Integral):
        depths: Sequence[int] = [int(n_blocks)] * len(widths)
    else:
        depths = n_blocks
    if len(depths) != len(widths) or min(depths) < 1:
        raise InvalidParameterError(
            f"The 'n_blocks' parameter of {owner} must be a positive int, or one for "
            f"each of the {len(widths)} widths. Got {n_blocks!r} instead."
        )
    return depths


def make_stages(
    widths: Sequence[int],
    depths: Sequence[int],
    make_block: Callable[[int, int, int], nn.Module],
) -> nn.Sequential:
    """Return one stage per width; the first block of a new one halves the resolution.

    `make_block` gets the channels that come in and go out, and the stride.
    """
    stages = nn.Sequential()
    width = widths[0]
    for index, (new_width, depth) in enumerate(zip(widths, depths, strict=True)):
        first = make_block(width, new_width, 1 if index == 0 else 2)
        others = [make_block(new_width, new_width, 1) for _ in range(depth - 1)]
        stages.append(nn.Sequential(first, *others))
        width = new_width
    return stages


def convolution(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int,
    *,
    bias: bool,
    groups: int = 1,
) -> nn.Conv2d:
    """Return a convolution that keeps the resolution, but for its stride."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=kernel_size // 2,
        groups=groups,
        bias=bias,
    )


def initialize_convolutions(module: nn.Module) -> None:
    """Draw the weights of the convolutions as torchvision's ResNet does.

    No ReLU follows a depthwise convolution, and each of its filters sees one channel.
    Attention keeps torch's smaller weights, which do not saturate the sigmoid.
    """
    for child in module.children():
        if isinstance(child, nn.Conv2d) and child.groups > 1:
            nn.init.kaiming_normal_(child.weight, mode="fan_in", nonlinearity="linear")
        elif isinstance(child, nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, mode="fan_out", nonlinearity="relu")
        elif not isinstance(child, SqueezeExcite | CBAM):
            initialize_convolutions(child)
