"""How long a GPU computes, and how often it is asked to, by torch's profiler."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch.profiler import ProfilerActivity

# What the processor calls to have something done: a kernel, or a whole graph of them.
_LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch")


class Work(NamedTuple):
    """What a GPU was seen to do.

    Attributes
    ----------
    busy : float
        Seconds in which it computed or copied anything.
    launches : int
        Kernels and graphs that were launched.
    """

    busy: float
    launches: int


def work_of(events: Iterable[Any]) -> Work:
    """Sum up the events of a profile.

    Parameters
    ----------
    events : iterable of FunctionEvent
        Those of the GPU may lie over each other, which counts once.

    Returns
    -------
    Work
        Of all of them.
    """
    spans, launches = [], 0
    for event in events:
        if event.device_type.name == "CUDA":
            # Named spans of the program are shown there too, and are no work.
            if not getattr(event, "is_user_annotation", False):
                spans.append((event.time_range.start, event.time_range.end))
        elif event.name.startswith(_LAUNCHES):
            launches += 1
    busy = end_before = 0.0
    for start, end in sorted(spans):
        busy += max(0.0, end - max(start, end_before))
        end_before = max(end_before, end)
    return Work(busy / 1e6, launches)


def work_a_step(run: Callable[[int, int], object], n_rows: int, steps: int) -> Work:
    """Profile two epochs and one, and take the difference: what is done once is not in.

    Parameters
    ----------
    run : callable
        Trains on so many rows for so many epochs.
    n_rows, steps : int
        Rows of an epoch, and its steps.

    Returns
    -------
    Work
        Of one step, with its share of what is done once an epoch.
    """
    one, two = (_profiled(run, n_rows, epochs) for epochs in (1, 2))
    return Work(
        (two.busy - one.busy) / steps, round((two.launches - one.launches) / steps)
    )


def _profiled(run: Callable[[int, int], object], n_rows: int, epochs: int) -> Work:
    # Not the calls of torch: they are many, and are no work of the GPU.
    with torch.profiler.profile(activities=[ProfilerActivity.CUDA]) as profile:
        run(n_rows, epochs)
        torch.cuda.synchronize()
    return work_of(profile.events())
