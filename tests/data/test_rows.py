"""X in any container."""

import array
from collections import UserList, deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array
from skorch.helper import SliceDict
from torch.utils.data import DataLoader, TensorDataset

from mtlearn.data import has_names, read_rows
from mtlearn.data._paths import read_paths
from mtlearn.exceptions import DataTypeError, InvalidDataError

IMAGES = np.random.default_rng(0).integers(0, 255, (4, 3, 5, 3), dtype=np.uint8)
GRAY = IMAGES[..., 0]


def objects(items):
    column = np.empty(len(items), dtype=object)
    column[:] = list(items)
    return column


class Column(Sequence):
    """A lazy column, as Hugging Face's."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


class ArrayLike:
    """A column of another library, such as polars'."""

    def __init__(self, items):
        self.items = items
        self.shape = (len(items),)

    def __array__(self, dtype=None, copy=None):
        return objects(self.items)


HOLDERS = {
    "list": list,
    "tuple": tuple,
    "objects": objects,
    "series": lambda X: pd.Series(list(X), index=[7, 5, 3, 1]),
    "index": lambda X: pd.Index(list(X), dtype=object),
    "column": lambda X: Column(list(X)),
    "deque": deque,
    "user list": UserList,
    "of another library": ArrayLike,
}
ELEMENTS = {
    "arrays": lambda image: image,
    "lists": lambda image: image.tolist(),
    "arrays of arrays": lambda image: objects(
        [objects(line) if line.ndim > 1 else line for line in image]
    ),
    "tensors": torch.tensor,
    "pictures": Image.fromarray,
    "open masks": lambda image: np.ma.array(image, mask=False),
}


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("images", [IMAGES, GRAY], ids=["colours", "gray"])
def test_a_list_of_arrays_in_any_holder(images, holder, element):
    X = holder([element(image) for image in images])
    np.testing.assert_array_equal(np.asarray(read_rows(X, "It")), images)


NAMES = ["a.png", "b.png", "c.png", "d.png"]
NAME_HOLDERS = {
    **HOLDERS,
    "text": np.array,
    "column of a matrix": lambda X: np.array(X)[:, None],
    "frame": lambda X: pd.DataFrame({"file": X}),
    "strings": lambda X: pd.Series(X, dtype="string"),
    "categories": lambda X: pd.Series(X, dtype="category"),
}


@pytest.mark.parametrize("holder", NAME_HOLDERS.values(), ids=NAME_HOLDERS)
def test_names_in_any_holder(holder):
    X = holder(NAMES)
    assert has_names(X)
    assert read_paths(X).tolist() == NAMES


@pytest.mark.parametrize("holder", [list, objects, pd.Series, pd.Index])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_names_of_which_the_first_is_missing(holder, missing):
    X = holder([missing, *NAMES])
    assert has_names(X)
    with pytest.raises(DataTypeError, match=r"Row 0 has .* instead. Leave it out"):
        read_paths(X)


@pytest.mark.parametrize(
    "X",
    [
        "a.png",
        Path("a.png"),
        [],
        [None],
        IMAGES,
        list(IMAGES),
        torch.ones(2, requires_grad=True),
        pd.DataFrame({"a": ["x"], "b": ["y"]}),
        pd.DataFrame({"a": [1.0]}),
        np.array([["a", "b"]]),
        np.array("a"),
        np.empty((0, 1), dtype=object),
        {0: "a.png"},
        {"a.png"},
        csr_array(np.eye(2)),
        None,
    ],
    ids=lambda X: type(X).__name__,
)
def test_what_holds_no_names(X):
    assert not has_names(X)


ROWS = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize("holder", [list, objects, pd.Series, pd.Index])
def test_rows_of_a_table(holder):
    np.testing.assert_array_equal(read_rows(holder(list(ROWS)), "It"), ROWS)


AS_THEY_ARE = {
    "array": ROWS,
    "matrix of objects": ROWS.astype(object),
    "matrix of text": ROWS.astype(str),
    "memory map": ROWS.view(np.memmap),
    "frame": pd.DataFrame(ROWS),
    "frame of text": pd.DataFrame({"a": ["x", "y"], "b": ["x", "y"]}),
    "empty frame": pd.DataFrame({"a": np.array([], dtype=object)}),
    "sparse": csr_array(ROWS),
    "numbers": [1.0, 2.0],
    "series": pd.Series([1.0, 2.0]),
    "series of objects": pd.Series([1, 2], dtype=object),
    "empty list": [],
    "buffer": memoryview(ROWS),
    "numbers of C": array.array("d", [1.0]),
    "lists of text": [["a", "b"]],
}


@pytest.mark.parametrize("X", AS_THEY_ARE.values(), ids=AS_THEY_ARE)
def test_what_scikit_learn_reads_or_refuses_by_itself(X):
    assert read_rows(X, "It") is X


def test_a_tensor_shares_its_memory():
    X = torch.ones(2, 3, 4)
    assert np.shares_memory(read_rows(X, "It"), X.numpy())


class LooksLikeHuggingFace:
    shape = (4, 2)

    def __len__(self):
        return 4

    def __getitem__(self, number):
        return {"image": IMAGES[number], "label": 123456789}


class Lazy:
    """A frame that is not read yet, such as polars' LazyFrame."""

    @property
    def columns(self):
        raise AssertionError("This would read a file.")


FILES = r"names of files or other text \((str|str_|PosixPath)\).*__getitem__ of a data"
NO_ROWS = {
    "list of names": (["123456789.png"] * 4, FILES),
    "list of paths": ([Path("123456789.png")], FILES),
    "array of names": (np.array(["123456789.png"]), FILES),
    "series of names": (pd.Series(["123456789.png"]), FILES),
    "frame of names": (pd.DataFrame({"f": ["123456789"]}), "a DataFrame of names of f"),
    "one name": ("123456789.png", "of the type str .* __getitem__ of a dataset"),
    "one path": (Path("123456789"), "of the type PosixPath .* __getitem__ of a data"),
    "bytes": (b"123456789", "of the type bytes"),
    "generator": ((123456789 for _ in range(3)), "type generator .*list.X., or go thr"),
    "set": ({123456789}, "of the type set .*list.X., or go through"),
    "loader": (
        DataLoader(TensorDataset(torch.full((2, 3), 123456789))),
        "Got a DataLoader instead. Pass its dataset",
    ),
    "dict": ({"a": [123456789]}, "of the type dict .* DataFrame"),
    "SliceDict": (SliceDict(a=np.full(3, 123456789)), "type SliceDict .* DataFrame"),
    "Hugging Face": (LooksLikeHuggingFace(), r"LooksLike.*SliceDataset\(X, idx="),
    "mappings": ([{"image": 123456789}], "a list whose first entry is a dict inst"),
    "gaps": ([None, IMAGES[0]], "a list whose first entry is a NoneType instead"),
    "nothing": (None, "of the type NoneType instead"),
    "number": (123456789.5, "of the type float instead"),
    "lazy frame": (Lazy(), "of the type Lazy instead"),
    "function": (len, "of the type builtin_function_or_method instead"),
    "frame of arrays": (
        pd.DataFrame({"n": [1, 2], "f": ["a", "b"], "image": list(GRAY[:2])}),
        r"column 'image' has a ndarray .* Pass that column: X\['image'\]",
    ),
    "frame of pictures": (
        pd.DataFrame({"image": [Image.fromarray(image) for image in GRAY]}),
        r"column 'image' has a Image .* Pass that column: X\['image'\]",
    ),
}


@pytest.mark.parametrize(("X", "message"), NO_ROWS.values(), ids=NO_ROWS)
def test_what_has_no_rows_of_numbers(X, message):
    with pytest.raises(DataTypeError, match=message) as raised:
        read_rows(X, "Owner")
    said = str(raised.value)
    assert said.startswith("X of Owner must be an array, a list of arrays or pictures")
    assert said.endswith("See docs/guide/out_of_core.md.")
    assert "123456789" not in said
    assert len(said) < 400


UNLIKE = {
    "sizes": (
        [GRAY[0], GRAY[1, :2]],
        r"Image 0 .* \(3, 5\), image 1 has \(2, 5\)\. Re",
    ),
    "pictures": (
        [Image.fromarray(IMAGES[0]), Image.fromarray(IMAGES[1, :2])],
        r"Image 0 has the shape \(3, 5, 3\), image 1 has \(2, 5, 3\)\. Resize or crop",
    ),
    "rows": ([*ROWS[:2], ROWS[2, :1]], r"Row 0 .* \(2,\), row 2 has \(1,\)"),
    "lists": ([[1, 2], [3]], "X of It is a list of lists that differ in length"),
    "one picture": (Image.fromarray(IMAGES[0]), r"X of It is one picture.* \[X\]\."),
}


@pytest.mark.parametrize(("X", "message"), UNLIKE.values(), ids=UNLIKE)
def test_rows_that_differ(X, message):
    with pytest.raises(InvalidDataError, match=message):
        read_rows(X, "It")


@pytest.mark.parametrize("gap", [None, {"a": 1}], ids=str)
def test_a_gap_in_a_list(gap):
    message = f"Image 2 is a {type(gap).__name__}, .* no array of numbers"
    with pytest.raises(DataTypeError, match=message):
        read_rows([GRAY[0], GRAY[1], gap], "It")


MASKED = np.ma.array(IMAGES, mask=False)
MASKED[1, 0, 0, 0] = np.ma.masked


@pytest.mark.parametrize("holder", [lambda X: X, list, objects, pd.Series])
def test_what_is_masked(holder):
    with pytest.raises(DataTypeError, match=r"^X (is|holds) a masked .*X\.filled\(0"):
        read_rows(holder(list(MASKED) if holder is pd.Series else MASKED), "It")
