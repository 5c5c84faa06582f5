"""The seeds of a fit."""

import numpy as np
import pytest
from sklearn.utils import check_random_state

from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import derive_seeds, draw_seed


def test_an_int_is_the_seed():
    assert draw_seed(7) == draw_seed(np.int64(7)) == 7


def test_a_random_state_advances():
    state = np.random.RandomState(0)
    first, second = draw_seed(state), draw_seed(state)
    assert first != second
    assert first == draw_seed(np.random.RandomState(0))


def test_none_differs_and_leaves_numpy_alone():
    state = check_random_state(None)
    before = state.get_state()[1].copy()
    assert len({draw_seed(None) for _ in range(5)}) == 5
    np.testing.assert_array_equal(state.get_state()[1], before)


@pytest.mark.parametrize("value", [-1, 2**32, "0", 1.5, np.random.default_rng(0)])
def test_bad_seeds(value):
    with pytest.raises(InvalidParameterError, match="'random_state' parameter must be"):
        draw_seed(value)


def test_derived_seeds_differ_by_use_seed_and_epoch():
    derived = [derive_seeds(s, e) for s in (0, 1) for e in (0, 1, 5)]
    seeds = [seed for each in derived for seed in each._replace(split=each.order)]
    assert len(set(seeds)) == 5 * len(derived)


def test_the_seed_of_the_split_is_that_of_the_first_epoch():
    splits = [derive_seeds(s, e).split for s in (0, 1) for e in (0, 1, 5)]
    assert splits[0] == splits[1] == splits[2] != splits[3] == splits[4] == splits[5]
    others = {seed for s in (0, 1) for seed in derive_seeds(s, 0)}
    assert len(others) == 12
    assert derive_seeds(0, 1) == derive_seeds(0, 1)
