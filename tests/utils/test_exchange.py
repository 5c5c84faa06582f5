"""Exchanges between folds."""

from itertools import product

import numpy as np
import pytest

from mtlearn._utils._exchange import Exchange, label_counts


def make_exchange(counts, folds, n_folds, **changes):
    """Units of some counts, whose folds should have equal parts of each label."""
    counts = np.asarray(counts, dtype=float)
    folds = np.asarray(folds)
    have = np.stack([counts[folds == f].sum(axis=0) for f in range(n_folds)], axis=1)
    desire = counts.sum(axis=0)[:, None] / n_folds - have
    values = {
        "counts": label_counts(np.zeros((1, 1), int), np.zeros(1, int), 1),
        "desire": desire,
        "slack": np.ones_like(desire),
        "folds": folds.copy(),
        "free": np.ones(len(folds), dtype=bool),
        "importance": np.ones(counts.shape[1]),
        "rng": np.random.RandomState(0),
        "moves": True,
    } | changes
    values["counts"] = type(values["counts"])(counts)
    return Exchange(**values)


def test_counts_are_those_of_each_unit():
    labels = np.array([[0, 2], [1, 2], [0, 2], [0, 2]])

    counts = label_counts(labels, np.array([0, 0, 1, 1]), 3)

    assert counts.toarray().tolist() == [[1, 1, 2], [2, 0, 2]]


def test_a_swap_evens_both_folds_and_keeps_their_sizes():
    exchange = make_exchange(
        [[1, 0]] * 4 + [[0, 1]] * 4, [0] * 4 + [1] * 4, 2, moves=False
    )

    folds = exchange.run(np.array([0, 1]))

    assert np.bincount(folds).tolist() == [4, 4]
    # Within one of two each, where it ends.
    assert set(np.bincount(folds[:4], minlength=2)) <= {1, 2, 3}


def test_what_is_even_enough_is_left():
    exchange = make_exchange([[3], [1], [1], [1]], [0, 1, 1, 1], 2)

    assert exchange.run(np.array([0, 1])).tolist() == [0, 1, 1, 1]


def test_a_unit_moves_alone_only_where_it_may():
    counts, folds = [[1]] * 8, [0] * 7 + [1]

    moved = make_exchange(counts, folds, 2).run(np.array([0, 1]))
    swapped = make_exchange(counts, folds, 2, moves=False).run(np.array([0, 1]))

    assert np.bincount(moved).tolist() == [5, 3]
    assert np.bincount(swapped).tolist() == [7, 1]


def test_the_last_unit_of_a_fold_stays():
    exchange = make_exchange([[9], [1], [1]], [0, 1, 1], 2)

    assert np.bincount(exchange.run(np.array([0, 1]))).tolist() == [1, 2]

    exchange = make_exchange([[1], [8]], [0, 1], 2)

    assert sorted(exchange.run(np.array([0, 1]))) == [0, 1]


@pytest.mark.parametrize("large", [0, 1])
def test_the_last_unit_of_a_fold_stays_even_where_its_move_would_help(large):
    counts, desire = np.array([[1], [1]]), np.array([[4.0, 4.0]])
    counts[large], desire[0, large] = 4, -4

    folds = make_exchange(counts, [0, 1], 2, desire=desire).run(np.arange(2))

    assert sorted(folds) == [0, 1]


def test_units_that_are_not_free_and_folds_that_take_no_part_are_left():
    free = np.array([False] * 6 + [True] * 2)
    exchange = make_exchange([[1]] * 8, [0] * 8, 3, free=free)

    folds = exchange.run(np.array([0, 2]))

    assert folds.tolist() == [0] * 6 + [2] * 2


@pytest.mark.parametrize("seed", range(10))
def test_tiny_cases_end_as_even_as_any_assignment(seed):
    rng = np.random.RandomState(seed)
    counts = rng.randint(4, size=(8, 2))
    counts = np.column_stack([counts, counts.sum(axis=1)])
    start = np.array([0] * 6 + [1, 2])

    def excess(folds):
        have = np.stack([counts[folds == f].sum(axis=0) for f in range(3)])
        return (np.maximum(np.abs(have - counts.sum(axis=0) / 3) - 1, 0) ** 2).sum()

    found = excess(make_exchange(counts, start, 3).run(np.arange(3)))

    every = (np.array(each) for each in product(range(3), repeat=8))
    least = min(excess(each) for each in every if len(set(each)) == 3)
    assert found == pytest.approx(least)
