"""Combined gradients: what a step costs by each way to aggregate the tasks' gradients.

An epoch of `partial_fit`, beside one whose gradients are added up, in turn: of a small
residual network with two tasks, and of multi-layer perceptrons with three and with ten
tasks. "ones" computes the gradients and the Gramian, and weighs by 1. The steps of
perceptrons are so short that what weighs the gradients shows. CPU seconds: the threads
of torch are added up.
"""

import argparse
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
import torch

from benchmarks._options import Option, names
from benchmarks._report import Report
from benchmarks._timing import clock, interleave, ratios, spread
from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.losses import AGGREGATIONS
from mtlearn.networks import MLP, ResNet

PLAIN = "added up"
WAYS = ("ones", *AGGREGATIONS)
OPTIONS = (
    Option("ways", WAYS, ("ones", "mgda", "nash"), "which ones", names),
    Option("rounds", 9, 1, "of each comparison"),
    Option("steps", 10, 1, "of an epoch of images; of tables ten times as many"),
)
SIZE = 28
IMAGES, ROWS = 64, 128  # of a step


def ones(gramian: torch.Tensor) -> torch.Tensor:
    """Weigh each task by 1."""
    return torch.ones(len(gramian), dtype=torch.float64)


def images(steps: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return an estimator of two classifications of images, and its data."""
    rng = np.random.default_rng(0)
    X = rng.random((steps * IMAGES, SIZE, SIZE), dtype=np.float32)
    y = rng.integers(10, size=(len(X), 2))
    tasks = Tasks(one=Classification(10), other=Classification(10))
    backbone = Partial(ResNet, widths=(16, 32), n_blocks=1, n_features=64, dropout=0.5)
    estimator = MultiTaskImageEstimator(
        tasks,
        backbone=backbone,
        lr=1e-3,
        lr_schedule=None,
        batch_size=IMAGES,
        random_state=0,
        device="cpu",
    )
    return estimator, X, y


def table(steps: int, n_tasks: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return an estimator of real values, and its data."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(steps * ROWS, 20))
    y = X[:, :n_tasks] + rng.normal(size=(len(X), n_tasks))
    plain = Head(hidden=())
    tasks = {f"y{i}": Regression(head=plain) for i in range(n_tasks)}
    estimator = MultiTaskEstimator(
        Tasks.from_mapping(tasks),
        backbone=Partial(MLP, hidden=(64, 64)),
        lr=1e-3,
        lr_schedule=None,
        batch_size=ROWS,
        random_state=0,
        device="cpu",
    )
    return estimator, X, y


def measure(
    make: Callable[[], tuple[Any, np.ndarray, np.ndarray]],
    ways: tuple[str, ...],
    rounds: int,
) -> dict[str, list[float]]:
    """Return the CPU seconds of epochs, by how gradients are combined."""
    clocks = {}
    for name in (PLAIN, *ways):
        estimator, X, y = make()
        given = {PLAIN: None, "ones": ones}.get(name, name)
        estimator.set_params(aggregation=given)
        # Bound now, as the names are other ones in the next round of the loop.
        clocks[name] = clock(
            lambda fit=estimator.partial_fit, X=X, y=y: fit(X, y), process_time
        )
    interleave(clocks, 1)  # to warm up
    return interleave(clocks, rounds)


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure all problems, and print what each way costs in them."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    few, many, ways = options.steps, 10 * options.steps, tuple(options.ways)
    problems: dict[str, tuple[int, Callable[[], Any]]] = {
        f"ResNet, 2 tasks, {IMAGES} images": (few, lambda: images(few)),
        f"MLP, 3 tasks, {ROWS} rows": (many, lambda: table(many, 3)),
        f"MLP, 10 tasks, {ROWS} rows": (many, lambda: table(many, 10)),
    }
    found = {
        name: measure(make, ways, options.rounds)
        for name, (_, make) in problems.items()
    }
    report.line(
        f"{options.rounds} rounds of an epoch: {few} steps of images, {many} of rows\n"
    )
    plain = [
        f"{1000 * spread(found[name][PLAIN]).median / n_steps:.2f}"
        for name, (n_steps, _) in problems.items()
    ]
    rows = [[f"{PLAIN}, median CPU ms of a step", *plain]]
    for way in ways:
        cells = [ratios(seconds, way, PLAIN) for seconds in found.values()]
        shown = [f"{c.median:.2f} ({c.low:.2f} to {c.high:.2f})" for c in cells if c]
        rows.append([f"{way} / {PLAIN}", *shown])
    report.table(["a step", *found], rows)
