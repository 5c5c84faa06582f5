"""Prediction by an ONNX file in onnxruntime, beside `predict`.

The reference network for images and the default one for tables, each with 1, 32 and
1,000 rows. The file gives probabilities and values of rows that it does not check;
`predict` checks rows, and makes labels of these. Both compute with as many threads.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option
from benchmarks._problem import choose, make_data
from benchmarks._report import Report
from benchmarks._timing import clock, interleave
from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks, to_onnx
from mtlearn.datasets import load_wine_quality

OPTIONS = (Option("repeats", 15, 1, "rounds of 1,000 rows; of fewer more, up to 300"),)
ROWS = (1, 32, 1000)
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
MISSING = (
    "Not measured: a package is not installed. "
    'Get all by: pip install "mtlearn[onnx]" onnxruntime'
)


def session(estimator: Any, threads: int) -> Callable[[np.ndarray], object]:
    """Return what runs the file of an estimator on float32 rows."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        to_onnx(estimator, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        made = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
    (given,) = made.get_inputs()
    return lambda X: made.run(None, {given.name: X.reshape(len(X), *given.shape[1:])})


def measure(
    title: str, X: np.ndarray, estimators: dict[str, Any], repeats: int, report: Report
) -> None:
    """Print the seconds of each estimator, and of the file of the first one."""
    name = next(iter(estimators))
    run_file = session(estimators[name], torch.get_num_threads())
    for n_rows in ROWS:
        rows = X[:n_rows]
        cast = np.ascontiguousarray(rows, dtype=np.float32)
        acts = {key: partial(each.predict, rows) for key, each in estimators.items()}
        acts["onnxruntime"] = partial(run_file, cast)
        clocks = {key: clock(act) for key, act in acts.items()}
        interleave(clocks, 2)  # to warm up
        seconds = interleave(clocks, min(300, repeats * max(1, 1000 // n_rows)))
        report.line(f"{title}, {len(rows):,} rows\n")
        report.seconds(seconds, name)


def run(options: argparse.Namespace, report: Report) -> None:
    """Fit the estimators, export them, and print tables."""
    if any(find_spec(package) is None for package in PACKAGES):
        report.line(MISSING)
        return
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    problem = choose(options.quick)
    X, y = make_data(problem)
    few = slice(0, 4 * problem.batch_size)
    images = {
        "predict, float32": make_estimator(problem, precision="float32"),
        "predict, default": make_estimator(problem),
    }
    for each in images.values():
        each.fit(X[few], y[few])
    measure("Images", X, images, options.repeats, report)
    X, y = load_wine_quality(return_X_y=True)
    tasks = Tasks(quality=Regression(), good=Classification(2))
    table = MultiTaskEstimator(tasks, max_epochs=1, random_state=0).fit(X, y)
    measure("Tables", X, {"predict": table}, options.repeats, report)
