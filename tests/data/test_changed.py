"""What is done to images and datasets when they are read."""

import pickle

import numpy as np
import pytest
from test_lazy import IMAGES, Counted

from mtlearn.data import ChangedDataset, ChangedImages, DatasetRows

LAYOUTS = {2: "(height, width)"}


def halved(images):
    return images.astype(np.float32) / 2


def test_images_are_changed_when_they_are_read():
    lazy = Counted()
    changed = ChangedImages(lazy, halved, "half")

    assert lazy.n_read == 0
    assert (changed.shape, changed.dtype) == (IMAGES.shape, np.float32)
    part = changed[[3, 1]]
    assert isinstance(part, ChangedImages)
    assert part.shape == (2, 2, 3, 1)
    np.testing.assert_array_equal(part.read(), IMAGES[[3, 1]] / 2)
    np.testing.assert_array_equal(changed[-1], IMAGES[-1] / 2)
    np.testing.assert_array_equal(np.asarray(changed), IMAGES / 2)
    assert lazy.n_read == 1 + 5
    assert "Counted" in repr(changed)
    assert "float32" in repr(changed)


def test_a_change_of_layout():
    turned = ChangedImages(Counted(), lambda X: X.reshape(len(X), 3, 1, 2), "turn")

    assert turned.shape == (5, 3, 1, 2)
    assert turned.read([0]).shape == (1, 3, 1, 2)


def test_changes_tell_one_another_apart():
    lazy = Counted()
    found = {
        lazy.fingerprint(),
        ChangedImages(lazy, halved, "half").fingerprint(),
        ChangedImages(lazy, halved, "third").fingerprint(),
        ChangedImages(lazy[1:], halved, "half").fingerprint(),
        ChangedImages(ChangedImages(lazy, halved, "a"), halved, "b").fingerprint(),
        ChangedImages(ChangedImages(lazy, halved, "b"), halved, "a").fingerprint(),
    }
    assert len(found) == 6
    again = ChangedImages(Counted(), halved, "half").fingerprint()
    assert again == ChangedImages(lazy, halved, "half").fingerprint()


class Pairs:
    def __init__(self, labelled=True):
        self.labelled = labelled

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, number):
        x = IMAGES[number, :, :, 0]
        return (x, f"label {number}") if self.labelled else x


@pytest.mark.parametrize("labelled", [True, False])
def test_items_of_a_dataset(labelled):
    rows = DatasetRows(Pairs(labelled), "It", LAYOUTS)
    changed = ChangedDataset(rows, halved)

    assert len(changed) == 5
    for number in (0, 4, -1, np.int64(2)):
        item = changed[number]
        if labelled:
            item, label = item
            assert label == f"label {number % 5}"
        np.testing.assert_array_equal(item, IMAGES[number, :, :, 0] / 2)
    for number in (5, -6):
        with pytest.raises(IndexError, match="There is no item"):
            changed[number]


def test_pickles():
    changed = ChangedDataset(DatasetRows(Pairs(), "It", LAYOUTS), halved)
    x, label = pickle.loads(pickle.dumps(changed))[1]

    assert label == "label 1"
    np.testing.assert_array_equal(x, IMAGES[1, :, :, 0] / 2)
    images = pickle.loads(pickle.dumps(ChangedImages(Counted(), halved, "half")))
    np.testing.assert_array_equal(images.read(), IMAGES / 2)
