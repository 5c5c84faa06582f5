"""Settings that every test shares."""

import gc
import os

# Before scikit-learn is imported: with it, check_array_api_input runs.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from skorch.helper import SliceDict

# What type checkers read, and nobody runs.
collect_ignore = ["typing"]
# Those of folders have fixtures and no tests, and all of them one name.
collect_ignore_glob = ["*/conftest.py"]

# What is collected stays to the end. Looking for garbage in it, again and again, takes
# a quarter of the time of collecting it, and then more of the tests' own.
gc.disable()


def pytest_collection_finish(session):
    """Look for garbage again, in what comes from now on."""
    gc.freeze()
    gc.enable()


matplotlib.use("Agg")
# Two torch threads that fight for two busy cores are far slower than one.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_torch_thread():
    """Undo what a test did to torch's thread count."""
    yield
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_pictures_left():
    """Close what a test has drawn: matplotlib warns of many open figures."""
    yield
    plt.close("all")


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
