"""ImageStandardScaler."""

import numpy as np
import pytest

from mtlearn.exceptions import InvalidDataError, ParameterTypeError
from mtlearn.preprocessing import ImageStandardScaler, _standard


def make_images(shape, dtype="float64"):
    rng = np.random.default_rng(0)
    channels = np.arange(1, shape[-1] + 1) * 20.0
    return rng.normal(channels, channels / 5, size=shape).astype(dtype)


@pytest.fixture
def small_chunks(monkeypatch):
    """Let fit read X in many pieces, the last of which is smaller."""
    monkeypatch.setattr(_standard, "CHUNK_VALUES", 100)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "int64"])
def test_per_channel(dtype):
    X = make_images((31, 3, 4, 3), dtype)
    scaler = ImageStandardScaler().fit(X)
    values = X.astype(np.float64)
    mean, deviation = values.mean(axis=(0, 1, 2)), values.std(axis=(0, 1, 2))
    np.testing.assert_allclose(scaler.mean_, mean, rtol=1e-13)
    np.testing.assert_allclose(scaler.scale_, deviation, rtol=1e-12)
    assert scaler.mean_.dtype == scaler.scale_.dtype == np.float64
    assert scaler.mean_.shape == scaler.scale_.shape == (3,)
    expected = (values - mean) / deviation
    np.testing.assert_allclose(scaler.transform(X), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize(
    ("shape", "per_channel"),
    [
        ((31, 3, 4, 3), False),
        ((31, 3, 4), True),
        ((31, 3, 4), False),
        ((31, 12), True),
        ((31, 12), False),
        ((3, 11, 11), True),
    ],
)
def test_one_mean_and_deviation_for_all(shape, per_channel):
    X = make_images(shape)
    scaler = ImageStandardScaler(per_channel=per_channel).fit(X)
    np.testing.assert_allclose(scaler.mean_, [X.mean()], rtol=1e-13)
    np.testing.assert_allclose(scaler.scale_, [X.std()], rtol=1e-12)
    expected = (X - X.mean()) / X.std()
    np.testing.assert_allclose(scaler.transform(X), expected, rtol=1e-11, atol=1e-12)


def test_pieces_of_the_true_size_join_up():
    X = make_images((300, 32, 32, 1), "float32")
    assert X.size > _standard.CHUNK_VALUES
    scaler = ImageStandardScaler().fit(X)
    values = X.astype(np.float64)
    np.testing.assert_allclose(scaler.mean_, [values.mean()], rtol=1e-13)
    np.testing.assert_allclose(scaler.scale_, [values.std()], rtol=1e-12)


@pytest.mark.usefixtures("small_chunks")
def test_a_large_offset_costs_no_accuracy():
    noise = np.random.default_rng(0).integers(-3, 4, size=(50, 4, 4))
    X = 1e9 + noise
    scaler = ImageStandardScaler().fit(X)
    np.testing.assert_allclose(scaler.mean_, [1e9 + noise.mean()], rtol=1e-15)
    np.testing.assert_allclose(scaler.scale_, [noise.std()], rtol=1e-9)


def test_float32_is_computed_in_float64():
    # In float32 alone, 1000.001 - 1000.0005 keeps hardly a digit.
    X = (1000 + np.linspace(0, 1e-3, 64)).astype(np.float32).reshape(4, 4, 4)
    values = X.astype(np.float64)
    scaled = ImageStandardScaler().fit_transform(X)
    expected = (values - values.mean()) / values.std()
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -1e6 / 7])
def test_a_constant_channel_has_scale_one(value):
    X = make_images((31, 3, 4, 2))
    X[..., 1] = value
    scaler = ImageStandardScaler().fit(X)
    assert scaler.mean_[1] == value
    assert scaler.scale_[1] == 1.0
    assert scaler.scale_[0] > 1.0
    assert not scaler.transform(X)[..., 1].any()


def test_zero_images():
    scaler = ImageStandardScaler().fit(np.zeros((3, 2, 2), dtype=np.uint8))
    assert scaler.mean_ == 0.0
    assert scaler.scale_ == 1.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_up_to_the_largest_float32(dtype):
    X = np.array([[0.0, 3e38]], dtype=dtype)
    np.testing.assert_allclose(ImageStandardScaler().fit_transform(X), [[-1, 1]])


def test_values_too_large_to_be_squared():
    X = np.array([[0.0, 1e300]])
    with pytest.raises(InvalidDataError, match=r"from 0 to 1e\+300, whose squares are"):
        ImageStandardScaler().fit(X)


def test_a_column_order_array():
    X = np.asfortranarray(make_images((10, 3, 4, 2)))
    expected = ImageStandardScaler().fit_transform(X.copy(order="C"))
    np.testing.assert_array_equal(ImageStandardScaler().fit_transform(X), expected)


@pytest.mark.parametrize("per_channel", ["yes", 1, None])
def test_per_channel_must_be_a_bool(per_channel):
    match = f"'per_channel' parameter .* must be True or False. Got {per_channel!r}"
    with pytest.raises(ParameterTypeError, match=match):
        ImageStandardScaler(per_channel=per_channel).fit(np.eye(3))
