"""Targets of several kinds in several containers."""

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

N_SAMPLES = 400


@pytest.fixture
def targets():
    """Ten classes, eight uneven classes and a skewed real value."""
    rng = np.random.RandomState(0)
    y = np.empty((N_SAMPLES, 3), dtype=np.float32)
    y[:, 0] = rng.randint(10, size=N_SAMPLES)
    y[:, 1] = np.minimum(rng.geometric(0.3, size=N_SAMPLES), 8)
    y[:, 2] = rng.random_sample(N_SAMPLES) ** 3
    return y


@pytest.fixture
def contain():
    """Put the targets in a container."""
    return _contain


def _contain(y, container):
    digit, item, shade = y.T
    if container == "array":
        return y
    if container == "frame":
        return pd.DataFrame(
            {
                "digit": pd.array(digit.astype(int), dtype="Int64"),
                "item": [f"item {i:.0f}" for i in item],
                "shade": shade,
            },
            index=np.arange(len(y))[::-1],
        )
    return SliceDict(digit=digit.astype(int), item=item.astype(int), shade=shade)
