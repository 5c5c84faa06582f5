"""doubled: a transposed convolution as a linear layer and sums."""

import pytest
import torch
from torch.nn import functional

from mtlearn.networks._doubling import doubled


@pytest.mark.parametrize("n_out", [1, 3])
@pytest.mark.parametrize("padding", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("size", [(5, 4), (1, 1), (1, 3)])
def test_it_is_the_transposed_convolution(n_out, padding, size):
    torch.manual_seed(0)
    x, weight = torch.randn(2, 6, *size), torch.randn(6, n_out, 3, 3)
    bias = torch.randn(n_out)
    for own in (bias, None):
        expected = functional.conv_transpose2d(x, weight, own, 2, 1, padding)
        found = doubled(x, weight, own, padding)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_sums_are_of_float32():
    # Of 256 + 1 + 1, bfloat16 would have 256 alone.
    x = torch.tensor([[[[256.0, 1.0], [0.0, 1.0]]]])
    with torch.autocast("cpu", torch.bfloat16):
        found = doubled(x, torch.ones(1, 1, 3, 3), torch.zeros(1), (1, 1))
    assert found.dtype == torch.bfloat16
    assert found[0, 0, 1, 1] == 258


def test_float64_keeps_its_digits():
    torch.manual_seed(0)
    x, weight = torch.randn(2, 6, 4, 4).double(), torch.randn(6, 1, 3, 3).double()
    expected = functional.conv_transpose2d(x, weight, None, 2, 1, 1)
    found = doubled(x, weight, None, (1, 1))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
