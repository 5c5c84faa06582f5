"""The transformers of the room, and images for them."""

import numpy as np
import pytest

from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageReshaper,
    ImageStandardScaler,
)

TRANSFORMERS = [
    ImageReshaper(),
    GlobalMaxScaler(),
    ImageStandardScaler(),
    ImageStandardScaler(per_channel=False),
]
SCALERS = TRANSFORMERS[1:]
LAYOUTS = [(16,), (4, 4), (4, 4, 3)]

every_transformer = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
every_scaler = pytest.mark.parametrize("transformer", SCALERS, ids=repr)
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=str)


def make_images(layout=(4, 4, 3), n_samples=6):
    return np.random.default_rng(0).normal(5.0, 2.0, size=(n_samples, *layout))
