"""Known means and deviations, by hand."""

import numpy as np
import pytest

from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.preprocessing import ImageNormalizer

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
BYTES = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("X", "white"),
    [
        (BYTES, 255),
        (BYTES.astype(np.int64), 255),
        (BYTES * np.uint16(257), 65535),
        ((BYTES * np.uint16(257)).astype(">u2"), 65535),
        ((BYTES * np.uint16(257)).astype("<u2"), 65535),
        (BYTES / 255, 1),
        ((BYTES / 255).astype(np.float32), 1),
        (BYTES > 128, 1),
    ],
    ids=["bytes", "int64", "uint16", "big", "little", "float64", "float32", "booleans"],
)
def test_the_formula(X, white):
    normalizer = ImageNormalizer().fit(X)
    assert normalizer.white_ == white
    found = normalizer.transform(X)

    in_one = X.astype(np.float64) / white
    np.testing.assert_allclose(found, (in_one - MEAN) / STD, rtol=0, atol=2e-6)
    assert found.dtype == (np.float64 if X.dtype.itemsize == 8 else np.float32)
    np.testing.assert_allclose(normalizer.inverse_transform(found), X, atol=white / 1e5)


def test_one_number_for_all_or_one_for_each():
    X = BYTES / 255
    found = ImageNormalizer(mean=0.5, std=0.25).fit_transform(X)
    np.testing.assert_allclose(found, (X - 0.5) / 0.25)
    found = ImageNormalizer(mean=[0, 1, 2], std=np.array([1, 2, 4])).fit_transform(X)
    np.testing.assert_allclose(found, (X - [0, 1, 2]) / [1, 2, 4], atol=1e-12)
    found = ImageNormalizer(mean=0).fit_transform(X)
    np.testing.assert_allclose(found, X / STD)


@pytest.mark.parametrize("layout", [(30,), (5, 6), (5, 6, 1)])
def test_grey_images_have_the_averages(layout):
    X = BYTES[..., 0].reshape(4, *layout) / 255
    found = ImageNormalizer().fit_transform(X)

    np.testing.assert_allclose(found, (X - 0.449) / 0.226)


def test_whole_and_real_numbers_are_not_confused():
    normalizer = ImageNormalizer().fit(BYTES)
    assert normalizer.transform(BYTES.astype(np.int32)).dtype == np.float64
    with pytest.raises(
        InvalidDataError, match=r"white is 255, and in X, of dtype float64, .* be 1\."
    ):
        normalizer.transform(BYTES / 255)


def test_other_numbers_of_channels():
    with pytest.raises(InvalidDataError, match=r"has 3 channel.* 'mean' .* is of 2"):
        ImageNormalizer(mean=(0.5, 0.5)).fit(BYTES)
    four = np.concatenate([BYTES, BYTES[..., :1]], axis=3)
    with pytest.raises(InvalidDataError, match=r"has 4 channel.* 'imagenet', is of 3"):
        ImageNormalizer().fit(four)
    with pytest.raises(InvalidDataError, match=r"has 1 channel.* 'std' .* is of 3"):
        ImageNormalizer(mean=0.5, std=(1, 1, 1)).fit(BYTES[..., :1])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"mean": "cifar"}, ParameterTypeError, "'mean' .* Got 'cifar' instead"),
        ({"mean": None}, ParameterTypeError, "Got None"),
        ({"std": ["a"]}, ParameterTypeError, r"'std' .* Got \['a'\]"),
        ({"mean": []}, InvalidParameterError, r"Got \[\]"),
        ({"mean": np.nan}, InvalidParameterError, "Got nan"),
        ({"std": 0.0}, InvalidParameterError, "'std' .* positive. Got 0.0"),
        ({"std": (0.1, -0.1, 0.1)}, InvalidParameterError, "must be positive"),
    ],
)
def test_wrong_parameters(params, error, message):
    with pytest.raises(error, match=message):
        ImageNormalizer(**params).fit(BYTES)
