"""What members of an ensemble that are trained together take, beside one by one.

SeedEnsemble of small MLPs on red wine, one torch thread, with vectorized=True and
False: process time of a whole fit, the two of them in turn.
"""

import argparse
from functools import partial
from time import process_time

import torch
from sklearn.preprocessing import StandardScaler

from benchmarks._options import Option
from benchmarks._report import Report
from benchmarks._timing import clock, interleave
from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.datasets import load_wine_quality
from mtlearn.networks import MLP

OPTIONS = (
    Option("repeats", 3, 1, "rounds"),
    Option("members", 8, 2, "networks"),
    Option("epochs", 10, 1, "of each"),
    Option("rows", 1599, 60, "of wine, at most"),
)
# Hidden layers, and rows of a batch.
SIZES = (((16,), 32), ((32, 32), 32), ((32, 32), 200), ((64, 64), 200))
APART, TOGETHER = "one after the other", "together"


def run(options: argparse.Namespace, report: Report) -> None:
    """Print the process time of both for each size of network and batch."""
    torch.set_num_threads(1)
    X, y = load_wine_quality(return_X_y=True)
    X, y = StandardScaler().fit_transform(X[: options.rows]), y[: options.rows]
    tasks = Tasks(quality=Regression(), good=Classification(2))
    report.line(
        f"SeedEnsemble of {options.members} MLPs, {options.epochs} epochs of {len(X)} "
        f"rows, {options.repeats} rounds: process time of a fit\n"
    )
    for hidden, batch_size in SIZES[:1] if options.quick else SIZES:
        report.progress(f"{hidden}, {batch_size}")
        estimator = MultiTaskEstimator(
            tasks,
            backbone=Partial(MLP, hidden=hidden),
            batch_size=batch_size,
            max_epochs=options.epochs,
            n_threads=1,
            device="cpu",
        )

        def fit(vectorized: bool, estimator: MultiTaskEstimator = estimator) -> None:
            SeedEnsemble(
                estimator, options.members, random_state=0, vectorized=vectorized
            ).fit(X, y)

        for vectorized in (True, False):
            fit(vectorized)  # what is imported at first
        clocks = {
            TOGETHER: clock(partial(fit, True), process_time),
            APART: clock(partial(fit, False), process_time),
        }
        seconds = interleave(clocks, options.repeats)
        report.line(f"hidden={hidden}, batch_size={batch_size}")
        report.seconds(seconds, TOGETHER)
        report.ratio(seconds, APART, TOGETHER)
        report.line()
