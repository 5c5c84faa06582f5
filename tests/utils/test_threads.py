"""The number of torch threads of one thread of Python."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from mtlearn._utils._threads import threads


def of_a_new_thread():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.fixture
def four_for_all():
    torch.set_num_threads(4)  # conftest.py undoes it


def test_they_are_restored():
    with threads(2):
        assert torch.get_num_threads() == 2
        with threads(None):
            assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 1
    with pytest.raises(RuntimeError, match="enough"), threads(2):
        raise RuntimeError("enough")
    assert torch.get_num_threads() == 1


@pytest.mark.usefixtures("four_for_all")
def test_other_threads_keep_theirs():
    begun, ended = threading.Event(), threading.Event()

    def count_twice():
        first = torch.get_num_threads()
        begun.set()
        assert ended.wait(30)
        return first, torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(count_twice)
        assert begun.wait(30)
        with threads(2):
            assert of_a_new_thread() == 4
            ended.set()
            assert counted.result(30) == (4, 4)
    assert of_a_new_thread() == torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_for_all")
def test_the_first_to_end_does_not_restore_what_the_second_has_set():
    inside, left = threading.Event(), threading.Event()

    def second():
        with threads(3):
            inside.set()
            assert left.wait(30)
            return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        with threads(2):
            seen = pool.submit(second)
            assert inside.wait(30)
        left.set()
        assert seen.result(30) == 3
        # The thread that ended last began while another number was set.
        assert pool.submit(torch.get_num_threads).result(30) == 4
    assert of_a_new_thread() == torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_for_all")
def test_many_at_once_leave_nothing_behind():
    def use(number):
        for _ in range(10):
            with threads(number):
                assert torch.get_num_threads() == number
        return torch.get_num_threads()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(use, [1, 2, 3, 5] * 3)) == {4}
    assert of_a_new_thread() == torch.get_num_threads() == 4
