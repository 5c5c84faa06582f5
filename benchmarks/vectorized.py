"""What members of an ensemble that are trained together take, beside one by one.

SeedEnsemble of small MLPs on red wine, and of a small ResNet on digits, one torch
thread, with vectorized=True and False: process time of a fit, the two in turn.
"""

import argparse
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from benchmarks._options import Option
from benchmarks._report import Report
from benchmarks._timing import clock, interleave
from mtlearn import (
    Classification,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.datasets import load_wine_quality
from mtlearn.networks import MLP, ResNet

OPTIONS = (
    Option("repeats", 3, 1, "rounds"),
    Option("members", 8, 2, "networks"),
    Option("epochs", 10, 1, "of each"),
    Option("rows", 1599, 60, "of wine, at most"),
    Option("images", 400, 40, "of digits, for an epoch"),
)
# Hidden layers, and rows of a batch.
SIZES = (((16,), 32), ((32, 32), 32), ((32, 32), 200), ((64, 64), 200))
APART, TOGETHER = "one after the other", "together"


def dense(hidden: tuple[int, ...], batch_size: int, epochs: int) -> MultiTaskEstimator:
    """Return an MLP for wine."""
    return MultiTaskEstimator(
        Tasks(quality=Regression(), good=Classification(2)),
        backbone=Partial(MLP, hidden=hidden),
        lr=1e-3,
        lr_schedule=None,
        batch_size=batch_size,
        max_epochs=epochs,
        n_threads=1,
        device="cpu",
    )


def residual(epochs: int) -> MultiTaskImageEstimator:
    """Return a small residual network for digits."""
    return MultiTaskImageEstimator(
        Tasks(digit=Classification(10)),
        backbone=Partial(
            ResNet, widths=(8, 16), n_blocks=1, n_features=16, dropout=0.5
        ),
        lr=1e-3,
        lr_schedule=None,
        max_epochs=epochs,
        precision="float32",
        n_threads=1,
        device="cpu",
    )


def compare(
    name: str,
    estimator: Any,
    data: tuple[np.ndarray, np.ndarray],
    options: argparse.Namespace,
    report: Report,
) -> None:
    """Print the process time of a fit, of members together and apart."""
    report.progress(name)

    def fit(vectorized: bool) -> None:
        SeedEnsemble(
            estimator, options.members, random_state=0, vectorized=vectorized
        ).fit(*data)

    clocks = {
        TOGETHER: clock(partial(fit, True), process_time),
        APART: clock(partial(fit, False), process_time),
    }
    for each in clocks.values():
        each()  # what is imported at first
    seconds = interleave(clocks, options.repeats)
    report.line(f"{name}, {len(data[0])} rows, epochs={estimator.max_epochs}")
    report.seconds(seconds, TOGETHER)
    report.ratio(seconds, APART, TOGETHER)
    report.line()


def run(options: argparse.Namespace, report: Report) -> None:
    """Print the process time of both for each size of network and batch."""
    torch.set_num_threads(1)
    X, y = load_wine_quality(return_X_y=True)
    wine = StandardScaler().fit_transform(X[: options.rows]), y[: options.rows]
    report.line(
        f"SeedEnsemble of {options.members} members, {options.repeats} rounds: process "
        "time of a fit\n"
    )
    for hidden, batch_size in SIZES[:1] if options.quick else SIZES:
        name = f"MLP hidden={hidden}, batch_size={batch_size}"
        estimator = dense(hidden, batch_size, options.epochs)
        compare(name, estimator, wine, options, report)
    images, labels = load_digits(return_X_y=True)
    pixels = images.reshape(-1, 8, 8, 1)[: options.images].astype(np.float32) / 16
    digits = pixels, labels[: options.images]
    compare("ResNet widths=(8, 16)", residual(1), digits, options, report)
