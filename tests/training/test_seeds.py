"""Seeds, the isolated generators and the number of threads."""

import threading

import numpy as np
import pytest
import torch
from sklearn.utils import check_random_state

from mtlearn.exceptions import InvalidParameterError
from mtlearn.training import derive_seeds, draw_seed, isolated, threads

CPU = torch.device("cpu")


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
    seeds = [seed for s in (0, 1) for e in (0, 1, 5) for seed in derive_seeds(s, e)]
    assert len(set(seeds)) == len(seeds)
    assert derive_seeds(0, 1) == derive_seeds(0, 1)


def test_isolated_seeds_and_restores():
    before = torch.get_rng_state()
    with isolated(3, CPU):
        first = torch.rand(4)
    with isolated(3, CPU):
        assert torch.rand(4).equal(first)
    with isolated(4, CPU):
        assert not torch.rand(4).equal(first)
    assert torch.get_rng_state().equal(before)


def test_isolated_restores_when_it_raises():
    def interrupted():
        with isolated(3, CPU, n_threads=2):
            torch.rand(1)
            raise KeyboardInterrupt

    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.get_rng_state().equal(before)
    assert torch.get_num_threads() == 1


def test_isolated_blocks_do_not_mix():
    # Without the lock, the other thread would draw from this one's stream.
    with isolated(3, CPU):
        expected = torch.rand(6)
    inside, found = threading.Event(), []

    def draw():
        with isolated(3, CPU):
            inside.set()
            found.append(torch.rand(6))

    with isolated(3, CPU):
        first = torch.rand(3)
        other = threading.Thread(target=draw)
        other.start()
        assert not inside.wait(0.05)
        second = torch.rand(3)
    other.join()
    assert torch.cat([first, second]).equal(expected)
    assert found[0].equal(expected)


def test_isolated_may_be_nested():
    with isolated(3, CPU):
        first = torch.rand(1)
        with isolated(3, CPU):
            assert torch.rand(1).equal(first)
        after = torch.rand(1)
    with isolated(3, CPU):
        assert torch.rand(2).equal(torch.cat([first, after]))


def test_threads_are_restored():
    with threads(2):
        assert torch.get_num_threads() == 2
        with threads(None):
            assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 1
    with pytest.raises(RuntimeError, match="enough"), threads(2):
        raise RuntimeError("enough")
    assert torch.get_num_threads() == 1
