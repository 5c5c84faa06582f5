"""Where a training step of mtlearn goes, and how near it comes to the machine's peak.

Profiles an epoch of the reference network with torch.profiler, counts the arithmetic
of a step and measures the fastest matrix product of the machine in float32 and
bfloat16. The profiler slows small operations down more than large ones; the time of a
step is measured without it, and counts the whole call of `fit`.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option
from benchmarks._problem import choose, make_data
from benchmarks._report import Report
from benchmarks._timing import clock, spread
from mtlearn import MultiTaskImageEstimator

OPTIONS = (
    Option("repeats", 5, 2, "epochs to time, and matrix products to take the best of"),
    Option("steps", 20, 2, "of an epoch"),
    Option("size", 2048, 128, "side of the matrices"),
    Option("precision", "auto", "auto", "of the estimator", str),
)
# The first pattern that is found in the name of an operation decides.
CATEGORIES = {
    "convolutions": r"conv",
    "matrix products": r"addmm|\bmm|matmul|linear|gemm|\bbmm",
    "batch norm": r"batch_?norm",
    "ReLU": r"relu|threshold|clamp_min",
    "copies and casts": r"copy|::to\b|clone|contiguous|\bcat\b|::index",
    "additions": r"::add_?$|AddBackward|AccumulateGrad",
}
Span = tuple[float, float]


def category(name: str) -> str:
    """Return the kind of an operation by its name, "other" if no pattern fits."""
    for kind, pattern in CATEGORIES.items():
        if re.search(pattern, name, re.IGNORECASE):
            return kind
    return "other"


def optimizer_spans(events: Sequence[Any]) -> list[Span]:
    """Return from when to when the optimiser worked.

    skorch computes the gradients inside the optimiser's step, so that this begins
    where the last gradient of the step is done.
    """
    backward = [
        event.time_range for event in events if "autograd::engine" in event.name
    ]
    spans = []
    for event in events:
        start, end = event.time_range.start, event.time_range.end
        if event.name.startswith("Optimizer.zero_grad"):
            spans.append((start, end))
        elif event.name.startswith("Optimizer.step"):
            inside = [r.end for r in backward if start <= r.start and r.end <= end]
            spans.append((max(inside, default=start), end))
    return spans


def self_seconds(events: Sequence[Any]) -> dict[str, float]:
    """Return the seconds of each kind of operation, what they call left out.

    Python between the operations of the optimiser is the optimiser's; between others
    it is "other".
    """
    spans = optimizer_spans(events)
    seconds: dict[str, float] = defaultdict(float)
    for event in events:
        kind = category(event.name)
        # As "other", the parts of a span sum up to it; it is moved as a whole.
        if _within(event.time_range, spans):
            kind = "other"
        seconds[kind] += event.self_cpu_time_total / 1e6
    for start, end in spans:
        seconds["optimiser"] += (end - start) / 1e6
        seconds["other"] -= (end - start) / 1e6
    return seconds


def _within(span: Any, spans: Iterable[Span]) -> bool:
    return any(start <= span.start and span.end <= end for start, end in spans)


def count_flops(
    estimator: MultiTaskImageEstimator, X: np.ndarray, y: np.ndarray
) -> dict[str, int]:
    """Return the arithmetic of one step by kind: a multiply and an add count as two."""
    with FlopCounterMode(display=False) as counter:
        estimator.fit(X, y)
    flops: dict[str, int] = defaultdict(int)
    for operation, count in counter.get_flop_counts()["Global"].items():
        flops[category(str(operation))] += count
    return flops


def peak_flops(size: int, dtype: torch.dtype, repeats: int) -> float:
    """Return the most operations a second of a large matrix product."""
    left, right = (torch.rand(size, size).to(dtype) for _ in range(2))
    timed = clock(lambda: left @ right)
    timed()
    return 2 * size**3 / min(timed() for _ in range(max(repeats, 3)))


def print_shares(seconds: dict[str, float], report: Report) -> None:
    """Print the share of each kind of operation."""
    total = sum(seconds.values())
    kinds = [*CATEGORIES, "optimiser", "other"]
    report.table(
        ["share of self CPU time", "%"],
        [[kind, f"{100 * seconds[kind] / total:.1f}"] for kind in kinds],
    )


def run(options: argparse.Namespace, report: Report) -> None:
    """Profile, count and measure; print shares and speeds."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    problem = choose(options.quick)
    X, y = make_data(problem)
    n_rows = options.steps * problem.batch_size
    # Rows may come twice: the network does not mind.
    rows = np.arange(n_rows) % len(X)
    one = rows[: problem.batch_size]
    X_steps, y_steps = X[rows], y[rows]
    estimator = make_estimator(problem, precision=options.precision, warm_start=True)
    epoch = clock(lambda: estimator.fit(X_steps, y_steps))
    epoch()  # to warm up
    step = spread([epoch() for _ in range(options.repeats)]).median / options.steps
    with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profile:
        epoch()
    seconds = self_seconds(profile.events())
    report.line(
        f"{options.steps} steps of {problem.batch_size} images {X.shape[1:]}, "
        f"precision={options.precision!r}\n"
    )
    print_shares(seconds, report)
    flops = count_flops(estimator, X[one], y[one])
    speeds = {
        "step": (sum(flops.values()), step),
        "its convolutions": (
            flops["convolutions"],
            seconds["convolutions"] / options.steps,
        ),
    }
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    peaks = {
        name: peak_flops(options.size, dtype, options.repeats)
        for name, dtype in dtypes.items()
    }
    print_speeds(speeds, peaks, report)


def print_speeds(
    speeds: dict[str, tuple[float, float]], peaks: dict[str, float], report: Report
) -> None:
    """Print operations, seconds and their ratio, also as shares of the peaks."""
    for name, peak in peaks.items():
        report.line(f"matmul peak {name}: {peak / 1e9:.0f} GFLOP/s")
    report.line()
    report.table(
        ["", "GFLOP", "ms", "GFLOP/s", *(f"% of {name} peak" for name in peaks)],
        [
            [
                name,
                f"{count / 1e9:.3g}",
                f"{1e3 * time:.2f}",
                f"{count / time / 1e9:.1f}",
                *(f"{100 * count / time / peak:.1f}" for peak in peaks.values()),
            ]
            for name, (count, time) in speeds.items()
        ],
    )
