"""Each test on a GPU, and once on the processor, which shows that it can run."""

import pytest
import torch


@pytest.fixture(params=[pytest.param("cuda", marks=pytest.mark.gpu), "cpu"])
def device(request):
    """Where the estimators of a test compute; the results of "cpu" are beside it."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return request.param


@pytest.fixture
def on_gpu(device):
    """Tell whether there is more to see than on a processor."""
    return device == "cuda"
