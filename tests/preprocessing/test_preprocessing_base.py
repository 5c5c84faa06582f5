"""What every transformer of the room must do, whatever its mathematics."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn.exceptions import DataTypeError, InvalidDataError
from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageReshaper,
    ImageStandardScaler,
)

TRANSFORMERS = [
    ImageReshaper(),
    GlobalMaxScaler(),
    ImageStandardScaler(),
    ImageStandardScaler(per_channel=False),
]
SCALERS = TRANSFORMERS[1:]
LAYOUTS = [(16,), (4, 4), (4, 4, 3)]

every_transformer = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
every_scaler = pytest.mark.parametrize("transformer", SCALERS, ids=repr)
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=str)


def make_images(layout=(4, 4, 3), n_samples=6):
    return np.random.default_rng(0).normal(5.0, 2.0, size=(n_samples, *layout))


@every_transformer
@every_layout
def test_inverse_transform_gives_back_what_fit_saw(transformer, layout):
    X = make_images(layout)
    fitted = clone(transformer).fit(X)
    restored = fitted.inverse_transform(fitted.transform(X))
    assert restored.shape == X.shape
    np.testing.assert_allclose(restored, X, rtol=1e-13)
    assert fitted.sample_shape_ == layout
    assert fitted.n_features_in_ == np.prod(layout)


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


@every_transformer
def test_object_dtype_that_holds_numbers_is_converted(transformer):
    X = make_images()
    result = clone(transformer).fit_transform(X.astype(object))
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, clone(transformer).fit_transform(X))


@every_transformer
def test_lists_of_images(transformer):
    X = make_images((2, 2))
    fitted = clone(transformer).fit(X)
    np.testing.assert_array_equal(fitted.transform(X.tolist()), fitted.transform(X))
    np.testing.assert_array_equal(fitted.transform(tuple(X)), fitted.transform(X))


@every_transformer
def test_objects_that_are_images(transformer):
    X = np.empty(6, dtype=object)
    X[:] = list(make_images((2, 2)))
    expected = clone(transformer).fit_transform(make_images((2, 2)))
    np.testing.assert_array_equal(clone(transformer).fit_transform(X), expected)


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
def test_torch_tensor_in_array_out(transformer, layout):
    X = make_images(layout).astype(np.float32)
    expected = clone(transformer).fit_transform(X)
    result = clone(transformer).fit_transform(torch.from_numpy(X))
    assert type(result) is np.ndarray
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, expected)


@every_transformer
def test_read_only_memmap(transformer, tmp_path):
    X = make_images().astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    result = clone(transformer).fit_transform(mapped)
    np.testing.assert_array_equal(result, clone(transformer).fit_transform(X))


@every_transformer
@pytest.mark.parametrize("mode", ["uint8", "float32"])
def test_fit_does_not_copy_a_memmap(transformer, mode, tmp_path):
    shape = (1500, 64, 64, 3)
    X = np.lib.format.open_memmap(
        tmp_path / "X.npy", mode="w+", dtype=mode, shape=shape
    )
    X[::2] = 1
    transformer = clone(transformer)
    tracemalloc.start()
    try:
        transformer.fit(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 2


@every_transformer
def test_negative_strides(transformer):
    X = make_images()
    flipped = X[::-1, :, ::-1]
    expected = clone(transformer).fit_transform(flipped.copy())
    np.testing.assert_array_equal(clone(transformer).fit_transform(flipped), expected)


@every_transformer
@every_layout
def test_input_is_left_alone(transformer, layout):
    X = make_images(layout)
    before = X.copy()
    fitted = clone(transformer).fit(X)
    fitted.inverse_transform(fitted.transform(X))
    np.testing.assert_array_equal(X, before)


@every_scaler
def test_only_training_data_counts(transformer):
    X = make_images()
    fitted = clone(transformer).fit(X)
    state = pickle.dumps(fitted)
    first = fitted.transform(X)
    fitted.transform(X * 100)
    assert pickle.dumps(fitted) == state
    np.testing.assert_array_equal(fitted.transform(X), first)


@every_transformer
def test_clone_and_pickle(transformer):
    X = make_images()
    fitted = clone(transformer).fit(X)
    assert clone(fitted).get_params() == transformer.get_params()
    assert not hasattr(clone(fitted), "sample_shape_")
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.transform(X), fitted.transform(X))


@every_transformer
def test_refit_forgets_the_first_layout(transformer):
    fitted = clone(transformer).fit(pd.DataFrame(make_images((4,)), columns=[*"abcd"]))
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    fitted.fit(make_images((4, 4, 3)))
    assert not hasattr(fitted, "feature_names_in_")
    assert fitted.sample_shape_ == (4, 4, 3)
    assert fitted.n_features_in_ == 48


@every_transformer
@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
def test_set_output_is_ignored(transformer, container):
    X = make_images((4, 4))
    transformer = clone(transformer)
    assert transformer.set_output(transform=container) is transformer
    assert type(transformer.fit_transform(X)) is np.ndarray


@every_transformer
def test_pandas_output_asked_of_everything(transformer):
    frame = pd.DataFrame(make_images((4,)), columns=[*"abcd"])
    with sklearn.config_context(transform_output="pandas"):
        assert type(clone(transformer).fit_transform(frame)) is np.ndarray
        assert type(clone(transformer).fit(frame).transform(frame)) is np.ndarray


def test_pandas_output_of_a_pipeline():
    frame = pd.DataFrame(make_images((4,)), columns=[*"abcd"])
    pipeline = make_pipeline(
        StandardScaler(), ImageReshaper(), GlobalMaxScaler(), ImageStandardScaler()
    ).set_output(transform="pandas")
    result = pipeline.fit_transform(frame)
    assert type(result) is np.ndarray
    assert result.shape == (6, 2, 2, 1)
    assert isinstance(pipeline[:1].transform(frame), pd.DataFrame)
    assert pipeline.n_features_in_ == 4


@every_transformer
def test_a_subclass_returns_arrays_too(transformer):
    class Named(type(transformer)):
        def transform(self, X):
            return super().transform(X)

        def get_feature_names_out(self, input_features=None):
            return np.array([*"abcd"], dtype=object)

    with sklearn.config_context(transform_output="pandas"):
        result = Named().fit_transform(make_images((4,)))
    assert type(result) is np.ndarray


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
def test_large_float16_of_both_signs_is_no_error(transformer):
    X = np.full((2, 16, 16), 60000, dtype=np.float16)
    X[1] *= -1
    assert np.isfinite(clone(transformer).fit_transform(X)).all()


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
