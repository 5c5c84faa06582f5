"""What two workers bring an ensemble, in time and in memory.

time: SeedEnsemble over the reference network, one member after the other and two at a
time, with one torch thread each: in joblib's processes, in threads of one process (of
which one trains at a time), and on dask and Ray where they are installed. Ray starts
its processes anew for every fit, which is in its time.
memory: anonymous memory (RssAnon) of two worker processes at its peak while a member
trains on a memory-mapped array of uint8 images, beside that on 256 rows of it.
"""

import argparse
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from joblib import parallel_config
from skorch.callbacks import Callback

from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option, names
from benchmarks._problem import choose, make_data
from benchmarks._report import Report
from benchmarks._timing import clock, interleave
from benchmarks.memory import (
    FEW_ROWS,
    NO_PROC,
    SHAPE,
    STATUS,
    PeakWatch,
    make_targets,
    megabytes,
    write_images,
)
from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.networks import ResNet

ALL_PARTS = ("time", "memory")
ALL_ENGINES = ("processes", "threads", "dask", "ray")
OPTIONS = (
    Option("repeats", 3, 1, "rounds of the part time"),
    Option("parts", ALL_PARTS, ALL_PARTS, "what to measure", names),
    Option("engines", ALL_ENGINES, ALL_ENGINES, "where, of the part time", names),
    Option("rows", 1280, 64, "rows of the part time"),
    Option("epochs", 2, 1, "epochs of the part time"),
    Option("members", 4, 2, "members of the part time"),
    Option("megabytes", 500.0, 10.0, "size of the array of the part memory", float),
)
N_WORKERS = 2
ONE = "one at a time"


@contextmanager
def dask_workers() -> Iterator[None]:
    """Start dask's worker processes."""
    import dask
    from distributed import Client, LocalCluster

    # dask lets workers give freed memory back at once, which slows training down.
    environ = {"OMP_NUM_THREADS": 1}
    dask.config.set({"distributed.nanny.pre-spawn-environ": environ})
    cluster = LocalCluster(
        n_workers=N_WORKERS,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster):
        yield


@contextmanager
def ray_workers() -> Iterator[None]:
    """Start Ray."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=N_WORKERS, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        yield
    finally:
        ray.shutdown()


@contextmanager
def no_workers() -> Iterator[None]:
    """Start nothing: joblib's workers start at the first call, and stay."""
    yield


def engines(quick: bool) -> dict[str, tuple[str, Callable]]:
    """Return joblib's backend of each engine, and what starts its workers."""
    found: dict[str, tuple[str, Callable]] = {
        "processes": ("loky", no_workers),
        "threads": ("threading", no_workers),
    }
    if not quick and find_spec("distributed"):
        found["dask"] = ("dask", dask_workers)
    if not quick and find_spec("ray"):
        found["ray"] = ("ray", ray_workers)
    return found


def measure_time(options: argparse.Namespace, report: Report) -> None:
    """Print how long an ensemble takes in each engine, beside one process.

    Only one engine has workers at a time: those of Ray and dask take time when idle.
    """
    problem = choose(options.quick, options.rows)
    X, y = make_data(problem)
    estimator = make_estimator(problem).set_params(max_epochs=options.epochs)
    report.line(
        f"SeedEnsemble of {options.members} members, {options.epochs} epochs of "
        f"{options.rows} rows, one torch thread each\n"
    )

    def fit(backend: str, n_jobs: int) -> None:
        ensemble = SeedEnsemble(
            estimator, options.members, n_jobs=n_jobs, random_state=0
        )
        data = {"scatter": [X, y]} if backend == "dask" else {}
        with parallel_config(backend, **data):
            ensemble.fit(X, y)

    for name, (backend, workers) in engines(options.quick).items():
        if name not in options.engines:
            continue
        report.progress(name)
        with workers():
            if not options.quick:
                fit(backend, N_WORKERS)  # workers import torch
            clocks = {
                f"{N_WORKERS} at a time, {name}": clock(
                    partial(fit, backend, N_WORKERS)
                ),
                ONE: clock(partial(fit, "loky", 1)),  # dask would take all it has
            }
            seconds = interleave(clocks, options.repeats)
        report.seconds(seconds, ONE)
        report.ratio(seconds, next(iter(clocks)), ONE)


class PeakNote(Callback):
    """Writes down the peak of its process's memory while a network trains."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def on_train_begin(self, net, **kwargs) -> None:
        """Begin to watch."""
        self.watch_ = PeakWatch()
        self.watch_.__enter__()

    def on_train_end(self, net, **kwargs) -> None:
        """Write a file of this process's own."""
        self.watch_.__exit__()
        path = Path(self.folder) / str(os.getpid())
        before = int(path.read_text(encoding="ascii")) if path.exists() else 0
        path.write_text(str(max(before, self.watch_.peak)), encoding="ascii")
        del self.watch_


def peaks(X: np.ndarray, folder: Path) -> dict[str, int]:
    """Fit two members at a time, and return the peak of each worker in bytes."""
    folder.mkdir()
    estimator = MultiTaskImageEstimator(
        Tasks(kind=Classification(4), size=Regression()),
        backbone=Partial(ResNet, widths=(4,), n_blocks=1, n_features=8),
        max_epochs=1,
        callbacks=[PeakNote(str(folder))],
        device="cpu",
    )
    ensemble = SeedEnsemble(estimator, N_WORKERS, n_jobs=N_WORKERS, random_state=0)
    with parallel_config("loky"):
        ensemble.fit(X, make_targets(len(X)))
    return {
        path.name: int(path.read_text(encoding="ascii")) for path in folder.iterdir()
    }


def measure_memory(options: argparse.Namespace, report: Report) -> None:
    """Print the memory of each worker with few rows and with all."""
    if not STATUS.exists():
        report.line(NO_PROC)
        return
    n_rows = max(int(options.megabytes * 1e6 / np.prod(SHAPE)), FEW_ROWS)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "images.npy"
        report.progress(f"writing {n_rows:,} images")
        write_images(path, n_rows)
        X = np.load(path, mmap_mode="r")
        few = peaks(X[:FEW_ROWS], Path(name) / "few")
        all_ = peaks(X, Path(name) / "all")
    report.line(
        f"SeedEnsemble of {N_WORKERS} members in as many processes, {n_rows:,} images "
        f"{SHAPE} of uint8, {X.nbytes / 1e6:.0f} MB in a file\n"
    )
    # Workers may have changed in between: their smallest peak is what one needs.
    base = min(few.values())
    report.table(
        ["worker", f"MB, {FEW_ROWS} rows", f"MB, {n_rows:,} rows", "% of X more"],
        [
            [
                f"process {number}",
                megabytes(base),
                megabytes(peak),
                f"{100 * (peak - base) / X.nbytes:.1f}",
            ]
            for number, peak in enumerate(all_.values(), 1)
        ],
    )


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure the parts that are asked for."""
    if "time" in options.parts:
        measure_time(options, report)
    if "memory" in options.parts:
        measure_memory(options, report)
