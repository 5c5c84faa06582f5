"""Telling a dataset, and selecting rows of anything."""

from collections import UserList, deque

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.helper import SliceDataset, SliceDict
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from mtlearn._utils._indexing import evenly_spaced, is_dataset, take_rows
from tiny_datasets import Items, ListedItems, Stream

X = np.random.default_rng(0).integers(0, 200, (7, 3, 2, 2)).astype(np.uint8)
TENSORS = TensorDataset(torch.zeros(2, 3))
DATASETS = {
    "torch's": TENSORS,
    "a subset": Subset(TENSORS, [1]),
    "joined": ConcatDataset([TENSORS, TENSORS]),
    "skorch's": SliceDataset(TENSORS),
    "a stream": Stream([1]),
    "of no torch class": ListedItems([1]),
}
OTHERS = {
    "array": np.zeros((2, 3)),
    "tensor": torch.zeros(2, 3),
    "list": [[1.0]],
    "tuple": ([1.0],),
    "text": "abc",
    "range": range(3),
    "deque": deque([1]),
    "list of a user": UserList([1]),
    "dict": {"a": 1},
    "SliceDict": SliceDict(a=np.zeros(2)),
    "frame": pd.DataFrame({"a": [1]}),
    "class": ListedItems,
    "number": 3,
    "nothing": None,
}


@pytest.mark.parametrize("X", DATASETS.values(), ids=DATASETS)
def test_what_is_a_dataset(X):
    assert is_dataset(X)


@pytest.mark.parametrize("X", OTHERS.values(), ids=OTHERS)
def test_what_is_none(X):
    assert not is_dataset(X)


def test_rows_are_taken_without_reading_them():
    items = Items(X)
    for dataset, kind in ((items, Subset), (SliceDataset(items), SliceDataset)):
        taken = take_rows(take_rows(dataset, np.array([6, 4, 1])), np.array([0, 2]))
        assert isinstance(taken, kind)
        assert len(taken) == 2
    assert items.read == []
    taken = take_rows(items, np.array([6, 1]))
    np.testing.assert_array_equal([taken[0], taken[1]], X[[6, 1]])
    np.testing.assert_array_equal(take_rows(X, np.array([6, 1])), X[[6, 1]])


@pytest.mark.parametrize(
    ("n_rows", "most", "expected"),
    [(5, 3, [0, 2, 4]), (9, 3, [0, 4, 8]), (3, 10, [0, 1, 2]), (1, 3, [0])],
)
def test_evenly_spaced_rows_reach_from_the_first_to_the_last(n_rows, most, expected):
    assert evenly_spaced(n_rows, most).tolist() == expected
