"""Reading image arrays without a copy."""

import tracemalloc

import numpy as np
import pytest
import torch

from mtlearn.data import _images, check_images
from mtlearn.data._images import check_finite
from mtlearn.exceptions import DataTypeError, InvalidDataError, MtlearnError

REAL_DTYPES = ["uint8", "uint16", "int64", "bool", "float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", [*REAL_DTYPES, ">f4"])
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 1), (2, 3, 4, 5)], ids=str)
def test_images_are_viewed_not_copied(shape, dtype):
    X = np.ones(shape, dtype=dtype)
    X.setflags(write=False)

    images = check_images(X, "It")

    assert images.shape == (*shape, 1)[:4]
    assert images.dtype == X.dtype
    assert np.shares_memory(images, X)


def test_a_memory_map_stays_one(tmp_path):
    np.save(tmp_path / "X.npy", np.ones((2, 3, 4), dtype=np.float32))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")

    assert np.shares_memory(check_images(X, "It"), X)


def test_a_tensor_is_viewed():
    X = torch.ones(2, 3, 4)

    images = check_images(X, "It")

    assert images.shape == (2, 3, 4, 1)
    assert np.shares_memory(images, X.numpy())


def test_views_with_negative_strides():
    X = np.arange(24.0).reshape(2, 3, 4)

    images = check_images(X[::-1, :, ::-1], "It")

    assert images[0, 0, 0, 0] == X[1, 0, 3]


def test_lists_of_images_are_stacked():
    images = check_images([np.zeros((3, 4)), np.ones((3, 4))], "It")

    assert images.shape == (2, 3, 4, 1)
    assert images[1].min() == 1


def test_an_array_of_images_as_objects_is_stacked():
    X = np.empty(2, dtype=object)
    X[:] = [np.zeros((3, 4)), np.ones((3, 4))]

    np.testing.assert_array_equal(check_images(X, "It")[..., 0], [X[0], X[1]])


def test_objects_that_are_numbers_are_converted():
    assert check_images(np.ones((2, 3, 4), dtype=object), "It").dtype == np.float64


@pytest.mark.parametrize("shape", [(4, 9), (2, 3, 4, 1, 1)], ids=str)
def test_other_shapes(shape):
    with pytest.raises(
        InvalidDataError, match=r"It expects images of shape \(n_samples, .* ImageResh"
    ) as caught:
        check_images(np.ones(shape), "It")
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("shape", [(2, 3, 4, 0), (2, 3, 0), (2, 0, 4, 1)], ids=str)
def test_images_without_a_pixel(shape):
    with pytest.raises(InvalidDataError, match=r"at least one pixel and one channel"):
        check_images(np.ones(shape), "It")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((0, 3, 4)), r"Found array with 0 sample"),
        (np.ones((2, 3, 4), dtype=complex), r"Complex data not supported"),
        (np.full((2, 3, 4), "a"), r"could not convert string|dtype='numeric'"),
        (
            [np.ones((3, 4)), np.ones((4, 3))],
            r"It expects .* Image 0 has the shape \(3, 4\), image 1 has \(4, 3\)\. Res",
        ),
        (
            [np.ones((3, 4)).tolist(), np.ones((4, 3)).tolist()],
            r"lists that differ in length",
        ),
        (np.ones(3), r"of shape \(3,\) instead\. Reshape your data"),
    ],
    ids=["empty", "complex", "strings", "ragged", "nested lists", "vector"],
)
def test_what_is_no_array_of_numbers(X, message):
    with pytest.raises(ValueError, match=message):
        check_images(X, "It")


def test_a_tensor_with_a_gradient():
    with pytest.raises(InvalidDataError, match=r"requires a gradient, .* X\.detach"):
        check_images(torch.ones(2, 3, 4, requires_grad=True), "It")


@pytest.mark.parametrize("chunk", [1, 200, 2**24])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_the_first_pixel_that_is_not_finite(monkeypatch, value, word, dtype, chunk):
    monkeypatch.setattr(_images, "_CHUNK_BYTES", chunk)
    X = np.zeros((9, 3, 4, 2), dtype=dtype)
    X[5, 2, 1, 1] = X[7, 0, 0, 0] = value

    with pytest.raises(
        InvalidDataError,
        match=rf"contains {word}: image 5, row 2, column 1, channel 1\. It accepts",
    ):
        check_images(X, "It")


def test_a_large_image_is_searched_in_pieces(monkeypatch):
    monkeypatch.setattr(_images, "_CHUNK_BYTES", 2**20)
    X = np.broadcast_to(np.float32(1), (1, 4096, 1024))
    tracemalloc.start()
    try:
        check_images(X, "It")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < X.size  # a mask of the whole image has a byte for each pixel


def test_whole_numbers_are_not_searched():
    check_finite(np.zeros((2, 3, 4, 1), dtype=np.uint8), "It")


def test_dates_are_no_pixels():
    with pytest.raises(DataTypeError, match=r"real numbers\. Got .* dtype date"):
        check_images(np.zeros((2, 3, 3), dtype="datetime64[s]"), "Owner")
