"""Arrays of tensors."""

import numpy as np
import pytest
import torch

from mtlearn._utils._tensors import as_array, without_tensors
from mtlearn.exceptions import DataTypeError, InvalidDataError

# What numpy has no type for, beside a value that it holds and float32 too.
SMALL = {
    torch.bfloat16: -3.140625,
    torch.float8_e4m3fn: 1.125,
    torch.float8_e5m2: 1.25,
}


@pytest.mark.parametrize(("dtype", "value"), SMALL.items(), ids=str)
def test_small_types_become_float32_exactly(dtype, value):
    array = as_array(torch.full((2, 3), value).to(dtype), "X")
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.full((2, 3), value))


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.float32, torch.float64, torch.uint8, torch.bool]
)
def test_other_types_are_viewed(dtype):
    tensor = torch.tensor([0, 1]).to(dtype)
    array = as_array(tensor, "X")
    assert array.dtype == str(dtype).removeprefix("torch.")
    assert np.shares_memory(array, tensor.numpy())


def test_a_view_with_a_sign_of_its_own():
    tensor = torch.tensor([1 + 2j]).conj().imag
    assert tensor.is_neg()
    np.testing.assert_array_equal(as_array(tensor, "X"), [-2])


@pytest.mark.parametrize(
    ("tensor", "error", "message"),
    [
        (
            torch.ones(2, requires_grad=True),
            InvalidDataError,
            r"^X\[3\] is .* requires a gradient, .* Pass X\[3\]\.detach\(\)\.$",
        ),
        (torch.eye(2).to_sparse(), DataTypeError, r"Pass X\[3\]\.to_dense\(\)"),
        (
            torch.ones(2, device="meta"),
            DataTypeError,
            r"on the device meta, .* Pass X\[3\]\.cpu\(\)",
        ),
    ],
)
def test_tensors_that_would_lose_something(tensor, error, message):
    with pytest.raises(error, match=message):
        as_array(tensor, "X[3]")
    with pytest.raises(error, match=message):
        without_tensors([0, 0, 0, tensor], "X")


def test_all_else_is_left_alone():
    y = ["a", "b"]
    assert without_tensors(y, "y") == y
    assert without_tensors(3, "y") == 3
    found = without_tensors([torch.tensor(1.5).bfloat16(), 2], "y")
    np.testing.assert_array_equal(np.asarray(found), [1.5, 2])
