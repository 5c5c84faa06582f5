"""X that must just work: types, layouts, no copy and no change."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from mtlearn import Classification, Regression
from mtlearn.preprocessing import GlobalMaxScaler
from tiny_datasets import Items
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

WHOLE = np.random.default_rng(0).integers(0, 200, (24, 6, 6, 2)).astype(np.uint8)
LABELS = make_images()[1]


def fit(X):
    return image_estimator().fit(X, LABELS)


@pytest.fixture(scope="module")
def reference():
    return fit(WHOLE.astype(np.float32))


@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int8", "uint16", "int32", "int64", "float16", "float64", ">f4", ">i2"],
)
def test_dtypes_agree_with_float32(reference, dtype):
    X = (WHOLE if dtype != "int8" else WHOLE // 2).astype(dtype)
    expected = reference if dtype != "int8" else fit((WHOLE // 2).astype(np.float32))
    estimator = fit(X)
    assert_same_bits(expected, estimator)
    np.testing.assert_array_equal(estimator.predict(X), expected.predict(X))


def test_booleans():
    X = WHOLE > 100
    assert_same_bits(fit(X.astype(np.float32)), fit(X))


LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=2)[:, :, ::2],
    "reversed": lambda X: X[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
    "channels first": lambda X: X.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1),
    "list": lambda X: X.tolist(),
    "list of images": list,
    "tensor": torch.tensor,
    "bfloat16": lambda X: torch.tensor(X).bfloat16(),  # which holds whole bytes
    "objects": lambda X: X.astype(object),
    "series": lambda X: pd.Series(list(X), index=range(24, 0, -1)),
    "open mask": lambda X: np.ma.array(X, mask=False),
    "dataset of bfloat16": lambda X: Items(torch.tensor(X).bfloat16()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_agree(reference, layout):
    X = LAYOUTS[layout](WHOLE.astype(np.float32))
    estimator = fit(X)
    assert_same_bits(reference, estimator)
    np.testing.assert_array_equal(estimator.predict(X), reference.predict(WHOLE))


def test_a_tensor_that_requires_a_gradient():
    X = torch.tensor(WHOLE.astype(np.float32), requires_grad=True)
    with pytest.raises(ValueError, match=r"Pass\s+X\.detach\(\)"):
        fit(X)
    assert fit(X.detach()).n_iter_ == 2


@pytest.fixture
def memmap(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, WHOLE)
    return np.load(path, mmap_mode="r")


class DataKeeper(Callback):
    """Keeps the training data for a look after the fit."""

    def on_train_begin(self, net, X, **kwargs):
        self.data = X[0].X


def test_a_read_only_memmap_is_not_copied(reference, memmap):
    keeper = DataKeeper()
    estimator = image_estimator(callbacks=[keeper]).fit(memmap, LABELS)
    assert_same_bits(reference, estimator)
    assert not memmap.flags.writeable
    assert np.shares_memory(keeper.data, memmap)
    np.testing.assert_array_equal(estimator.predict(memmap), reference.predict(WHOLE))


@pytest.mark.parametrize("channels", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_arrays_and_tensors_are_not_copied(dtype, channels):
    keeper = DataKeeper()
    X = WHOLE.astype(dtype) if channels else WHOLE.astype(dtype)[..., 0]
    image_estimator(callbacks=[keeper]).fit(X, LABELS)
    assert np.shares_memory(keeper.data, X)
    image_estimator(callbacks=[keeper]).fit(torch.from_numpy(X), LABELS)
    assert np.shares_memory(keeper.data, X)


class WritesInPlace(torch.nn.Module):
    def __init__(self, in_channels, image_size):
        super().__init__()
        self.linear = torch.nn.Linear(in_channels, 4)

    def forward(self, x):
        x.mul_(0.5).add_(1)
        return self.linear(x.mean(dim=(2, 3)))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_X_is_not_changed_even_by_a_rude_backbone(dtype):
    X = WHOLE.astype(dtype)
    before = X.copy()
    estimator = image_estimator(backbone=WritesInPlace, early_stopping=True)
    estimator.fit(X, LABELS)
    estimator.predict(X)
    estimator.embed(X)
    estimator.partial_fit(X, LABELS)
    np.testing.assert_array_equal(X, before)


def test_y_and_weights_are_not_changed():
    X, y = make_table()
    y[:4, 1] = np.nan
    weights = np.ones_like(y)
    before = y.copy(), weights.copy()
    table_estimator().fit(X, y, weights).score(X, y, weights)
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(weights, before[1])


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_small_images(size, n_channels):
    X, y = make_images(size=size, n_channels=n_channels)
    assert image_estimator().fit(X, y).predict(X).shape == (24, 2)


def test_images_that_are_all_alike():
    X = np.zeros((24, 6, 6))
    estimator = fit(X)
    assert np.isfinite(estimator.predict(X)).all()
    assert np.isfinite(estimator.history_[-1]["train_loss"])


@pytest.mark.parametrize("container", [pd.DataFrame, list, torch.tensor, np.float32])
def test_tables(container):
    X, y = make_table()
    X = X.astype(np.float32).astype(float)
    expected = table_estimator().fit(X, y)
    given = container(X)
    if container is pd.DataFrame:
        given.columns = list("abcd")
    estimator = table_estimator().fit(given, y)
    assert_same_bits(expected, estimator)
    np.testing.assert_array_equal(estimator.predict(given), expected.predict(X))


TABLE = np.arange(160).reshape(40, 4) % 23 - 11
TABLE_LAYOUTS = {
    "bytes": lambda X: X.astype(np.int8),
    "whole": lambda X: X.astype(np.int64),
    "half": lambda X: X.astype(np.float16),
    "big-endian": lambda X: X.astype(">f8"),
    "fortran": lambda X: np.asfortranarray(X.astype(float)),
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "objects": lambda X: X.astype(object),
    "rows": list,
    "series of rows": lambda X: pd.Series(list(X)),
    "bfloat16": lambda X: torch.tensor(X).bfloat16(),
    "open mask": lambda X: np.ma.array(X, mask=np.zeros(X.shape, bool)),
}


@pytest.mark.parametrize("layout", TABLE_LAYOUTS)
def test_layouts_of_tables_agree(layout):
    y = make_table()[1]
    expected = table_estimator().fit(TABLE.astype(float), y)
    X = TABLE_LAYOUTS[layout](TABLE)
    estimator = table_estimator().fit(X, y)
    assert_same_bits(expected, estimator)
    np.testing.assert_array_equal(estimator.predict(X), expected.predict(TABLE))
    np.testing.assert_array_equal(estimator.embed(X), expected.embed(TABLE))
    assert estimator.score(X, y) == expected.score(TABLE, y)


@pytest.mark.parametrize("dtype", ["float64", "int16"])
def test_a_table_in_a_read_only_file(tmp_path, dtype):
    y = make_table()[1]
    np.save(tmp_path / "X.npy", TABLE.astype(dtype))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    estimator = table_estimator().fit(mapped, y).partial_fit(mapped, y)
    expected = table_estimator().fit(TABLE, y).partial_fit(TABLE, y)
    assert_same_bits(expected, estimator)
    np.testing.assert_array_equal(estimator.predict(mapped), expected.predict(TABLE))


LABELS_OF = {
    "from one": [1, 2, 3],
    "with a gap": [0, 5, 99],
    "negative": [-7, 0, 7],
    "real": [0.0, 5.0, 99.0],
    "words": ["high", "low", "middling"],
    "numbers as words": ["1", "10", "2"],
}


@pytest.mark.parametrize("name", LABELS_OF)
@pytest.mark.parametrize("make", [table_estimator, image_estimator])
def test_labels_of_any_kind(make, name):
    X, y = make_table() if make is table_estimator else make_images()
    classes = np.array(LABELS_OF[name])
    labels = classes[y[:, 0].astype(int)]
    estimator = make(Classification(), max_epochs=20).fit(X, labels)
    np.testing.assert_array_equal(estimator.classes_, np.unique(labels))
    assert estimator.predict(X).dtype == labels.dtype
    assert estimator.score(X, labels) == np.mean(estimator.predict(X) == labels)
    coded = make(Classification(), max_epochs=20).fit(X, y[:, 0])
    np.testing.assert_array_equal(coded.predict_proba(X), estimator.predict_proba(X))


@pytest.mark.parametrize("make", [table_estimator, image_estimator])
def test_a_single_class_and_a_constant_target(make):
    X, y = make_table() if make is table_estimator else make_images()
    estimator = make(Classification()).fit(X, np.full(len(y), "only"))
    assert set(estimator.predict(X)) == {"only"}
    np.testing.assert_array_equal(estimator.predict_proba(X), np.ones((len(y), 1)))
    constant = make(Regression(), lr=0.03, max_epochs=200).fit(X, np.full(len(y), 3.5))
    np.testing.assert_allclose(constant.predict(X), 3.5, atol=0.5)


def test_a_table_of_zeros():
    estimator = table_estimator().fit(np.zeros((40, 4)), make_table()[1])
    assert np.isfinite(estimator.predict(np.zeros((40, 4)))).all()


def test_images_brighter_than_those_of_the_fit():
    X, y = make_images()
    model = make_pipeline(GlobalMaxScaler(), image_estimator()).fit(X, y)
    assert model[0].transform(3 * X).max() == pytest.approx(3)
    assert np.isfinite(model.predict(3 * X)).all()


def test_one_row_at_predict():
    X, y = make_images()
    estimator = image_estimator().fit(X, y)
    assert estimator.predict(X[:1]).shape == (1, 2)
