"""A dataset as an array that is read where it is indexed."""

import numpy as np
import pytest
import torch
from PIL import Image

from mtlearn.data import (
    DatasetRows,
    item_labels,
    open_dataset,
    row_dims,
)
from mtlearn.exceptions import DataTypeError, InvalidDataError
from tiny_datasets import Items, Stream, Unsized

LAYOUTS = {2: "(height, width)", 3: "(height, width, n_channels)"}
X = np.random.default_rng(0).integers(0, 200, (7, 3, 2, 2)).astype(np.uint8)


def rows_of(items, **options):
    return DatasetRows(Items(items), "Owner", LAYOUTS, **options)


@pytest.mark.parametrize("X", [np.zeros((2, 3)), [[1.0]], {"a": 1}, None], ids=str)
def test_what_is_no_dataset_has_no_labels(X):
    assert item_labels(X, None) is None


@pytest.mark.parametrize(
    "index", [slice(None), slice(1, 3), slice(5, 99), [4, 4, 0], [], 6], ids=str
)
@pytest.mark.parametrize("dtype", ["uint8", ">f8", "bool"])
def test_rows_are_those_of_an_array(index, dtype):
    images = X.astype(dtype)
    index = np.array(index, dtype=int) if isinstance(index, list) else index
    rows = rows_of(images)
    assert (len(rows), rows.shape, rows.ndim) == (7, images.shape, 4)
    assert rows.dtype == rows[index].dtype == images.dtype
    np.testing.assert_array_equal(rows[index], images[index])


def test_only_what_is_indexed_is_read():
    items = Items(X)
    rows = DatasetRows(items, "Owner", LAYOUTS)
    rows[np.array([5, 2])]
    rows[3:5]
    assert items.read == [0, 5, 2, 3, 4]


def test_gray_images_get_a_channel_and_tables_a_dtype():
    gray = rows_of(X[..., 0])
    assert gray.shape == (7, 3, 2, 1)
    np.testing.assert_array_equal(gray[1:4], X[1:4, :, :, :1])
    table = DatasetRows(Items(X[:, 0, 0]), "Owner", {1: "(d,)"}, np.float64)
    assert table.dtype == table[:2].dtype == np.float64
    np.testing.assert_array_equal(table[:], X[:, 0, 0])


CONTAINERS = {
    "tensors": torch.tensor,
    "lists": np.ndarray.tolist,
    "pictures": lambda image: Image.fromarray(image[..., 0]),
    "tuples of one": lambda image: (image,),
    "pairs": lambda image: (image, "label"),
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_what_an_item_may_be(container):
    rows = rows_of([container(image) for image in X])
    np.testing.assert_array_equal(rows[:], X[..., : rows.shape[-1]])


WRONG = {
    "shape": (X[0, :2], InvalidDataError, r"shape \(3, 2, 2\), item 5 has \(2, 2, 2\)"),
    "dtype": (X[0] / 1, InvalidDataError, "dtype uint8, item 5 has float64"),
    "text": ("cat", DataTypeError, "item 5 of the dataset is a str"),
    "dict": ({"x": 1}, DataTypeError, "x or .x, y.* item 5 .* is a dict"),
    "ragged": ([[1], [1, 2]], DataTypeError, "Item 5 .* cannot be read as an array"),
    "three": ((X[0], 1, 2), InvalidDataError, "Item 5 .* is a tuple of length 3"),
    "gradient": (
        torch.ones(3, 2, 2, requires_grad=True),
        DataTypeError,
        r"Item 5 of the dataset .*detach\(\)",
    ),
}


@pytest.mark.parametrize(("item", "error", "message"), WRONG.values(), ids=WRONG)
def test_an_item_unlike_the_others(item, error, message):
    rows = rows_of([*X[:5], item, *X[5:]])
    np.testing.assert_array_equal(rows[:5], X[:5])
    with pytest.raises(error, match=message):
        rows[4:7]
    with pytest.raises(error, match=message):
        rows_of([(image, 0) for image in X[:5]] + [item]).labels()


@pytest.mark.parametrize(
    ("value", "name"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_numbers_that_are_none(value, name):
    images = X.astype(np.float32)
    images[2, 1, 0, 1] = value
    message = rf"X contains {name}: item 2 of the dataset, at position \(1, 0, 1\)\. Ow"
    with pytest.raises(InvalidDataError, match=message):
        rows_of(images)[:]


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (Stream(X), DataTypeError, r"map-style dataset.* Got Stream.* partial_fit"),
        (Unsized(X), DataTypeError, r"with __len__ and .* Got Unsized"),
        (Items([]), InvalidDataError, r"a dataset with 0 sample\(s\) .* by Owner"),
        (Items([1.0]), InvalidDataError, r"\(height, width\) or .* has the shape \(\)"),
        (Items(X[:, :0]), InvalidDataError, r"has the shape \(0, 2, 2\) instead"),
    ],
)
def test_datasets_that_will_not_do(dataset, error, message):
    with pytest.raises(error, match=message):
        open_dataset(dataset, "Owner", LAYOUTS)


def test_a_list_of_pairs_is_what_scikit_learn_makes_of_a_dataset():
    with pytest.raises(InvalidDataError, match=r"pairs .*SliceDataset\(dataset\) as"):
        open_dataset([(image, 1) for image in X], "Owner", LAYOUTS)
    for listed in (list(X), [(1.0, 2.0)], [(image[0], image[1]) for image in X], []):
        assert open_dataset(listed, "Owner", LAYOUTS) is None


def test_the_first_row_tells_the_dimensions():
    items = Items(X)
    assert row_dims(items) == 3
    assert items.read == [0]
