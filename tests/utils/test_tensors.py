"""Arrays of tensors."""

import numpy as np
import pytest
import torch
from skorch.helper import SliceDict

from mtlearn._utils._tensors import as_array, without_tensors
from mtlearn.exceptions import DataTypeError, InvalidDataError
from mtlearn.tasks import Classification, Regression, Tasks, fit_codec

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


def test_labels_and_weights():
    y = torch.tensor([[0, 1.5], [1, 2.5], [1, -3.0]]).bfloat16()
    weights = torch.tensor([0.5, 1.0, 0.25]).bfloat16()
    tasks = Tasks(kind=Classification(2), size=Regression())
    expected = fit_codec(tasks, y.double().numpy(), weights.double().numpy())
    for found in (
        fit_codec(tasks, y, weights),
        fit_codec(tasks, list(y), list(weights)),
        fit_codec(tasks, SliceDict(kind=y[:, 0], size=y[:, 1]), weights),
    ):
        assert found.tasks["size"].mean_ == expected.tasks["size"].mean_
        np.testing.assert_array_equal(found.tasks["kind"].classes_, [0, 1])
    with pytest.raises(InvalidDataError, match=r"Pass sample_weight\.detach\(\)"):
        fit_codec(tasks, y, torch.ones(3, requires_grad=True))
    with pytest.raises(DataTypeError, match=r"Pass y\.cpu\(\)"):
        fit_codec(tasks, torch.ones(3, 2, device="meta"))
