"""ImageReshaper."""

import numpy as np
import pandas as pd
import pytest

from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.preprocessing import ImageReshaper


@pytest.mark.parametrize(
    ("layout", "image_shape", "expected"),
    [
        ((16,), None, (4, 4, 1)),
        ((1,), None, (1, 1, 1)),
        ((3, 5), None, (3, 5, 1)),
        ((3, 5, 2), None, (3, 5, 2)),
        ((12,), (3, 4), (3, 4, 1)),
        ((12,), [3, 4], (3, 4, 1)),
        ((12,), (2, 3, 2), (2, 3, 2)),
        ((12,), (1, -1), (1, 12, 1)),
        ((12,), (-1, 1), (12, 1, 1)),
        ((12,), (2, 2, -1), (2, 2, 3)),
        ((12,), (-1, 2, 3), (2, 2, 3)),
        ((12,), (np.int64(3), np.int64(4)), (3, 4, 1)),
        ((3, 4), (3, 4, 1), (3, 4, 1)),
        ((1, 12), (3, 4), (3, 4, 1)),
        ((3, 4), (3, 2, 2), (3, 2, 2)),
        ((3, 4, 1), (3, 4), (3, 4, 1)),
        ((3, 4, 2), (3, 4, 2), (3, 4, 2)),
        ((3, 4, 2), (-1, 6, 2), (2, 6, 2)),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["uint8", "bool", "float16", ">f4", "int64"])
def test_shape_values_and_dtype(layout, image_shape, expected, dtype):
    X = np.random.default_rng(0).integers(0, 255, size=(5, *layout)).astype(dtype)
    reshaper = ImageReshaper(image_shape=image_shape).fit(X)
    images = reshaper.transform(X)
    assert reshaper.image_shape_ == expected
    assert all(type(size) is int for size in reshaper.image_shape_)
    assert images.shape == (5, *expected)
    assert images.dtype == X.dtype
    np.testing.assert_array_equal(images.ravel(), X.ravel())
    restored = reshaper.inverse_transform(images)
    assert restored.dtype == X.dtype
    np.testing.assert_array_equal(restored, X)


@pytest.mark.parametrize(
    ("layout", "image_shape"),
    [((16,), None), ((12,), (2, 3, 2)), ((3, 4), None), ((3, 4, 2), None)],
)
@pytest.mark.parametrize("flip", [False, True])
def test_a_view_of_a_memmap(layout, image_shape, flip, tmp_path):
    X = np.arange(5 * np.prod(layout)).reshape(5, *layout)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    if flip:
        mapped = mapped[::-1]
    reshaper = ImageReshaper(image_shape=image_shape).fit(mapped)
    images = reshaper.transform(mapped)
    assert np.shares_memory(images, mapped)
    assert np.shares_memory(reshaper.inverse_transform(images), mapped)


def test_a_data_frame():
    X = np.arange(24.0).reshape(2, 12)
    frame = pd.DataFrame(X).add_prefix("pixel_")
    reshaper = ImageReshaper(image_shape=(3, 4)).fit(frame)
    np.testing.assert_array_equal(reshaper.transform(frame), X.reshape(2, 3, 4, 1))
    assert reshaper.feature_names_in_[-1] == "pixel_11"


def test_number_of_samples_may_change():
    reshaper = ImageReshaper().fit(np.zeros((7, 4)))
    assert reshaper.transform(np.zeros((2, 4))).shape == (2, 2, 2, 1)
    assert reshaper.inverse_transform(np.zeros((3, 2, 2, 1))).shape == (3, 4)


@pytest.mark.parametrize("n_features", [2, 15, 17])
def test_rows_that_are_no_squares(n_features):
    match = (
        rf"square number of features when 'image_shape' is None\. Got {n_features} "
        r"features instead\. Give image_shape=\(height, width\)"
    )
    with pytest.raises(InvalidDataError, match=match):
        ImageReshaper().fit(np.zeros((2, n_features)))


@pytest.mark.parametrize(
    ("image_shape", "shown"),
    [
        ((3, 4), r"\(3, 4, 1\)"),
        ((7, -1), r"\(7, -1, 1\)"),
        ((4, 4, 4), r"\(4, 4, 4\)"),
        ((32, -1), r"\(32, -1, 1\)"),
    ],
)
def test_samples_that_do_not_fit(image_shape, shown):
    match = (
        rf"'image_shape' parameter of ImageReshaper is {shown} \(height, width, "
        r"n_channels\), which cannot hold the 16 values of a sample of the shape "
        r"\(16,\)"
    )
    with pytest.raises(InvalidParameterError, match=match):
        ImageReshaper(image_shape=image_shape).fit(np.zeros((2, 16)))


@pytest.mark.parametrize("image_shape", [(8, 8, 3), (1, -1), (8, -1, 4)])
def test_channels_are_not_torn_to_pieces(image_shape):
    match = r"but the images of X have 8 \(shape \(3, 8, 8\), channels last\)"
    with pytest.raises(InvalidParameterError, match=match):
        ImageReshaper(image_shape=image_shape).fit(np.zeros((2, 3, 8, 8)))


@pytest.mark.parametrize(
    "image_shape", [16, "ab", (4.0, 4), (True, 16), (None, 4), {4: 4}, np.array([4, 4])]
)
def test_image_shape_of_another_type(image_shape):
    match = "'image_shape' parameter of ImageReshaper must be None, .* Got .* instead"
    with pytest.raises(ParameterTypeError, match=match):
        ImageReshaper(image_shape=image_shape).fit(np.zeros((2, 16)))


@pytest.mark.parametrize(
    "image_shape", [(), (16,), (4, 4, 1, 1), (-1, -1), (0, 4), (-2, 8)]
)
def test_image_shape_of_another_value(image_shape):
    match = "'image_shape' parameter of ImageReshaper must be None, .* Got .* instead"
    with pytest.raises(InvalidParameterError, match=match):
        ImageReshaper(image_shape=image_shape).fit(np.zeros((2, 16)))
