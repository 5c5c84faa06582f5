"""The same changes of images by kornia, where it is installed.

It draws from torch's global generator. Its policies draw their operations once for a
whole batch, so that theirs is other work.
"""

from collections.abc import Callable
from importlib.util import find_spec

import torch

Change = Callable[[torch.Tensor], object]

MISSING = (
    "kornia is not measured: it is not installed. "
    "Get it by: pip install --no-deps kornia"
)


def is_installed() -> bool:
    """Tell whether kornia can be imported."""
    return find_spec("kornia") is not None


def changes(height: int, width: int) -> dict[str, Change]:
    """Return what kornia has, by the names of `augmentation.CHANGES`."""
    from kornia import augmentation

    size = (height, width)
    return {
        "flip and affine": augmentation.AugmentationSequential(
            augmentation.RandomHorizontalFlip(),
            augmentation.RandomAffine(18.0, translate=(0.05, 0.05), p=1.0),
            data_keys=["input"],
        ),
        "resized crop": augmentation.RandomResizedCrop(size, cropping_mode="resample"),
        "hue": augmentation.RandomHue((-0.1, 0.1), p=1.0),
        "greyscale": augmentation.RandomGrayscale(p=0.2),
        "colours": augmentation.ColorJitter(0.3, 0.3, 0.3, 0.1, p=1.0),
        "TrivialAugment": augmentation.auto.TrivialAugment(),
        "RandAugment": augmentation.auto.RandAugment(n=2, m=9),
    }
