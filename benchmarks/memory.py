"""Memory that fit and predict take beside a memory-mapped array.

Writes uint8 images of 64 x 64 x 3 to a temporary file, piece by piece, and lets fresh
processes map it and fit or predict it. A thread reads every few milliseconds how much
anonymous memory (RssAnon: not pages of the file) the process has. Each line compares
the peak over all rows with that over 256 rows, both above what the process had before
the call; y is made before the call and is not in it, the results are, unless they are
written to a file (out=).
"""

import argparse
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from benchmarks._options import Option
from benchmarks._process import call_in_process
from benchmarks._report import Report

OPTIONS = (Option("gigabytes", 2.0, 0.01, "size of the array", float),)
SHAPE = (64, 64, 3)
FEW_ROWS = 256
PIECE = 2_000  # rows written at a time
BETWEEN = 0.003  # seconds between two looks
OUT = "labels.npy"
STATUS = Path("/proc/self/status")
CALLS = {
    "fit": ("fit", False),
    "fit, early_stopping=True": ("fit", True),
    "predict": ("predict", False),
    "predict, out=": ("out", False),
}
NO_PROC = (
    "Not measured: anonymous memory is read from /proc/self/status, which this system "
    "does not have."
)


@dataclass(frozen=True)
class Usage:
    """What a call took, in bytes.

    Attributes
    ----------
    peak : int
        Anonymous memory at most, above that before the call.
    targets, results : int
        Size of y and of what the call returned.
    """

    peak: int
    targets: int
    results: int


def anonymous_bytes() -> int:
    """Return how much anonymous memory this process has."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"{STATUS} has no line RssAnon.")


class PeakWatch:
    """Follows the anonymous memory of this process while the context is open."""

    def __init__(self, read: Callable[[], int] = anonymous_bytes) -> None:
        self.read = read
        self.before = self.peak = 0

    def __enter__(self) -> Self:
        self._end = threading.Event()
        self.before = self.peak = self.read()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()
        return self

    def _follow(self) -> None:
        while not self._end.wait(BETWEEN):
            self.peak = max(self.peak, self.read())

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()
        self.peak = max(self.peak, self.read())


def write_images(path: Path, n_rows: int) -> None:
    """Write random images as a .npy file without holding them in memory."""
    rng = np.random.default_rng(0)
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)),
        "fortran_order": False,
        "shape": (n_rows, *SHAPE),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n_rows, PIECE):
            rows = min(PIECE, n_rows - start)
            file.write(rng.integers(256, size=(rows, *SHAPE), dtype=np.uint8).data)


def make_targets(n_rows: int) -> np.ndarray:
    """Return a class and a value for each row."""
    rng = np.random.default_rng(0)
    return np.column_stack([rng.integers(4, size=n_rows), rng.random(n_rows)])


def measure(
    path: str, method: str, early_stopping: bool, n_rows: int, threads: int | None
) -> Usage:
    """Fit or predict the first rows of the file, in a process made for it."""
    import torch

    from mtlearn import (
        Classification,
        MultiTaskImageEstimator,
        Partial,
        Regression,
        Tasks,
    )
    from mtlearn.networks import ResNet

    if threads is not None:
        torch.set_num_threads(threads)
    estimator = MultiTaskImageEstimator(
        Tasks(kind=Classification(4), size=Regression()),
        backbone=Partial(ResNet, widths=(4,), n_blocks=1, n_features=8),
        batch_size=32,
        max_epochs=1,
        early_stopping=early_stopping,
        device="cpu",
        random_state=0,
    )
    X, y = np.load(path, mmap_mode="r")[:n_rows], make_targets(n_rows)
    # torch and skorch set themselves up in the first call, which is not our question.
    estimator.fit(X[:64], y[:64])
    call = {
        "fit": partial(estimator.fit, X, y),
        "predict": partial(estimator.predict, X),
        "out": partial(estimator.predict, X, out=Path(path).with_name(OUT)),
    }
    with PeakWatch() as watch:
        result = call[method]()
    in_memory = isinstance(result, np.ndarray) and not isinstance(result, np.memmap)
    size = result.nbytes if in_memory else 0
    Path(path).with_name(OUT).unlink(missing_ok=True)
    return Usage(watch.peak - watch.before, y.nbytes, size)


def megabytes(size: int) -> str:
    """Return a size in millions of bytes."""
    return f"{size / 1e6:.1f}"


def run(options: argparse.Namespace, report: Report) -> None:
    """Write the array, measure every call and print the peaks."""
    if not STATUS.exists():
        report.line(NO_PROC)
        return
    n_rows = max(int(options.gigabytes * 1e9 / np.prod(SHAPE)), FEW_ROWS)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        report.progress(f"writing {n_rows:,} images")
        write_images(path, n_rows)
        report.line(
            f"{n_rows:,} images {SHAPE} of uint8, {path.stat().st_size / 1e9:.2f} GB\n"
        )
        for title, (method, stops) in CALLS.items():
            report.progress(title)
            few, all_ = (
                call_in_process(
                    "benchmarks.memory:measure",
                    str(path),
                    method,
                    stops,
                    n,
                    options.threads,
                )
                for n in (FEW_ROWS, n_rows)
            )
            sizes = (few.peak, all_.peak, all_.peak - few.peak)
            rows.append([title, *map(megabytes, (*sizes, all_.targets, all_.results))])
    report.table(
        [
            "MB",
            f"peak, {FEW_ROWS} rows",
            f"peak, {n_rows:,} rows",
            "difference",
            "y (not in it)",
            "results (in it)",
        ],
        rows,
    )
