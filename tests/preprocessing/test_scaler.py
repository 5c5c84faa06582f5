"""What every transformer does that shifts and scales values."""

import pickle

import numpy as np
import pytest
from every_transformer import every_layout, every_scaler, make_images
from sklearn.base import clone


@every_scaler
@every_layout
def test_scalers_keep_the_layout(transformer, layout):
    X = make_images(layout)
    assert clone(transformer).fit_transform(X).shape == X.shape


@every_scaler
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bool", "float32"),
        ("uint8", "float32"),
        ("int8", "float32"),
        ("uint16", "float32"),
        ("int16", "float32"),
        ("int32", "float64"),
        ("int64", "float64"),
        ("float16", "float16"),
        ("float32", "float32"),
        ("float64", "float64"),
        (">f4", "float32"),
    ],
)
def test_dtype_of_scaled_values(transformer, dtype, expected):
    X = np.abs(make_images()).astype(dtype)
    X[0, 0, 0] = 0
    fitted = clone(transformer).fit(X)
    scaled = fitted.transform(X)
    assert scaled.dtype == np.dtype(expected)
    assert fitted.inverse_transform(scaled).dtype == np.dtype(expected)
    reference = clone(transformer).fit_transform(X.astype(np.float64))
    tolerance = 2e-3 if expected == "float16" else 1e-6
    np.testing.assert_allclose(scaled, reference, rtol=tolerance, atol=tolerance)


@every_scaler
def test_only_training_data_counts(transformer):
    X = make_images()
    fitted = clone(transformer).fit(X)
    state = pickle.dumps(fitted)
    first = fitted.transform(X)
    fitted.transform(X * 100)
    assert pickle.dumps(fitted) == state
    np.testing.assert_array_equal(fitted.transform(X), first)
