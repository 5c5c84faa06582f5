"""Batch norms: what their statistics cost an epoch, and what validation sees by them.

Before validation the statistics are computed anew on some rows of the epoch. First that
pass, beside an epoch of training, in turn; then what the history says of training and
held-out rows in the first epochs.
"""

import argparse

import torch

from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option
from benchmarks._problem import Problem, choose, make_data
from benchmarks._report import Report
from benchmarks._timing import clock, interleave, ratios, spread
from mtlearn.data import Samples
from mtlearn.training._statistics import refresh_batch_norms, rows_for_statistics

OPTIONS = (
    Option("repeats", 7, 2, "rounds, of an epoch each"),
    Option("epochs", 5, 2, "of the history"),
    Option("rows", 700, 60, "that the history's network trains on"),
)


def cost(problem: Problem, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of an epoch without that pass, and of the pass."""
    X, y = make_data(problem)
    n_rows = rows_for_statistics(len(X))
    some = Samples(X[:n_rows, :, :, None])
    # With the validation rows of a user's, the end of training makes no such pass.
    estimator = make_estimator(problem, warm_start=True, restore_best=False)
    one = {"X_val": X[:1], "y_val": y[:1]}
    clocks = {
        "epoch": clock(lambda: estimator.fit(X, y, **one)),
        "statistics": clock(lambda: refresh_batch_norms(estimator.net_, some)),
    }
    interleave(clocks, 1)  # to warm up
    seconds = interleave(clocks, repeats)
    # The epoch makes the pass too, before its one row of validation.
    pairs = zip(*seconds.values(), strict=True)
    return {**seconds, "epoch": [epoch - again for epoch, again in pairs]}


def history(problem: Problem, n_rows: int, epochs: int) -> list[dict[str, float]]:
    """Return the history of a network that is validated on the other rows."""
    X, y = make_data(problem)
    estimator = make_estimator(problem, max_epochs=epochs, restore_best=False)
    held_out = slice(n_rows, n_rows + 500)
    estimator.fit(X[:n_rows], y[:n_rows], X_val=X[held_out], y_val=y[held_out])
    return estimator.history_


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure the pass, print its share, and the first rows of a history."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    problem = choose(options.quick)
    seconds = cost(problem, options.repeats)
    share = ratios(seconds, "statistics", "epoch")
    assert share is not None
    report.line(f"{problem.n_rows} images, {options.repeats} rounds\n")
    report.table(
        ["", "median s"],
        [[name, f"{spread(each).median:.3f}"] for name, each in seconds.items()],
    )
    report.line(
        f"Statistics on {rows_for_statistics(problem.n_rows)} rows over an epoch: "
        f"{share.median:.4f} ({share.low:.4f} to {share.high:.4f})\n"
    )
    report.line(f"{options.rows} of the images, the next ones held out\n")
    keys = ("train_loss", "valid_loss", "train_score", "valid_score")
    report.table(
        ["epoch", *(key.replace("_", " ") for key in keys)],
        [
            [str(row["epoch"]), *(f"{row[key]:.3f}" for key in keys)]
            for row in history(problem, options.rows, options.epochs)
        ],
    )
