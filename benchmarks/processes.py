"""What two processes bring the training of one network, beside one process.

The reference network in float32, and a small MLP on red wine, one torch thread in each
process: seconds of a fit on the clock, and of the processor in process 0. The two take
turns in the same processes, which are forked; the group of two is made before its fit.
"""

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable
from datetime import timedelta
from time import perf_counter, process_time
from typing import Any

import torch
import torch.distributed as dist
from sklearn.preprocessing import StandardScaler

from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option
from benchmarks._problem import choose, make_data
from benchmarks._report import Report
from mtlearn import Classification, MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.datasets import load_wine_quality
from mtlearn.networks import MLP

OPTIONS = (
    Option("repeats", 5, 1, "rounds"),
    Option("rows", 1024, 64, "images, for an epoch"),
    Option("batch", 128, 32, "rows of a batch of images"),
    Option("epochs", 10, 1, "of wine"),
)
ONE, TWO = "one process", "two processes"
TIMEOUT = timedelta(minutes=5)

Seconds = dict[str, list[float]]


def images(options: argparse.Namespace) -> tuple[Any, Any]:
    """Return the reference network and its images."""
    problem = choose(options.quick)
    X, y = make_data(problem)
    estimator = make_estimator(
        problem, batch_size=options.batch, precision="float32", n_threads=1
    )
    return estimator, (X[: options.rows], y[: options.rows])


def wine(options: argparse.Namespace) -> tuple[Any, Any]:
    """Return a small network for tables, and the wines."""
    X, y = load_wine_quality(return_X_y=True)
    estimator = MultiTaskEstimator(
        Tasks(quality=Regression(), good=Classification(2)),
        backbone=Partial(MLP, hidden=(32, 32)),
        lr=1e-3,
        lr_schedule=None,
        max_epochs=options.epochs,
        n_threads=1,
        random_state=0,
    )
    return estimator, (StandardScaler().fit_transform(X), y)


PROBLEMS = {"reference network": images, "MLP hidden=(32, 32)": wine}


def time_of(fit: Callable[[], object], seconds: tuple[Seconds, Seconds]) -> None:
    """Fit, and note what it took."""
    began = perf_counter(), process_time()
    fit()
    passed = perf_counter() - began[0], process_time() - began[1]
    name = TWO if dist.is_initialized() else ONE
    for found, own in zip(seconds, passed, strict=True):
        found[name].append(own)


def measure(
    rank: int, barrier: Any, folder: str, options: argparse.Namespace, found: Any
) -> None:
    """Fit in one process and in two, in turn; process 0 sends what it took."""
    torch.set_num_threads(1)
    for place, (name, make) in enumerate(PROBLEMS.items()):
        estimator, data = make(options)
        seconds: tuple[Seconds, Seconds] = (
            {TWO: [], ONE: []},
            {TWO: [], ONE: []},
        )

        def fit(estimator: Any = estimator, data: Any = data) -> None:
            estimator.fit(*data)

        for number in range(options.repeats + 1):  # the first one imports
            if rank == 0:
                time_of(fit, seconds)
            barrier.wait()
            dist.init_process_group(
                "gloo",
                init_method=f"file://{folder}/{place}-{number}",
                rank=rank,
                world_size=2,
                timeout=TIMEOUT,
            )
            time_of(fit, seconds)
            dist.destroy_process_group()
            barrier.wait()
        if rank == 0:
            kept = [
                {each: values[1:] for each, values in own.items()} for own in seconds
            ]
            found.put((name, estimator.batch_size, len(data[0]), *kept))


def run(options: argparse.Namespace, report: Report) -> None:
    """Print what a fit takes in one process and in two."""
    context = multiprocessing.get_context("fork")
    barrier, found = context.Barrier(2), context.Queue()
    report.line(f"{options.repeats} rounds; one torch thread in each process\n")
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            context.Process(
                target=measure, args=(rank, barrier, folder, options, found)
            )
            for rank in range(2)
        ]
        for each in processes:
            each.start()
        for _ in PROBLEMS:
            name, batch_size, n_rows, clock, processor = found.get(timeout=1800)
            report.line(f"{name}, batch_size={batch_size}, {n_rows} rows: clock")
            report.seconds(clock, TWO)
            report.ratio(clock, TWO, ONE)
            report.line()
            report.line(f"{name}: processor, in process 0")
            report.seconds(processor, TWO)
            report.ratio(processor, TWO, ONE)
            report.line()
        for each in processes:
            each.join()
