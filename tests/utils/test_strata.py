"""What a split is stratified over."""

import numpy as np
import pytest

from mtlearn._utils._strata import stratum_codes, target_strata


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([3, 0, 7, 3]), [1, 0, 2, 1]),
        (np.array([3.0, 0.0, np.nan, 3.0]), [1, 0, -1, 1]),
        (np.array(["b", "a", "", "b"]), [1, 0, -1, 1]),
        (np.array(["b", 2, None, "b"], dtype=object), [0, 1, -1, 0]),
        (np.array([True, False, True, True]), [1, 0, 1, 1]),
    ],
)
def test_codes_of_classes(values, expected):
    present = np.array(expected) >= 0

    codes = stratum_codes(values, present, True, n_bins=5)

    assert codes.tolist() == expected


def test_codes_of_real_values_are_even_quantile_bins():
    values = np.random.RandomState(0).standard_normal(100) ** 3

    codes = stratum_codes(values, np.ones(100, bool), False, n_bins=4)

    assert np.bincount(codes).tolist() == [25] * 4
    assert all(values[codes == i].max() < values[codes == i + 1].min() for i in (0, 1))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0]),
        ([0, 0, 0, 0, 0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 1, 1, 2, 2, 2]),
        ([-5, -4, -3, -2, -1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]),
        ([7], [0]),
        ([], []),
    ],
)
def test_equal_real_values_share_a_bin(values, expected):
    values = np.array(values, dtype=float)

    codes = stratum_codes(values, np.ones(len(values), bool), False, n_bins=4)

    assert codes.tolist() == expected


def test_missing_real_values_are_not_read():
    values = np.array([np.nan, 1.0, 2.0], dtype=object)
    present = np.array([False, True, True])

    codes = stratum_codes(values, present, False, n_bins=2)

    assert codes.tolist() == [-1, 0, 1]


def test_columns_of_several_targets():
    kinds = np.array([1, 0, 1, 0])
    sizes = np.array([0.1, 0.0, 0.9, 0.2])
    there = np.array([True, False, True, True])

    codes, needs = target_strata(
        [
            (kinds, np.ones(4, bool), True),
            (kinds, there, True),
            (sizes, there, False),
        ],
        [0.5, 0.5],
    )

    expected = [[1, 0, 1, 0], [1, -1, 1, 0], [0, -1, 0, 0], [0, -1, 0, 0]]
    assert codes.T.tolist() == expected
    assert needs.T.tolist() == [[1, 0, 1, 0], [1, -1, 1, 0], [0, -1, 0, 0]]


@pytest.mark.parametrize(
    ("n_labels", "shares", "n_bins"),
    [(100, [0.9, 0.1], 5), (35, [0.8, 0.2], 5), (29, [0.9, 0.1], 2), (3, [0.9, 0.1], 1),
     (100, [0.5, 0.0, 0.5], 5), (9, [0.3, 0.3, 0.4], 2)],
)  # fmt: skip
def test_a_bin_holds_a_sample_for_the_smallest_part(n_labels, shares, n_bins):
    values = np.arange(n_labels, dtype=float)
    target = (values, np.ones(n_labels, bool), False)

    codes, _ = target_strata([target], shares)

    assert codes.max() + 1 == n_bins
    assert codes.shape == (n_labels, 1)
