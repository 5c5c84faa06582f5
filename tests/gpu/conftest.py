"""Each test on a GPU, and once on the processor, which shows that it can run.

With SECOND_DEVICE=1 also on a device in Python, which finds what a processor forgives.
"""

import os

import pytest
import torch

# Who looks for doctests would import it, and torch then has one device more.
collect_ignore = ["second_device.py"]
SECOND = ["second"] if os.environ.get("SECOND_DEVICE") else []


@pytest.fixture(params=[pytest.param("cuda", marks=pytest.mark.gpu), "cpu", *SECOND])
def device(request):
    """Where the estimators of a test compute; the results of "cpu" are beside it."""
    if request.param == "second":
        from second_device import second_device

        with second_device() as name:
            yield name
        return
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    yield request.param


@pytest.fixture
def on_gpu(device):
    """Tell whether there is more to see than on a processor."""
    return device == "cuda"


@pytest.fixture
def keeps_rows(device):
    """Tell whether rows are copied to the device."""
    return device != "cpu"


@pytest.fixture
def needs_autocast(device):
    """Skip where there is none."""
    if device == "second":
        pytest.skip("this device has no autocast")
