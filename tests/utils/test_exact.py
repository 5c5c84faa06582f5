"""Whole numbers among real ones stay what they are."""

import numpy as np
import pytest

from mtlearn._utils._exact import exact_array, exact_join, first_rounded, rounds_away

ID = 2**60 + 1


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([1, 2.5], float),
        ([2**53 - 1, 0.5], float),
        ([ID, 2], np.int64),
        ([ID, 0.5], object),
        ([-ID, np.nan], object),
        ([[ID, 0.5], [2, 1.5]], object),
        ([2**53, 0.5], object),
        ([2**63, -1], object),
        (["a", None], object),
        (["a", "b"], object),
    ],
    ids=str,
)
def test_an_array_has_the_labels_of_the_list(labels, dtype):
    array = exact_array(labels)

    assert array.dtype == dtype
    assert array.tolist() == labels


def test_an_array_is_left_alone():
    given = np.array([2.0**60, 0.5])
    assert exact_array(given) is given


@pytest.mark.parametrize(
    ("parts", "dtype"),
    [
        ([[1, 2], [0.5]], float),
        ([[ID, 2], [3]], np.int64),
        ([[ID, 2], [0.5]], object),
        ([[0.5], [-ID]], object),
        ([[2**63], [-1]], object),
        ([[ID], [0.5, None]], object),
    ],
    ids=str,
)
def test_parts_are_joined_without_rounding(parts, dtype):
    joined = exact_join([np.array(part) for part in parts])

    assert joined.dtype == dtype
    assert joined.tolist() == [each for part in parts for each in part]


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([0, 2**53, -(2**53)], None),
        ([0, 2**53 + 2, 2**60], None),
        ([0, 2**53 + 1], 1),
        ([-(2**53) - 1, 0], 0),
        ([2**63 - 1], 0),
        ([-(2**63)], None),
        (np.array([0, 2**63, 2**64 - 1], dtype=np.uint64), 2),
        ([True, False], None),
        ([1e300, 0.1], None),
        ([], None),
    ],
    ids=str,
)
def test_the_first_whole_number_that_is_no_float(values, place):
    assert first_rounded(np.asarray(values)) == place


def test_what_a_shorter_type_leaves_of_the_spread():
    values = np.arange(100.0)

    assert not rounds_away(values + 1e6, np.float32)  # steps of 1/16
    assert not rounds_away(values / 1e3, np.float32)
    assert rounds_away(values + 1e9, np.float32)  # steps of 64
    assert not rounds_away(np.full(5, 1 / 3), np.float32)
    assert not rounds_away(np.zeros(0), np.float32)
