"""Balancing: what weights of losses that are found while training cost an epoch.

Epochs of a network with each method, in turn, beside one with equal weights; seconds
are those of the processor.
"""

import argparse
from time import process_time
from typing import Any

import torch

from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option
from benchmarks._problem import choose, make_data
from benchmarks._report import Report
from benchmarks._timing import clock, interleave, ratios, spread
from mtlearn.losses import BALANCINGS, FAMO

OPTIONS = (
    Option("repeats", 5, 1, "rounds, of an epoch each"),
    Option("rows", 640, 60, "of an epoch"),
)


def contenders() -> dict[str, Any]:
    """Return what is compared, by name; equal weights twice, to see the noise."""
    equal = dict.fromkeys(("equal", "equal, again"))
    named = {name: kind() for name, kind in BALANCINGS.items()}
    return {**equal, **named, "famo, every=1": FAMO(every=1)}


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure an epoch with each method, and print its ratio to equal weights."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    problem = choose(options.quick, options.rows)
    X, y = make_data(problem)
    clocks = {}
    for name, value in contenders().items():
        estimator = make_estimator(problem, loss_weights=value, warm_start=True)
        clocks[name] = clock(lambda each=estimator: each.fit(X, y), process_time)
    interleave(clocks, 1)  # to warm up
    seconds = interleave(clocks, options.repeats)
    report.line(f"{problem.n_rows} images, {options.repeats} rounds\n")
    rows = []
    for name, each in seconds.items():
        share = ratios(seconds, name, "equal")
        assert share is not None
        ratio = f"{share.median:.3f} ({share.low:.3f} to {share.high:.3f})"
        rows.append([name, f"{spread(each).median:.3f}", ratio])
    report.table(["", "median s", "over equal weights"], rows)
