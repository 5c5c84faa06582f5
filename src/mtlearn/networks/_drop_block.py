"""Dropout for images: whole squares of a map go at once."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks._drawing import generator_for


class DropBlock2d(nn.Module):
    """Set square blocks of each channel's map to zero in training.

    Neighbouring values tell nearly the same, so that dropping them one by one takes
    little away. Random numbers come from where `drawing_from` says; without,
    from torch's default generator, as those of `torch.nn.Dropout` do.

    Parameters
    ----------
    p : float
        Share of the values to drop, in [0, 1]. Blocks may overlap, so that less is
        dropped: a little less if `p` is small, and clearly less beyond 0.3.
    block_size : int, default=3
        Side of a block. It is cut to the map's where that is smaller.

    Raises
    ------
    InvalidParameterError
        If `p` is outside [0, 1] or `block_size` is below 1.

    References
    ----------
    G. Ghiasi, T.-Y. Lin and Q. V. Le, "DropBlock: A regularization method for
    convolutional networks", NeurIPS 2018.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.networks import DropBlock2d
    >>> x = torch.ones(2, 4, 6, 6)
    >>> DropBlock2d(0.1).eval()(x).equal(x)
    True
    """

    def __init__(self, p: float, block_size: int = 3) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise InvalidParameterError(
                "The 'p' parameter of DropBlock2d must be a number in [0, 1]. "
                f"Got {p!r} instead."
            )
        if block_size < 1:
            raise InvalidParameterError(
                "The 'block_size' parameter of DropBlock2d must be a positive int. "
                f"Got {block_size!r} instead."
            )
        self.p = p
        self.block_size = block_size

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps without the blocks, scaled by one over the kept share.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_channels, height, width)
            The maps.

        Returns
        -------
        Tensor of the same shape
            The maps; in evaluation mode, or if `p` is 0, `x` itself.
        """
        if not self.training or self.p == 0:
            return x
        kept = self._draw_kept(x)
        share = kept.mean().clamp(min=1 / kept.numel())  # not 0 / 0 if none is kept
        return x * (kept / share).to(x.dtype)

    def _draw_kept(self, x: Tensor) -> Tensor:
        """Draw a map of ones, and of zeros where a block is dropped."""
        height, width = x.shape[2:]
        block = min(self.block_size, height), min(self.block_size, width)
        # Where the upper left corner of a block may be: all of it is in the map.
        rows, columns = height - block[0] + 1, width - block[1] + 1
        share = self.p * height * width / (block[0] * block[1] * rows * columns)
        corners = torch.rand(
            *x.shape[:2],
            rows,
            columns,
            generator=generator_for(x.device),
            device=x.device,
        )
        around = (block[1] - 1, block[1] - 1, block[0] - 1, block[0] - 1)
        padded = functional.pad((corners < share).float(), around)
        return 1 - functional.max_pool2d(padded, block, stride=1)

    def extra_repr(self) -> str:
        """Return the parameters, for the text of the module.

        Returns
        -------
        str
            The parameters and their values.
        """
        return f"p={self.p}, block_size={self.block_size}"


def drop_block_layers(p: float) -> list[nn.Module]:
    """Return the layer in a list; an empty one where nothing is dropped."""
    return [DropBlock2d(p)] if p != 0 else []
