"""How labels that are there or not are put into words."""

import numpy as np
import pytest

from mtlearn import MultiLabel, Regression

NAN = np.nan
BLOCK = np.array([[1, 0, NAN], [1, 1, 0], [0, NAN, NAN], [1, 0, 0]])


def fitted(task, labels):
    weight = np.isfinite(labels) if labels.ndim == 2 else np.ones(len(labels))
    return task.fit(labels, np.asarray(weight, float), "tags")


def sets(*each):
    cells = np.empty(len(each), dtype=object)
    cells[:] = [frozenset(names) for names in each]
    return cells


@pytest.fixture
def block():
    return fitted(MultiLabel(["sun", "sea", "sky"]), BLOCK)


def test_a_row_names_its_labels(block):
    weight = np.isfinite(BLOCK).astype(float)
    words = [block.worded(*cells) for cells in zip(BLOCK, weight, strict=True)]
    assert words == [
        "sun; unknown: sky",
        "sun, sea",
        "none; unknown: sea, sky",
        "sun",
    ]
    assert block.worded(np.array([0, 1, 1])) == "sea, sky"
    # A label that it cannot have.
    assert block.worded(np.array([1, 2.5, 0])) == "sun, sea = 2.5"


def test_a_row_of_many_labels_stays_short():
    many = np.tile([[0.0], [1.0]], 1000)
    task = fitted(MultiLabel(), many)
    assert task.worded(many[1]) == ("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 988 more")
    weight = np.r_[np.ones(2), np.zeros(998)]
    assert task.worded(many[1], weight) == "0, 1; unknown: 2, 3, 4 and 995 more"
    wrong = task.mistakes(many, 1 - many, 1 - many, np.ones_like(many))
    assert wrong.words(1).startswith("missed 0, 1, 2, ")
    assert len(wrong.words(1)) < 80


def test_sets_name_their_labels():
    task = fitted(MultiLabel(), sets(["sea", "sun"], ["sky"]))
    assert task.worded(frozenset(["sun", "sea"]), 1.0) == "sea, sun"
    assert task.worded(frozenset(["sun", "moon"]), 1.0) == "sun, moon"
    assert task.worded(frozenset(), 1.0) == "none"
    assert task.worded(np.array([0, 0, 1])) == "sun"
    assert task.worded(np.array([0, 0, 0])) == "none"


def test_another_kind_writes_its_label():
    task = Regression().fit(np.array([0.0, 1.0, 2.5]), np.ones(3), "size")
    assert task.worded(1.0) == "1"
    assert task.worded(2.0 / 3, 2.0) == "0.6667"


def test_labels_are_described_by_known_cells(block):
    # In a row are 3 / 4 of the first label, 1 / 3 of the second one, none of the third.
    assert block.described(BLOCK, np.isfinite(BLOCK).astype(float)) == (
        "3 labels, 1.08 in a row; most sun (3), fewest sky (0); in no row: sky"
    )
    # A cell without a weight is one that nobody knows.
    weight = np.isfinite(BLOCK) * [1.0, 1.0, 0.0]
    same = block.described(np.where(np.isnan(BLOCK), 1, BLOCK), weight)
    assert same.startswith("3 labels, 1.08 in a row; most sun (3), fewest sky (0)")
    task = fitted(MultiLabel(), sets(["sea", "sun"], ["sky"], []))
    named = sets(["sea"], ["sea", "sky", "sun"])
    assert task.described(named, np.ones(2)) == (
        "3 labels, 2 in a row; most sea (2), fewest sky (1)"
    )
