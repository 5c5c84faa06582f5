"""Labels out of the items of a dataset."""

import enum

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.helper import SliceDict

from mtlearn._utils import _dataset_items as module
from mtlearn.data import DatasetRows, item_labels
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import Classification, Regression, Tasks, fit_codec
from tiny_datasets import Items, Pairs

X = np.zeros((3, 2))
TASKS = Tasks(kind=Classification(["a", "b"]), size=Regression())
ROWS = {
    "tuples": [("a", 1.5), ("b", 2.5), (None, 4)],
    "lists": [["a", 1.5], ["b", 2.5], [None, 4]],
    "tensors in tuples": [("a", torch.tensor(1.5)), ("b", 2.5), (None, 4)],
    "arrays of objects": list(np.array([["a", 1.5], ["b", 2.5], [None, 4]], object)),
    "dicts": [
        {"kind": "a", "size": 1.5},
        {"size": torch.tensor(2.5), "kind": "b"},
        {"kind": pd.NA, "size": 4},
    ],
    "series": [
        pd.Series({"kind": "a", "size": 1.5}),
        pd.Series({"kind": "b", "size": 2.5}),
        pd.Series({"kind": None, "size": 4}),
    ],
}


class Name(str, enum.Enum):  # noqa: UP042
    KIND = "kind"
    SIZE = "size"


def labels_of(labels):
    return item_labels(Pairs(X, labels), None)


def test_names_that_are_members_of_an_enum_are_what_they_equal():
    y = labels_of([{Name.KIND: "a", Name.SIZE: size} for size in (1.5, 2.5, 4)])
    assert list(y) == ["kind", "size"]
    np.testing.assert_array_equal(y["size"], [1.5, 2.5, 4])


@pytest.mark.parametrize("piece", [1, 2, 3, 4])
@pytest.mark.parametrize("labels", ROWS.values(), ids=ROWS)
def test_a_label_for_each_task(monkeypatch, labels, piece):
    monkeypatch.setattr(module, "_PIECE", piece)
    y = labels_of(labels)
    codec = fit_codec(TASKS, y)
    kind, size = codec.encode(y).values
    np.testing.assert_array_equal(kind[:2], [0, 1])
    np.testing.assert_array_equal(
        np.transpose(codec.encode(y).weights), [[1, 1], [1, 1], [0, 1]]
    )
    np.testing.assert_allclose(
        size, (np.array([1.5, 2.5, 4]) - 8 / 3) / np.std([1.5, 2.5, 4])
    )


def test_named_labels_are_a_slice_dict():
    y = labels_of([{"kind": 1, "size": 0.5}] * 3)
    assert isinstance(y, SliceDict)
    assert {name: column.dtype.kind for name, column in y.items()} == {
        "kind": "i",
        "size": "f",
    }


@pytest.mark.parametrize(
    "labels",
    [
        [1, 0, 1],
        [1.5, np.nan, 2.5],
        [1, 2.5, 3],
        np.array(["a", "b", "a"], dtype=object),
        np.float32([1.5, 2, 0]),
        torch.tensor([1, 0, 1]),
        [True, False, True],
        np.arange(6.0).reshape(3, 2),
        torch.arange(3.0)[:, None],
    ],
    ids=str,
)
@pytest.mark.parametrize("piece", [1, 2, 4])
def test_labels_are_those_of_an_array(monkeypatch, labels, piece):
    monkeypatch.setattr(module, "_PIECE", piece)
    found, expected = np.asarray(labels_of(labels)), np.asarray(labels)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, (1, 2), 1], "y of item 1 .* is a sequence of 2, and .* item 0 is one"),
        ([(1, 2), (1, 2), (1,)], "y of item 2 .* is a sequence of 1, .* sequence of 2"),
        ([{"a": 1}, {"b": 1}, {"a": 1}], "y of item 1 .* a mapping of b, .* of a"),
        ([1, 2, [[1]]], "y of item 2 .* holds a list of shape .1,. where one label"),
        ([{"a": [1]}] * 3, "y of item 0 of the dataset holds a list of shape"),
    ],
)
def test_labels_that_do_not_go_together(labels, message):
    with pytest.raises(InvalidDataError, match=message):
        labels_of(labels)


def test_an_item_without_a_label():
    message = r"Item 1 of the dataset has no label, .* or pass y \(y_val for X_val\)"
    with pytest.raises(InvalidDataError, match=message):
        item_labels(Items([(X[0], 1), X[1], (X[2], 1)]), None)


def test_labels_that_are_passed_win_and_nothing_is_read():
    items = Pairs(X, [1, 2, 3])
    y = [4, 5, 6]
    assert item_labels(items, y) is y
    assert items.read == []


def test_one_pass_reads_labels_and_looks_at_rows():
    items = Pairs(X, [1, 2, 3])
    rows = DatasetRows(items, "Owner", {1: "(d,)"})
    assert item_labels(rows, None).tolist() == [1, 2, 3]
    assert items.read == [0, 0, 1, 2]
