"""What no transformer of the room takes, and what it says."""

import numpy as np
import pandas as pd
import pytest
from every_transformer import every_layout, every_transformer, make_images
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mtlearn.exceptions import DataTypeError, InvalidDataError


@every_transformer
def test_images_of_different_shapes(transformer):
    X = [np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((3, 2))]
    name = type(transformer).__name__
    match = rf"{name} expects .* Image 0 has the shape \(2, 2\), image 2 has \(3, 2\)"
    with pytest.raises(InvalidDataError, match=match):
        clone(transformer).fit(X)


@every_transformer
def test_bad_data_at_transform(transformer):
    fitted = clone(transformer).fit(make_images((2, 2)))
    with pytest.raises(ValueError, match="Complex data not supported"):
        fitted.transform(make_images((2, 2)) + 1j)
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        fitted.transform(np.zeros((0, 2, 2)))
    with pytest.raises(ValueError, match="could not convert string to float"):
        fitted.transform(np.full((3, 2, 2), "a", dtype=object))


@every_transformer
def test_other_column_names(transformer):
    frame = pd.DataFrame(make_images((4,)), columns=[*"abcd"])
    fitted = clone(transformer).fit(frame)
    with pytest.raises(ValueError, match="feature names should match those that were"):
        fitted.transform(frame.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="must be in the same order"):
        fitted.transform(frame[[*"badc"]])


@every_transformer
@every_layout
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([np.nan], "Input X contains NaN"),
        ([np.inf], "Input X contains infinity"),
        ([np.inf, -np.inf], "Input X contains infinity"),
    ],
)
def test_nan_and_infinity(transformer, layout, dtype, values, match):
    X = make_images(layout).astype(dtype)
    fitted = clone(transformer).fit(X)
    scaled = fitted.transform(X)
    X.ravel()[: len(values)] = values
    with pytest.raises(ValueError, match=match):
        fitted.transform(X)
    scaled.reshape(-1)[: len(values)] = values
    with pytest.raises(ValueError, match=match):
        fitted.inverse_transform(scaled)
    with pytest.raises(ValueError, match=match):
        clone(transformer).fit(X)


@every_transformer
@every_layout
def test_complex(transformer, layout):
    with pytest.raises(ValueError, match="Complex data not supported"):
        clone(transformer).fit(make_images(layout) + 1j)


@every_transformer
@pytest.mark.parametrize(
    ("X", "error", "match"),
    [
        (np.zeros(4), ValueError, "Expected 2D array, got 1D array instead"),
        (np.zeros((0, 4)), ValueError, r"0 sample\(s\) .* minimum of 1 is required"),
        (np.zeros((0, 2, 2)), ValueError, r"0 sample\(s\) .* minimum of 1 is req"),
        (np.zeros((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\)"),
        (
            np.zeros((3, 0, 2)),
            InvalidDataError,
            r"0 feature\(s\) \(shape=\(3, 0, 2\)\) while a minimum of 1 is required",
        ),
        (
            np.zeros((2, 2, 2, 2, 2)),
            InvalidDataError,
            r"must have 2, 3 or 4 dimensions: .* Got the shape \(2, 2, 2, 2, 2\)",
        ),
        (
            np.zeros((2, 4), dtype="datetime64[s]"),
            DataTypeError,
            r"must hold real numbers\. Got the dtype datetime64\[s\] instead",
        ),
        (np.full((2, 2, 2), "a"), ValueError, "arrays of bytes/strings"),
        (sparse.csr_array(np.eye(4)), TypeError, "Sparse data was passed for X"),
    ],
)
def test_data_that_is_no_image_and_no_table(transformer, X, error, match):
    with pytest.raises(error, match=match):
        clone(transformer).fit(X)


@every_transformer
@pytest.mark.parametrize(
    ("seen", "given"),
    [
        ((4, 4, 3), (4, 4, 1)),
        ((4, 4, 3), (4, 3, 4)),
        ((4, 4, 3), (48,)),
        ((4, 4, 1), (4, 4)),
        ((4, 4), (16,)),
        ((4, 4), (4, 4, 1)),
        ((16,), (4, 4)),
    ],
    ids=str,
)
def test_another_layout_at_transform(transformer, seen, given):
    fitted = clone(transformer).fit(make_images(seen))
    expected = ", ".join(map(str, seen))
    match = (
        rf"must have the shape \(n_samples, {expected}\), as fitted\. "
        rf"Got the shape \(6, {', '.join(map(str, given))}\) instead"
    )
    with pytest.raises(InvalidDataError, match=match):
        fitted.transform(make_images(given))


@every_transformer
def test_another_number_of_columns_is_told_in_the_words_of_scikit_learn(transformer):
    fitted = clone(transformer).fit(make_images((4,)))
    name = type(transformer).__name__
    match = f"X has 3 features, but {name} is expecting 4 features as input"
    with pytest.raises(ValueError, match=match):
        fitted.transform(make_images((3,)))


@every_transformer
def test_another_layout_at_inverse_transform(transformer):
    fitted = clone(transformer).fit(make_images((4, 4, 3)))
    match = r"must have the shape \(n_samples, 4, 4, 3\), as fitted"
    with pytest.raises(InvalidDataError, match=match):
        fitted.inverse_transform(make_images((4, 4, 1)))


@every_transformer
@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_not_fitted(transformer, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(clone(transformer), method)(make_images())
