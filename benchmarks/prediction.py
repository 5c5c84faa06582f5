"""Prediction: mtlearn beside its own bare network, plain skorch and Keras.

First 2,430 images, where mtlearn's bare network gets them as tensors in batches of
256; then one image, where the fixed cost of a call shows. Estimators and bare networks
share this process; skorch and Keras have one each.
"""

import argparse
import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks import _keras
from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option, names
from benchmarks._problem import Problem, choose, make_data
from benchmarks._process import Running, start_process, stopped_at_the_end
from benchmarks._report import Report
from benchmarks._timing import clock, differences, interleave
from mtlearn import MultiTaskImageEstimator

OPTIONS = (
    Option("repeats", 15, 2, "rounds over all images"),
    Option("calls", 300, 3, "rounds over one image"),
    Option(
        "precisions",
        ("float32", "bfloat16", "auto"),
        ("float32", "bfloat16", "auto"),
        "of mtlearn's estimators, a comma between",
        names,
    ),
)
BATCH = 256
RATIOS = (
    ("mtlearn float32", "bare float32"),
    ("mtlearn bfloat16", "bare bfloat16"),
    ("mtlearn default", "bare float32"),
    ("mtlearn default", "Keras"),
    ("mtlearn default", "Keras, batches of 256"),
    ("mtlearn float32", "Keras, batches of 256"),
    ("mtlearn default", "skorch"),
)
Act = Callable[[], object]


def title(precision: str) -> str:
    """Return the name of an estimator in the tables."""
    return "mtlearn default" if precision == "auto" else f"mtlearn {precision}"


def fit_estimators(
    precisions: tuple[str, ...], problem: Problem, X: np.ndarray, y: np.ndarray
) -> dict[str, MultiTaskImageEstimator]:
    """Fit an estimator of each precision on a few rows."""
    rows = slice(0, 4 * problem.batch_size)
    return {
        title(precision): make_estimator(problem, precision=precision).fit(
            X[rows], y[rows]
        )
        for precision in precisions
    }


def bare(estimator: MultiTaskImageEstimator, X: np.ndarray, *, bfloat16: bool) -> Act:
    """Return what runs an estimator's network alone on tensors that lie ready."""
    # A copy, so that its layout is not that of the estimator's network.
    module: nn.Module = copy.deepcopy(estimator.net_.module_)
    module = module.eval().to(memory_format=torch.channels_last)
    images = torch.from_numpy(X)[:, None].contiguous(memory_format=torch.channels_last)

    def forward() -> list[tuple[torch.Tensor, ...]]:
        with (
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16, enabled=bfloat16),
        ):
            return [module(batch) for batch in images.split(BATCH)]

    return forward


def bare_networks(
    estimators: dict[str, MultiTaskImageEstimator], X: np.ndarray
) -> dict[str, Act]:
    """Return the network of the first estimator, in both precisions."""
    first = next(iter(estimators.values()))
    return {
        "bare float32": bare(first, X, bfloat16=False),
        "bare bfloat16": bare(first, X, bfloat16=True),
    }


def predictions(
    estimators: dict[str, MultiTaskImageEstimator], X: np.ndarray
) -> dict[str, Act]:
    """Return what predicts with each estimator."""
    return {
        name: lambda estimator=estimator: estimator.predict(X)
        for name, estimator in estimators.items()
    }


def start_others(
    running: dict[str, Running],
    given: tuple[np.ndarray, Problem, int | None],
    report: Report,
) -> None:
    """Start skorch, and Keras if it is installed, and add them to those running."""
    report.progress("starting the others")
    running["skorch"] = start_process("benchmarks._skorch:prediction", *given)
    if not _keras.is_installed():
        report.line(_keras.MISSING + "\n")
        return
    for name, batch_size in (("Keras", None), (f"Keras, batches of {BATCH}", BATCH)):
        running[name] = start_process(
            "benchmarks._keras:prediction", *given, batch_size=batch_size
        )


def all_images(
    acts: dict[str, Act], running: dict[str, Running], rounds: int
) -> dict[str, list[float]]:
    """Measure everyone on all images."""
    clocks = {name: clock(act) for name, act in acts.items()}
    clocks |= {name: other.seconds for name, other in running.items()}
    for timed in clocks.values():
        timed()  # to warm up
    return interleave(clocks, rounds)


def one_image(acts: dict[str, Act], calls: int, report: Report) -> None:
    """Print the microseconds of a call with one image, and those over the bare call."""
    clocks = {name: clock(act) for name, act in acts.items()}
    interleave(clocks, 2)  # to warm up
    seconds = interleave(clocks, calls)
    report.line(f"One image, {calls} calls\n")
    report.seconds(seconds, "bare float32")
    for name in seconds:
        if name.startswith("bare"):
            continue
        for reference in ("bare float32", "bare bfloat16"):
            extra = differences(seconds, name, reference).median
            report.line(f"{name} over {reference}: {1e6 * extra:.0f} microseconds")


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure many images and one, and print tables and the ratios that matter."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    problem = choose(options.quick)
    X, y = make_data(problem)
    estimators = fit_estimators(options.precisions, problem, X, y)
    acts = {**bare_networks(estimators, X), **predictions(estimators, X)}
    with stopped_at_the_end() as running:
        start_others(running, (X, problem, options.threads), report)
        seconds = all_images(acts, running, options.repeats)
    report.line(f"{len(X)} images {X.shape[1:]}\n")
    report.seconds(seconds, "bare float32")
    for name, reference in RATIOS:
        report.ratio(seconds, name, reference)
    report.line()
    one = X[:1]
    acts = {**bare_networks(estimators, one), **predictions(estimators, one)}
    one_image(acts, options.calls, report)
