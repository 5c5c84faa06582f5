"""Images whose channels seem to come first."""

from collections.abc import Sequence

from mtlearn._utils._warn import warn

# One grey, a real and an imaginary part, three colours, or four with transparency.
_FEW = 4
# More channels than images have, if not fewer than they have pixels in a line.
_MANY = 16


def warn_channels_first(shape: Sequence[int]) -> None:
    """Warn of images of up to 4 lines and many channels.

    Parameters
    ----------
    shape : tuple of int
        ``(height, width, n_channels)``.

    Warns
    -----
    UserWarning
        If there are more than 16 channels, or more than 4 and as many as the image is
        wide. Maps that are no wider than 4 are left alone: features that another
        network has pooled look so.
    """
    height, width, n_channels = shape
    if height > _FEW or width <= _FEW:
        return
    if n_channels > _MANY or width == n_channels:
        warn(
            f"X has images of shape (height, width, n_channels) = {tuple(shape)}, "
            "which looks like channels first. If so, pass numpy.moveaxis(X, 1, -1), of "
            "a tensor X.movedim(1, -1), or move axis 0 of each item of a dataset.",
        )
