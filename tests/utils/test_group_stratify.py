"""Stratified folds that keep groups whole."""

from itertools import product

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from mtlearn._utils._group_stratify import assign_groups

THREE = np.full(3, 1 / 3)


def make_groups(n_groups, seed, largest=9):
    """Groups of different sizes, each with classes of its own taste."""
    rng = np.random.RandomState(seed)
    sizes = rng.randint(1, largest + 1, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    taste = rng.dirichlet(np.ones(4), n_groups).cumsum(axis=1)
    codes = (rng.random_sample(len(groups))[:, None] > taste[groups]).sum(axis=1)
    return np.minimum(codes, 3)[:, None], groups


def deviations(codes, folds, shares):
    """How far each stratum's count, and last the size, is from each fold's share."""
    counts = [np.bincount(folds[codes[:, 0] == code], minlength=len(shares))
              for code in np.unique(codes)]  # fmt: skip
    counts.append(np.sum(counts, axis=0))
    return np.array([each - each.sum() * shares for each in counts])


def unevenness(codes, folds, shares):
    """Squares of the deviations, each by the total of its stratum."""
    totals = [np.sum(codes == code) for code in np.unique(codes)] + [len(codes)]
    return (deviations(codes, folds, shares) ** 2 / np.array(totals)[:, None]).sum()


@pytest.mark.parametrize("seed", range(10))
def test_tiny_cases_are_nearly_as_even_as_can_be(seed):
    codes, groups = make_groups(7, seed)

    folds = assign_groups(codes, groups, THREE, np.random.RandomState(seed))

    every = (np.array(each) for each in product(range(3), repeat=7))
    least = min(
        unevenness(codes, each[groups], THREE) for each in every if len(set(each)) == 3
    )
    assert unevenness(codes, folds[groups], THREE) <= 1.05 * least


@pytest.mark.parametrize("n_groups", [20, 60, 300])
@pytest.mark.parametrize("seed", range(5))
def test_more_even_than_the_folds_of_scikit_learn(n_groups, seed):
    codes, groups = make_groups(n_groups, seed)
    y = codes[:, 0]
    theirs = np.empty(len(y), dtype=int)
    splitter = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(splitter.split(y, y, groups)):
        theirs[test] = fold

    ours = assign_groups(codes, groups, THREE, np.random.RandomState(seed))[groups]

    for measure in (
        lambda folds: np.abs(deviations(codes, folds, THREE)).max(),
        lambda folds: np.ptp(np.bincount(folds)),
        lambda folds: unevenness(codes, folds, THREE),
    ):
        assert measure(ours) <= measure(theirs) + 1e-9


def test_groups_of_one_size_give_folds_of_one_size():
    groups = np.repeat(np.arange(20), 5)
    codes = np.random.RandomState(0).randint(3, size=(100, 6))

    folds = assign_groups(codes, groups, np.full(5, 0.2), np.random.RandomState(0))

    assert np.bincount(folds).tolist() == [4] * 5


@pytest.mark.parametrize("sizes", [[50, 1, 1], [1, 1, 1], [30, 30, 1], [5, 9, 20, 1]])
@pytest.mark.parametrize("shares", [THREE, np.array([0.8, 0.1, 0.1])])
def test_no_fold_is_empty(sizes, shares):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    codes = np.zeros((len(groups), 1), dtype=int)

    for seed in range(10):
        folds = assign_groups(codes, groups, shares, np.random.RandomState(seed))
        assert set(folds) == {0, 1, 2}


def test_a_fold_without_a_share_stays_empty_and_seated_groups_stay():
    codes, groups = make_groups(30, 0)
    seated = np.full(30, -1)
    seated[[2, 5]] = [2, 0]

    for seed in range(10):
        rng = np.random.RandomState(seed)
        folds = assign_groups(codes, groups, [0.5, 0, 0.5], rng, seated)
        assert set(folds) == {0, 2}
        assert folds[[2, 5]].tolist() == [2, 0]


def test_a_small_part_has_groups_of_all_sizes():
    sizes = np.repeat([1, 20], 40)
    groups = np.repeat(np.arange(80), sizes)
    codes = np.zeros((len(groups), 0), dtype=int)

    held_out = np.zeros(80)
    for seed in range(200):
        folds = assign_groups(codes, groups, [0.9, 0.1], np.random.RandomState(seed))
        assert abs(np.sum(folds[groups] == 1) - 84) <= 1
        held_out += folds

    assert held_out[sizes == 20].sum() / 200 == pytest.approx(4, abs=0.2)
    assert held_out.min() > 0
    assert held_out.max() < 60


def test_same_seed_same_folds():
    codes, groups = make_groups(40, 1)

    one, same, other = (
        assign_groups(codes, groups, THREE, np.random.RandomState(s)) for s in (3, 3, 4)
    )

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_many_small_groups_are_within_one_of_every_share():
    rng = np.random.RandomState(0)
    groups = np.repeat(np.arange(600), 3)
    codes = (rng.random_sample((1800, 8)) < np.geomspace(0.9, 0.02, 8)).astype(int)

    folds = assign_groups(codes, groups, THREE, rng)[groups]

    for column in codes.T:
        assert np.abs(deviations(column[:, None], folds, THREE)).max() < 1 + 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_sizes_count_as_much_as_many_columns(seed):
    rng = np.random.RandomState(seed)
    groups = np.repeat(np.arange(40), rng.randint(1, 12, 40))
    codes = rng.randint(4, size=(len(groups), 30))

    folds = assign_groups(codes, groups, THREE, rng)[groups]

    assert np.ptp(np.bincount(folds)) <= 2
