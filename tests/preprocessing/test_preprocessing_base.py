"""What every transformer of the room must do, whatever its mathematics."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from every_transformer import every_layout, every_transformer, make_images
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn.preprocessing import (
    GlobalMaxScaler,
    ImageReshaper,
    ImageStandardScaler,
)


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
def test_large_float16_of_both_signs_is_no_error(transformer):
    X = np.full((2, 16, 16), 60000, dtype=np.float16)
    X[1] *= -1
    assert np.isfinite(clone(transformer).fit_transform(X)).all()
