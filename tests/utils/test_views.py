"""Items through the views of datasets that torch and skorch make."""

import numpy as np
import pytest
import torch
from skorch.helper import SliceDataset
from torch.utils.data import ConcatDataset, StackDataset, Subset, TensorDataset

from mtlearn._utils._views import read_item
from mtlearn.data import DatasetRows, item_labels
from mtlearn.exceptions import InvalidDataError
from tiny_datasets import Items, ListedItems, Pairs

IMAGES = np.random.default_rng(0).integers(0, 9, (6, 3, 2, 2)).astype(np.float32)
LABELS = np.arange(6) * 10
ALONE = Items(IMAGES)
SLICED = SliceDataset(ALONE)


class Doubled(SliceDataset):
    def transform(self, data):
        return 2 * data


class LastFirst(SliceDataset):
    def __getitem__(self, i):
        return self.dataset[len(self) - 1 - i]


class Shifted(Subset):
    def __getitem__(self, idx):
        return super().__getitem__(idx)[0] + 1

    def __getitems__(self, indices):
        return [self[idx] for idx in indices]


# What a view is of, and the images that it shows.
VIEWS = {
    "x alone": (SLICED, IMAGES),
    "x in a tuple of one": (SliceDataset(TensorDataset(torch.tensor(IMAGES))), IMAGES),
    "pairs": (SliceDataset(Pairs(IMAGES, LABELS)), IMAGES),
    "second part": (SliceDataset(Pairs(LABELS, IMAGES), idx=1), IMAGES),
    "last part": (SliceDataset(Pairs(LABELS, IMAGES), idx=np.int64(-1)), IMAGES),
    "by name": (SliceDataset(Items([{"x": x} for x in IMAGES]), idx="x"), IMAGES),
    "rows of a slice": (SLICED[np.array([4, 1, 2])][1:], IMAGES[[1, 2]]),
    "by a mask": (SLICED[IMAGES[:, 0, 0, 0] > 3], IMAGES[IMAGES[:, 0, 0, 0] > 3]),
    "a slice of a slice": (SliceDataset(SLICED[2:]), IMAGES[2:]),
    "a subset": (Subset(SLICED, [5, 0]), IMAGES[[5, 0]]),
    "a subset by tensor": (Subset(SLICED, torch.tensor([5, 0])), IMAGES[[5, 0]]),
    "of a subset": (SliceDataset(Subset(ALONE, [5, 0])), IMAGES[[5, 0]]),
    "joined": (
        ConcatDataset([SLICED[4:], Subset(SLICED, [3]), ALONE]),
        np.concatenate([IMAGES[[4, 5, 3]], IMAGES]),
    ),
    "of joined": (
        SliceDataset(ConcatDataset([ALONE, ALONE])),
        np.tile(IMAGES, (2, 1, 1, 1)),
    ),
    "stacked": (SliceDataset(StackDataset(SLICED, LABELS)), IMAGES),
    "stacked by name": (SliceDataset(StackDataset(x=SLICED), idx="x"), IMAGES),
    "transformed": (Doubled(ALONE), 2 * IMAGES),
    "in its own way": (LastFirst(ALONE), IMAGES[::-1]),
    "a subset in its own way": (
        Shifted(Pairs(IMAGES, LABELS), [2, 1]),
        IMAGES[[2, 1]] + 1,
    ),
}


@pytest.mark.parametrize(("view", "expected"), VIEWS.values(), ids=VIEWS)
def test_a_view_gives_whole_items(view, expected):
    rows = DatasetRows(view, "Owner", {3: "(height, width, n_channels)"})
    assert rows.shape == expected.shape
    np.testing.assert_array_equal(rows[:], expected)


def test_labels_behind_a_view():
    pairs = Pairs(IMAGES, LABELS)
    for view in (Subset(pairs, [3, 1]), ConcatDataset([pairs])):
        expected = LABELS[[3, 1]] if isinstance(view, Subset) else LABELS
        np.testing.assert_array_equal(item_labels(view, None), expected)
    with pytest.raises(InvalidDataError, match="Item 0 of the dataset has no label"):
        item_labels(SliceDataset(pairs), None)


ASKED = {
    "a second part of x": (ALONE, 1, "is a ndarray and no tuple, .* idx=1"),
    "a name in x": (ALONE, "image", "is a ndarray and no tuple, .* idx='image'"),
    "a third part": (Pairs(IMAGES, LABELS), 2, "is a tuple of length 2, .* idx=2"),
    "a name in a pair": (Pairs(IMAGES, LABELS), "x", "a tuple of length 2, .* idx='x'"),
    "a number in a dict": (Items([{"a": 1, "b": 2}]), 0, "a mapping of a, b, .* idx=0"),
}


@pytest.mark.parametrize(("dataset", "idx", "message"), ASKED.values(), ids=ASKED)
def test_a_part_that_the_items_lack(dataset, idx, message):
    message = f"Item 0 of the dataset cannot be read: it .*{message}"
    with pytest.raises(InvalidDataError, match=message):
        read_item(SliceDataset(dataset, idx=idx), 0)


class Picky(Exception):
    def __init__(self, path, line):
        super().__init__(f"{path}, line {line}")


class Silent(Exception):
    def __str__(self):
        return "nothing"


class Broken(ListedItems):
    """Raises the one item that it has, as item 4."""

    def __getitem__(self, number):
        if number == 4:
            raise self.items
        return number


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("truncated file"), OSError),
        (OSError(2, "No such file", "a.png"), OSError),
        (IndexError("list index out of range"), IndexError),
        (KeyError("image"), KeyError),
        (UnicodeDecodeError("utf-8", b"a", 0, 1, "bad byte"), InvalidDataError),
        (Picky("a.csv", 3), InvalidDataError),
        (Silent(), InvalidDataError),
        (InvalidDataError("of our own"), InvalidDataError),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    ("view", "number"),
    [(lambda broken: broken, 4), (lambda broken: Subset(broken, [0, 4]), 1)],
    ids=["itself", "subset"],
)
def test_an_error_says_which_item_it_was(error, expected, view, number):
    broken = Broken(error)
    with pytest.raises(expected) as raised:
        read_item(view(broken), number)
    assert f"Item {number} of the dataset cannot be read: " in str(raised.value)
    assert str(error) in str(raised.value)
    assert raised.value.__cause__ is error


def test_what_is_no_error_passes():
    with pytest.raises(KeyboardInterrupt) as raised:
        read_item(Broken(KeyboardInterrupt()), 4)
    assert str(raised.value) == ""
