"""Samples as images, to be looked at."""

from typing import Any

import numpy as np

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._unwrap import reach_network
from mtlearn.data import found_rows, known_rows


def example_images(
    estimator: Any, X: Any, rows: np.ndarray
) -> list[np.ndarray | None] | None:
    """Read some samples as the network gets them, and scale them to be shown.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like or dataset
        Samples, as it takes them.
    rows : ndarray of int
        Which ones.

    Returns
    -------
    list of ndarray of shape (height, width) or (height, width, 3) or None, or None
        In [0, 1], from the darkest to the lightest value of each. Of three channels or
        more, the first are red, green and blue; two are averaged. None of images that
        are skipped, and instead of all if samples are no images.
    """
    if not len(rows):
        return []
    network, taken = reach_network(estimator, take_rows(X, rows))
    checked = network._check_X(taken, reset=False)
    if checked.ndim != 4:
        return None
    read = known_rows(checked, type(network).__name__)
    images = read[np.arange(len(rows))]  # of a dataset, they are read here
    return [
        as_pixels(image) if is_there else None
        for image, is_there in zip(images, found_rows(read), strict=True)
    ]


def as_pixels(image: np.ndarray) -> np.ndarray:
    """Scale an image of shape (height, width, n_channels) to [0, 1]."""
    pixels = np.asarray(image, dtype=np.float64)
    low, high = pixels.min(), pixels.max()
    pixels = (pixels - low) / (high - low) if high > low else np.zeros_like(pixels)
    return pixels[..., :3] if pixels.shape[-1] >= 3 else pixels.mean(axis=-1)
