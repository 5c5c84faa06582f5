"""Settings that every test shares."""

import os

# Before scikit-learn is imported: with it, check_array_api_input runs.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import matplotlib
import pytest
import torch

matplotlib.use("Agg")
# Two torch threads that fight for two busy cores are far slower than one.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_torch_thread():
    """Undo what a test did to torch's thread count."""
    yield
    torch.set_num_threads(1)
