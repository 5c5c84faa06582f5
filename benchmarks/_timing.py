"""Contenders measured in turn, and compared round by round.

On a machine with other work, the speed of all contenders changes together from one
minute to the next. Durations of the same round lie close in time, so that the median
of their ratios holds still where durations do not.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

# What a contender is called: its name, or a size.
Name = TypeVar("Name")
Seconds = Mapping[Name, Sequence[float]]


@dataclass(frozen=True)
class Spread:
    """Median and range of some numbers."""

    median: float
    low: float
    high: float


def clock(
    act: Callable[[], object], now: Callable[[], float] = perf_counter
) -> Callable[[], float]:
    """Return a function that does something and returns the seconds it took."""

    def timed() -> float:
        start = now()
        act()
        return now() - start

    return timed


def interleave(
    clocks: Mapping[Name, Callable[[], float]],
    rounds: int,
    on_round: Callable[[int], None] | None = None,
) -> dict[Name, list[float]]:
    """Measure each contender once a round.

    Parameters
    ----------
    clocks : mapping of name to callable
        Each does its work once and returns the seconds it took.
    rounds : int
        How often. Each round begins with the next contender, so that none always
        follows the same one at a round's start.
    on_round : callable, default=None
        Called with the number of rounds done, after each.

    Returns
    -------
    dict of name to list of float
        Seconds of each contender in each round.
    """
    order = list(clocks)
    seconds: dict[Name, list[float]] = {name: [] for name in order}
    for done in range(rounds):
        for name in order:
            seconds[name].append(clocks[name]())
        order = [*order[1:], *order[:1]]
        if on_round is not None:
            on_round(done + 1)
    return seconds


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the range of some numbers."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(seconds: Seconds[Name], name: Name, reference: Name) -> Spread | None:
    """Return the ratio of two contenders over the rounds, None without one of them."""
    if name not in seconds or reference not in seconds:
        return None
    pairs = zip(seconds[name], seconds[reference], strict=True)
    return spread([value / other for value, other in pairs])


def differences(seconds: Seconds[Name], name: Name, reference: Name) -> Spread:
    """Return how much longer one contender takes than another, over the rounds."""
    pairs = zip(seconds[name], seconds[reference], strict=True)
    return spread([value - other for value, other in pairs])
