"""Stratified folds over several columns of strata."""

import numpy as np
import pytest

from mtlearn._utils._stratify import assign_folds

EQUAL = np.full(5, 0.2)
SHARES = [EQUAL, np.array([0.9, 0.1]), np.array([0.6, 0.2, 0.2]), np.array([1.0, 0.0])]


def make_codes(n_samples, seed=0, missing=0.0):
    """Ten even classes, up to 32 of geometric frequency, and ten even bins."""
    rng = np.random.RandomState(seed)
    codes = np.column_stack(
        [
            rng.randint(10, size=n_samples),
            np.minimum(rng.geometric(0.1, size=n_samples), 32) - 1,
            rng.randint(10, size=n_samples),
        ]
    )
    codes[rng.random_sample(codes.shape) < missing] = -1
    return codes


def deviations(codes, folds, shares):
    """How far each stratum's count in each fold is from its share."""
    found = []
    for column in codes.T:
        for code in np.unique(column):
            counts = np.bincount(folds[column == code], minlength=len(shares))
            found.append(counts - counts.sum() * shares)
    return np.array(found)


@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("n_samples", [1, 2, 7, 103])
def test_sizes_are_the_rounded_proportions(shares, n_samples):
    folds = assign_folds(make_codes(n_samples), shares, np.random.RandomState(0))

    sizes = np.bincount(folds, minlength=len(shares))
    assert folds.min() >= 0
    assert sizes.sum() == n_samples
    assert np.all(np.abs(sizes - shares * n_samples) < 1)


def test_extra_samples_go_to_the_first_of_equal_folds():
    folds = assign_folds(make_codes(13), EQUAL, np.random.RandomState(0))

    assert np.bincount(folds).tolist() == [3, 3, 3, 2, 2]


@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("seed", range(10))
def test_a_single_column_is_split_within_one(shares, seed):
    codes = make_codes(97, seed=seed, missing=0.1)[:, [1]]

    folds = assign_folds(codes, shares, np.random.RandomState(seed))

    assert np.abs(deviations(codes, folds, shares)).max() < 1


@pytest.mark.parametrize("shares", SHARES[:3])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("n_samples", [200, 3000])
def test_several_columns_are_all_spread(shares, missing, n_samples):
    codes = make_codes(n_samples, missing=missing)

    folds = assign_folds(codes, shares, np.random.RandomState(1))

    assert np.abs(deviations(codes, folds, shares)).max() < 1 + 1e-5


def test_deviations_do_not_grow_with_the_data_as_those_of_a_plain_split_do():
    codes = make_codes(30_000)

    folds = assign_folds(codes, EQUAL, np.random.RandomState(0))
    plain = np.random.RandomState(0).permutation(30_000) % 5

    assert np.abs(deviations(codes, folds, EQUAL)).max() < 1 + 1e-5
    assert np.abs(deviations(codes, plain, EQUAL)).max() > 30


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(20))
def test_a_code_with_enough_members_is_in_every_fold(seed, missing):
    codes = make_codes(300, seed=seed, missing=missing)

    folds = assign_folds(codes, EQUAL, np.random.RandomState(seed))

    for column in codes.T:
        for code in np.unique(column):
            members = folds[column == code]
            if len(members) >= 5:
                assert len(np.unique(members)) == 5


def test_missing_labels_are_spread_like_a_class():
    codes = make_codes(100)
    codes[:20, 1] = -1

    folds = assign_folds(codes, EQUAL, np.random.RandomState(0))

    assert np.bincount(folds[:20]).tolist() == pytest.approx([4] * 5, abs=1)


def test_columns_without_two_equal_codes_are_split_at_random():
    codes = np.arange(40).reshape(20, 2)

    folds = [assign_folds(codes, EQUAL, np.random.RandomState(i)) for i in range(2)]

    assert np.bincount(folds[0]).tolist() == [4] * 5
    assert not np.array_equal(folds[0], folds[1])


@pytest.mark.parametrize("n_samples", [1, 20])
def test_without_columns_the_sizes_are_exact(n_samples):
    codes = np.empty((n_samples, 0), dtype=int)

    folds = assign_folds(codes, [0.9, 0.1], np.random.RandomState(0))

    assert np.sum(folds == 1) == n_samples // 10


def test_no_sample_is_sure_of_its_fold():
    codes = make_codes(40)
    rng = np.random.RandomState(0)

    held_out = sum(assign_folds(codes, [0.8, 0.2], rng) for _ in range(100))

    assert held_out.sum() == 800
    assert held_out.min() > 0
    assert held_out.max() < 60


def test_same_seed_same_folds():
    codes = make_codes(100)

    folds = [assign_folds(codes, EQUAL, np.random.RandomState(s)) for s in (3, 3, 4)]

    assert np.array_equal(folds[0], folds[1])
    assert not np.array_equal(folds[0], folds[2])


@pytest.mark.parametrize("n_candidates", [200, 3])
def test_chance_chooses_between_equal_samples(monkeypatch, n_candidates):
    monkeypatch.setattr("mtlearn._utils._exchange._MAX_CANDIDATES", n_candidates)
    codes = np.tile(make_codes(30), (2, 1))  # the second half is like the first

    held_out = np.zeros(60, dtype=int)
    for seed in range(200):
        held_out += assign_folds(codes, [0.8, 0.2], np.random.RandomState(seed))

    first, total = held_out[:30].sum(), held_out.sum()
    assert total == 200 * 12
    assert abs(first - total / 2) < 4 * np.sqrt(total / 4)


@pytest.mark.parametrize("n_columns", [0, 1])
def test_neighbours_share_a_fold_as_often_as_others(n_columns):
    codes = np.zeros((10, n_columns), dtype=int)

    splits = [
        assign_folds(codes, [0.5, 0.5], np.random.RandomState(seed))
        for seed in range(400)
    ]

    chance = 4 / 9  # of the nine others, four are in the same half
    together = sum(folds[0] == folds[1] for folds in splits)
    margin = 4 * np.sqrt(400 * chance * (1 - chance))
    assert abs(together - 400 * chance) < margin


@pytest.mark.parametrize("seed", range(20))
def test_seated_samples_stay_where_they_are(seed):
    codes = make_codes(50)
    seated = np.full(50, -1)
    seated[[3, 7, 20]] = [1, 1, 0]

    folds = assign_folds(codes, [0.8, 0.2], np.random.RandomState(seed), seated)

    assert folds[[3, 7, 20]].tolist() == [1, 1, 0]
    assert np.bincount(folds).tolist() == [40, 10]


def test_seated_samples_make_room():
    seated = np.array([0] * 8 + [-1] * 12)
    codes = make_codes(20)

    folds = assign_folds(codes, [0.2, 0.4, 0.4], np.random.RandomState(0), seated)

    # The other folds share what is left.
    assert np.bincount(folds).tolist() == [8, 6, 6]
    folds = assign_folds(codes, [0, 0.5, 0.5], np.random.RandomState(0), seated * 0)
    assert np.bincount(folds, minlength=3).tolist() == [20, 0, 0]


@pytest.mark.parametrize("n_samples", [997, 1003])
@pytest.mark.parametrize("n_folds", [3, 5, 10])
@pytest.mark.parametrize("seed", range(10))
def test_counts_are_within_one_of_the_share_of_a_fold_and_of_its_size(
    n_samples, n_folds, seed
):
    rng = np.random.RandomState(seed)
    codes = (rng.random_sample((n_samples, 17)) < np.geomspace(0.9, 0.01, 17)) * 1

    folds = assign_folds(codes, np.full(n_folds, 1 / n_folds), rng)

    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() == 1
    for shares in (np.full(n_folds, 1 / n_folds), sizes / n_samples):
        assert np.abs(deviations(codes, folds, shares)).max() < 1 + 1e-5


def test_folds_that_are_even_already_are_left_as_they_are(monkeypatch):
    monkeypatch.setattr("mtlearn._utils._stratify.Exchange", None)
    codes = make_codes(100)[:, [0]]

    folds = assign_folds(codes, EQUAL, np.random.RandomState(0))

    assert np.abs(deviations(codes, folds, EQUAL)).max() < 1


@pytest.mark.parametrize("seed", range(5))
def test_swaps_leave_seated_samples_and_sizes_alone(seed):
    rng = np.random.RandomState(seed)
    codes = rng.randint(2, size=(60, 8))
    seated = np.where(np.arange(60) < 30, rng.permutation(60) % 2, -1)

    folds = assign_folds(codes, [0.5, 0.5], rng, seated)

    assert np.array_equal(folds[:30], seated[:30])
    assert np.bincount(folds).tolist() == [30, 30]


def test_a_fold_without_a_share_stays_empty():
    codes = make_codes(90)

    folds = assign_folds(codes, [0.5, 0.0, 0.5], np.random.RandomState(0))

    assert np.bincount(folds).tolist() == [45, 0, 45]
