"""Small photographs on disk, and the values that they must be read as."""

import numpy as np
from PIL import Image


def smooth_pictures(n_samples=24, height=30, width=40, seed=0):
    """Return uint8 colour images without sharp edges, which JPEG keeps well."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(n_samples, 3, 4, 3), dtype=np.uint8)
    size = width, height
    return np.stack(
        [
            np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BICUBIC))
            for each in coarse
        ]
    )


def write_pictures(folder, images, suffix=".png", **options):
    """Write images into a folder, and return the names of the files in it."""
    names = []
    for number, image in enumerate(images):
        names.append(f"picture {number:03d}{suffix}")
        Image.fromarray(image).save(folder / names[-1], **options)
    return names
