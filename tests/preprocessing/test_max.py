"""GlobalMaxScaler."""

import numpy as np
import pytest

from mtlearn.exceptions import InvalidDataError
from mtlearn.preprocessing import GlobalMaxScaler


@pytest.mark.parametrize("layout", [(6,), (2, 3), (2, 3, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_divides_by_the_training_maximum(layout, dtype):
    X = np.random.default_rng(0).integers(0, 200, size=(5, *layout)).astype(dtype)
    scaler = GlobalMaxScaler().fit(X)
    assert type(scaler.max_) is float
    assert scaler.max_ == scaler.scale_ == X.max()
    scaled = scaler.transform(X)
    assert scaled.max() == 1.0
    expected = X / np.float64(X.max())
    np.testing.assert_allclose(scaled, expected, rtol=1e-7)


def test_brighter_samples_are_not_clipped():
    scaler = GlobalMaxScaler().fit([[1.0, 4.0]])
    np.testing.assert_array_equal(scaler.transform([[8.0, -2.0]]), [[2.0, -0.5]])


def test_another_dtype_at_transform():
    # 1e6 is infinite in float16, yet the quotient is not.
    scaler = GlobalMaxScaler().fit(np.array([[1e6, 0.0]]))
    scaled = scaler.transform(np.array([[60000, 1000]], dtype=np.float16))
    assert scaled.dtype == np.float16
    np.testing.assert_allclose(scaled, [[0.06, 0.001]], rtol=1e-3)


@pytest.mark.parametrize("X", [np.zeros((2, 3, 3)), -np.eye(3)])
def test_maximum_of_zero_divides_by_one(X):
    scaler = GlobalMaxScaler().fit(X)
    assert scaler.max_ == 0.0
    assert scaler.scale_ == 1.0
    np.testing.assert_array_equal(scaler.transform(X), X)


def test_negative_maximum_is_an_error():
    match = r"must have a maximum of 0 or more\. Got the maximum -0\.5: .* Use Image"
    with pytest.raises(InvalidDataError, match=match):
        GlobalMaxScaler().fit(-np.full((2, 3), 0.5))


def test_all_false():
    scaled = GlobalMaxScaler().fit_transform(np.zeros((2, 3), dtype=bool))
    assert scaled.dtype == np.float32
    assert not scaled.any()
