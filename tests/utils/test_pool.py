"""Work in threads that stay."""

import multiprocessing
import os
import sys
import threading

import pytest
import torch

from mtlearn._utils._pool import for_each


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_each_number_has_its_call(n, n_threads):
    seen = []
    for_each(seen.append, range(n), n_threads)
    assert sorted(seen) == [*range(n)]


def test_calls_run_side_by_side_in_the_same_threads():
    both, names = threading.Barrier(2, timeout=30), set()

    def meet(number):
        both.wait()
        names.add(threading.current_thread().name)

    for _ in range(5):
        for_each(meet, range(4), 2)

    assert len(names) == 2
    assert threading.current_thread().name not in names


def test_torch_computes_with_one_thread_in_each():
    before, found = torch.get_num_threads(), []
    for_each(lambda number: found.append(torch.get_num_threads()), range(8), 2)
    assert found == [1] * 8
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_first_error_ends_it(n_threads):
    seen, is_over = [], threading.Event()

    def fail(number):
        if number in (3, 5):
            raise ValueError(number)
        if number > 5:
            is_over.wait(timeout=30)
        seen.append(number)

    with pytest.raises(ValueError, match="3"):
        for_each(fail, range(1000), n_threads)
    is_over.set()
    for_each(seen.append, [-1, -2], n_threads)
    assert {-1, -2, 0, 1, 2} <= set(seen)
    assert len(seen) <= 2 + 4 + n_threads  # those that had begun


def _count(queue):
    done = []
    for_each(done.append, range(10), 2)
    queue.put(len(done))
    queue.close()
    queue.join_thread()
    os._exit(0)  # what other tests have left to be done at an exit is not for here


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_child_of_a_fork_has_threads_of_its_own():
    for_each(lambda number: None, range(4), 2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_count, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == 10
    child.join()
    assert child.exitcode == 0
