"""Samples that have their part before a split is drawn."""

import numpy as np
import pytest

from mtlearn._utils._seats import seat_groups, seat_samples


def columns(*needs):
    return np.array(needs).T


def seat(needs, seats, seed=0):
    return seat_samples(needs, seats, np.random.RandomState(seed))


@pytest.mark.parametrize("seed", range(10))
def test_training_has_each_class_and_each_part_each_target(seed):
    needs = columns([0, 0, 0, 1, 1, 2, -1, -1], [-1, -1, 0, -1, 0, -1, 0, -1])

    parts = seat(needs, [8, 8, 8], seed)

    for codes in needs.T:
        assert set(codes[parts == 0]) - {-1} == set(codes) - {-1}
        for part in (1, 2):
            assert (codes[parts == part] >= 0).any()
    assert parts[5] == 0
    assert parts[7] == -1


def test_the_only_label_is_for_training():
    parts = seat(columns([0, 0, 0, 0], [-1, -1, 0, -1]), [4, 4])

    assert parts[2] == 0
    assert np.count_nonzero(parts == 1) == 1


def test_two_labels_of_two_classes_are_both_for_training():
    assert seat(columns([1, -1, 0, -1]), [4, 4]).tolist() == [0, -1, 0, -1]


def test_no_part_has_more_than_its_seats():
    needs = np.where(np.eye(12, dtype=bool).repeat(3, axis=0), 0, -1)

    parts = seat(needs, [5, 2])

    assert np.bincount(parts[parts >= 0]).tolist() == [5, 2]


def test_scarce_seats_go_to_samples_with_labels_of_several_targets():
    needs = np.full((40, 3), -1)
    needs[:20, 0] = needs[20:, 1] = needs[10:12, 2] = needs[30:32, 2] = 0
    needs[35:] = 0

    for seed in range(10):
        assert np.flatnonzero(seat(needs, [0, 1], seed) == 1) >= 35


def test_chance_chooses():
    needs = np.zeros((10, 1), dtype=int)

    chosen = [np.argmax(seat(needs, [1, 0], seed) == 0) for seed in range(500)]

    counts = np.bincount(chosen, minlength=10)
    assert np.abs(counts - 50).max() < 4 * np.sqrt(500 * 0.1 * 0.9)


def test_a_target_without_labels_needs_no_seat():
    assert (seat(np.full((3, 1), -1), [3, 3]) == -1).all()


@pytest.mark.parametrize("seed", range(20))
def test_training_leaves_the_last_labels_to_the_others(seed):
    # Half of the samples of each class would take a label that validation needs.
    needs = columns([0, 0, 1, 1, 2, 2], [0, -1, 0, -1, -1, -1])

    parts = seat(needs, [6, 6], seed)

    assert sorted(parts[[0, 2]]) == [0, 1]


@pytest.mark.parametrize("seed", range(10))
def test_the_only_group_of_a_class_is_for_training(seed):
    needs = np.array([[0], [0], [0], [0], [1], [1], [0]])
    groups = np.array([0, 1, 2, 2, 3, 3, 3])

    parts = seat_groups(needs, groups, [4, 3], 2, np.random.RandomState(seed))

    assert parts[3] == 0
    assert np.count_nonzero(parts == 1) == 1  # a label for the test part


def test_each_part_has_a_label_where_a_group_fits():
    needs = np.array([[0, -1], [0, 0], [0, -1], [0, 0], [0, -1], [0, -1]])
    groups = np.array([0, 0, 1, 2, 3, 3])

    for seed in range(10):
        parts = seat_groups(needs, groups, [3, 2], 2, np.random.RandomState(seed))
        assert sorted(parts[[0, 2]]) == [0, 1]


def test_a_group_that_is_too_large_has_no_seat_but_in_training():
    needs, groups = np.zeros((8, 1), dtype=int), np.array([0] * 4 + [1] * 4)

    for seed in range(10):
        parts = seat_groups(needs, groups, [5, 3], 2, np.random.RandomState(seed))
        assert sorted(parts) == [-1, 0]


def test_later_parts_find_a_group_that_is_not_seated():
    needs, groups = np.arange(6)[:, np.newaxis], np.arange(6)  # each has a class

    for seed in range(10):
        parts = seat_groups(needs, groups, [6, 1, 1], 3, np.random.RandomState(seed))
        assert np.bincount(parts + 1, minlength=4).tolist() == [0, 4, 1, 1]
