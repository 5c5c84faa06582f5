"""Seconds an epoch: mtlearn beside a hand-written loop, plain skorch and Keras.

All train one network on one data set: 2,430 images of 32 x 32 pixels, three targets,
batches of 32, Adam. Each lives in a process of its own, has one epoch to warm up, and
is then asked for an epoch in turn. All are started anew several times, since a process
can be slower than its like for as long as it lives. mtlearn is timed by whole calls of
`fit` with warm_start=True and max_epochs=1, so that its checks and its preparations
count; the others have prepared their data and their network before.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks import _keras
from benchmarks._options import Option, names
from benchmarks._problem import Problem, choose, make_data
from benchmarks._process import start_process, stopped_at_the_end
from benchmarks._report import Report
from benchmarks._timing import interleave

OPTIONS = (
    Option("starts", 5, 1, "how often all contenders are started anew"),
    Option("repeats", 2, 2, "rounds after each start, of an epoch by each contender"),
    Option("compile", None, None, "also the hand-written loop compiled by torch", bool),
    Option("fused", None, None, "the hand-written loops with torch's fused Adam", bool),
    Option(
        "only", (), (), "contenders by parts of their names, a comma between", names
    ),
)
# The name of each contender, what makes it and with which options.
CONTENDERS = {
    "hand float32": ("_hand", {}),
    "hand float32 channels-last": ("_hand", {"channels_last": True}),
    "hand bfloat16 channels-last": (
        "_hand",
        {"channels_last": True, "bfloat16": True},
    ),
    "hand bfloat16 compiled": (
        "_hand",
        {"channels_last": True, "bfloat16": True, "compiled": True},
    ),
    "mtlearn float32": ("_mtlearn", {"precision": "float32"}),
    "mtlearn bfloat16": ("_mtlearn", {"precision": "bfloat16"}),
    "mtlearn default": ("_mtlearn", {}),
    "skorch": ("_skorch", {}),
    "Keras": ("_keras", {}),
}
RATIOS = (
    ("mtlearn float32", "hand float32 channels-last"),
    ("mtlearn bfloat16", "hand bfloat16 channels-last"),
    ("mtlearn default", "Keras"),
    ("mtlearn float32", "Keras"),
    ("mtlearn default", "skorch"),
)


def chosen(options: argparse.Namespace, report: Report) -> list[str]:
    """Return the names of the contenders to measure."""
    found = []
    for name in CONTENDERS:
        if options.only and not any(part in name for part in options.only):
            continue
        if name.endswith("compiled") and not options.compile:
            continue
        if name == "Keras" and not _keras.is_installed():
            report.line(_keras.MISSING + "\n")
            continue
        found.append(name)
    return found


def measure(
    contenders: Sequence[str],
    X: np.ndarray,
    y: np.ndarray,
    problem: Problem,
    options: argparse.Namespace,
    report: Report,
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Start the contenders and measure them in turn; return seconds and weights."""
    with stopped_at_the_end() as running:
        for name in contenders:
            module, settings = CONTENDERS[name]
            if module == "_hand":
                settings = {**settings, "fused": options.fused}
            report.progress(f"starting {name}")
            make = f"benchmarks.{module}:training"
            running[name] = start_process(
                make, X, y, problem, options.threads, **settings
            )
            running[name].seconds()  # to warm up
        seconds = interleave(
            {name: contender.seconds for name, contender in running.items()},
            options.repeats,
            lambda done: report.progress(f"round {done} of {options.repeats}"),
        )
        weights = {
            name: f" ({contender.n_weights():,} weights)"
            for name, contender in running.items()
        }
    return seconds, weights


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure the contenders and print a table and the ratios that matter."""
    problem = choose(options.quick)
    X, y = make_data(problem)
    report.line(
        f"One epoch of {len(X)} images {X.shape[1:]}, batches of {problem.batch_size}\n"
    )
    contenders = chosen(options, report)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for start in range(options.starts):
        report.progress(f"start {start + 1} of {options.starts}")
        measured, weights = measure(contenders, X, y, problem, options, report)
        for name in contenders:
            seconds[name] += measured[name]
    report.seconds(seconds, "hand float32 channels-last", weights)
    for name, reference in RATIOS:
        report.ratio(seconds, name, reference)
