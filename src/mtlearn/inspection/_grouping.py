"""Which tasks to put into one network."""

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

import numpy as np

# Of more tasks there are too many partitions to look at all: 4,140 of eight.
_MOST_TASKS = 8
# Sums of the same numbers in another order are no better.
_DECIMALS = 12

Group = tuple[int, ...]


def suggest_groups(
    names: Sequence[str], affinity: np.ndarray, alone: Collection[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """Partition tasks so that they receive as much as they can.

    The value of a partition is the sum over tasks of the mean affinity that a task
    receives from the others of its group, where a task by itself receives 0. All
    partitions of up to eight tasks are compared; of more, the two groups whose union
    adds most are merged, until none adds anything. Of equal partitions, one with fewer
    groups is taken.

    Parameters
    ----------
    names : sequence of str
        The tasks.
    affinity : ndarray of shape (n_tasks, n_tasks)
        In row i and column j: what j receives from i. NaN counts as 0.
    alone : collection of str, default=()
        Tasks that are not to share.

    Returns
    -------
    tuple of tuple of str
        In task order.
    """
    received = np.nan_to_num(affinity)
    free = [i for i, name in enumerate(names) if name not in alone]
    search = _best if len(free) <= _MOST_TASKS else _merged
    groups = [
        *search(free, received),
        *((i,) for i, name in enumerate(names) if name in alone),
    ]
    ordered = sorted(tuple(sorted(group)) for group in groups)
    return tuple(tuple(names[i] for i in group) for group in ordered)


def _value(group: Group, received: np.ndarray) -> float:
    """Sum up what the tasks of a group receive from its others, as a mean over them."""
    if len(group) == 1:
        return 0.0
    inside = received[np.ix_(group, group)]
    return float((inside.sum() - np.trace(inside)) / (len(group) - 1))


def _best(tasks: Sequence[int], received: np.ndarray) -> list[Group]:
    def rank(groups: list[Group]) -> tuple[float, int]:
        total = sum(_value(group, received) for group in groups)
        return round(total, _DECIMALS), -len(groups)

    return max(_partitions(tuple(tasks)), key=rank)


def _partitions(tasks: Group) -> Iterator[list[Group]]:
    """Give every way to split tasks into groups."""
    if not tasks:
        yield []
        return
    first, *rest = tasks
    for groups in _partitions(tuple(rest)):
        yield [(first,), *groups]
        for place, group in enumerate(groups):
            yield [*groups[:place], (first, *group), *groups[place + 1 :]]


def _merged(tasks: Sequence[int], received: np.ndarray) -> list[Group]:
    groups: list[Group] = [(task,) for task in tasks]
    while len(groups) > 1:
        gain, left, right = max(
            (_gain(a, b, received), a, b) for a, b in combinations(groups, 2)
        )
        if gain < 0:
            break
        groups = [group for group in groups if group not in (left, right)]
        groups.append(left + right)
    return groups


def _gain(left: Group, right: Group, received: np.ndarray) -> float:
    apart = _value(left, received) + _value(right, received)
    return round(_value(left + right, received) - apart, _DECIMALS)
