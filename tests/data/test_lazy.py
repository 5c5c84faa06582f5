"""What stands for an array is indexed as one, and reads only what is asked for."""

import numpy as np
import pytest
import torch
from sklearn.utils import _safe_indexing

from mtlearn.data import LazyImages, LazyRows, open_images
from mtlearn.exceptions import InvalidDataError

IMAGES = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3, 1)


class Counted(LazyImages):
    """Images in memory that count how many were read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, images=IMAGES):
        self.images = images
        self.n_read = 0

    @property
    def shape(self):
        return self.images.shape

    def _take(self, rows):
        return Counted(self.images[rows])

    def _read(self, rows):
        self.n_read += len(rows)
        return self.images[rows]

    def fingerprint(self):
        return str(self.images.tolist())


SELECTIONS = [
    slice(None),
    slice(1, 4, 2),
    slice(None, None, -1),
    [0, 2, 2],
    np.array([4, -1, 0]),
    np.array([True, False, True, False, False]),
    [False, True, False, False, True],
    [],
    (slice(0, 2), ...),
    (np.array([3]), ...),
]


@pytest.mark.parametrize("index", SELECTIONS, ids=str)
def test_rows_are_selected_and_not_read(index):
    lazy = Counted()

    selected = lazy[index]

    assert isinstance(selected, Counted)
    assert lazy.n_read == selected.n_read == 0
    expected = (
        IMAGES[np.asarray(index, int)]
        if isinstance(index, list) and not index
        else IMAGES[index]
    )
    assert selected.shape == expected.shape
    assert len(selected) == len(expected)
    np.testing.assert_array_equal(selected.read(), expected)


@pytest.mark.parametrize(
    "index", [0, 4, -1, -5, np.int64(2), np.array(2), torch.tensor(-2), (3, ...)]
)
def test_one_image(index):
    lazy = Counted()
    np.testing.assert_array_equal(lazy[index], IMAGES[index])
    assert lazy.n_read == 1


@pytest.mark.parametrize("index", [5, -6, [5], [0, -6], [True, False], slice])
def test_rows_that_are_not_there(index):
    with pytest.raises((IndexError, TypeError)):
        Counted()[index]


@pytest.mark.parametrize(
    "index",
    [
        1.5,
        "a",
        (0, 1),
        (slice(2), slice(2)),
        np.array([[0], [1]]),
        ["a"],
        True,
        np.True_,
        None,
        2.0,
    ],
)
def test_other_selections_are_refused(index):
    with pytest.raises(IndexError, match="Images are selected by"):
        Counted()[index]


def test_reading_some():
    lazy = Counted()

    np.testing.assert_array_equal(lazy.read([3, 1]), IMAGES[[3, 1]])
    assert lazy.n_read == 2
    np.testing.assert_array_equal(lazy.read(), IMAGES)


def test_it_is_an_array_to_numpy():
    lazy = Counted()

    np.testing.assert_array_equal(np.asarray(lazy), IMAGES)
    assert np.asarray(lazy, dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(list(lazy), IMAGES)
    with pytest.raises(ValueError, match="holds no array"):
        lazy.__array__(copy=False)  # as numpy 2 calls it


def test_scikit_learn_takes_rows():
    lazy = Counted()
    taken = _safe_indexing(lazy, np.array([2, 0]))

    assert isinstance(taken, Counted)
    np.testing.assert_array_equal(taken.read(), IMAGES[[2, 0]])


def test_rows_for_the_estimators_are_read():
    lazy = Counted()
    rows = open_images(lazy, "It")

    assert isinstance(rows, LazyRows)
    assert (rows.shape, rows.ndim, rows.dtype) == (IMAGES.shape, 4, np.uint8)
    assert len(rows) == 5
    for index in (2, np.int64(-1), slice(1, 3), np.array([4, 0])):
        np.testing.assert_array_equal(rows[index], IMAGES[index])
    assert lazy.n_read == 1 + 1 + 2 + 2
    assert open_images(IMAGES, "It") is None


def test_no_images():
    with pytest.raises(InvalidDataError, match=r"0 sample\(s\).*required by It"):
        open_images(Counted(IMAGES[:0]), "It")
