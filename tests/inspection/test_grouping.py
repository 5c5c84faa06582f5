"""Groups of tasks, from affinities made up."""

import numpy as np
import pytest

from mtlearn.inspection._grouping import _best, _merged, _partitions, suggest_groups


def test_all_partitions_are_looked_at():
    counts = [len(list(_partitions(tuple(range(n))))) for n in range(1, 6)]
    assert counts == [1, 2, 5, 15, 52]  # Bell's numbers


def blocks(*sizes, within=0.1, between=-0.1):
    affinity = np.full((sum(sizes), sum(sizes)), between)
    start = 0
    for size in sizes:
        affinity[start : start + size, start : start + size] = within
        start += size
    return affinity


@pytest.mark.parametrize("sizes", [(2, 1), (2, 2), (3, 1, 2), (4, 4), (5, 1, 4)])
def test_blocks_are_found(sizes):
    names = [f"t{i}" for i in range(sum(sizes))]
    groups = suggest_groups(names, blocks(*sizes))
    assert [len(group) for group in groups] == list(sizes)
    assert [name for group in groups for name in group] == names


def test_rules():
    names = ["a", "b", "c"]
    helpful = blocks(3)
    assert suggest_groups(names, helpful) == (("a", "b", "c"),)
    assert suggest_groups(names, helpful, ["b"]) == (("a", "c"), ("b",))
    assert suggest_groups(names, -helpful) == (("a",), ("b",), ("c",))
    assert suggest_groups(names, np.zeros((3, 3))) == (("a", "b", "c"),)
    # What a gives to b is worth more than what b takes from a.
    one_sided = np.array([[9.0, 0.3, -1], [-0.1, 9, -1], [-1, -1, np.nan]])
    assert suggest_groups(names, one_sided) == (("a", "b"), ("c",))


def test_merging_is_as_good_where_there_are_blocks():
    affinity = blocks(3, 2, 2)
    best, merged = (
        sorted(tuple(sorted(group)) for group in search(range(7), affinity))
        for search in (_best, _merged)
    )
    assert best == merged == [(0, 1, 2), (3, 4), (5, 6)]
