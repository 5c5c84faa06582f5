"""What batches must be to be changed."""

import torch

from mtlearn.exceptions import DataTypeError, InvalidDataError


def check_images(x: torch.Tensor, owner: str) -> None:
    """Raise unless a tensor is a batch of images.

    Parameters
    ----------
    x : tensor
        What is to be changed.
    owner : str
        What changes it, for the message.

    Raises
    ------
    InvalidDataError
        If it has not four axes.
    DataTypeError
        If its values are not floating.
    """
    if x.ndim != 4:
        raise InvalidDataError(
            f"The images that {owner} changes must be of shape (n_samples, n_channels, "
            f"height, width). Got {tuple(x.shape)} instead."
        )
    check_floating(x, owner)


def check_floating(x: torch.Tensor, owner: str) -> None:
    """Raise unless a tensor is of a floating dtype."""
    if not x.is_floating_point():
        raise DataTypeError(
            f"The batch that {owner} changes must be of a floating dtype, such as "
            f"float32. Got {x.dtype} instead: call x.float() first."
        )
