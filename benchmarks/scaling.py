"""How time grows with rows and tasks, and falls with processes.

rows: one epoch and one prediction of small images, of growing numbers; time a row.
tasks: the same with the reference network, its digits learned 1, 4, 16 and 64 times.
labels: one task of 17 and of 1,000 labels, each there or not, beside one of 17 classes.
search: GridSearchCV over four candidates and two folds, in one process and several.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV

from benchmarks._mtlearn import make_estimator
from benchmarks._options import Option, names
from benchmarks._problem import Problem, choose, make_data
from benchmarks._report import Report
from benchmarks._timing import clock, interleave, ratios, spread
from mtlearn import Classification, Head, MultiLabel, Regression, Tasks

ALL_PARTS = ("rows", "tasks", "labels", "search")
OPTIONS = (
    Option("repeats", 3, 1, "rounds"),
    Option("parts", ALL_PARTS, ALL_PARTS, "what to measure", names),
    Option("rows", 640, 64, "rows of the parts tasks, labels and search"),
    Option("jobs", 2, 2, "processes of the search"),
)
ROWS = (1_000, 10_000, 100_000)
QUICK_ROWS = (40, 80)
TASK_COUNTS = (1, 4, 16, 64)
QUICK_TASK_COUNTS = (1, 4)
LABEL_COUNTS = (17, 1_000)
SMALL = Problem(image_size=8, widths=(8,), n_blocks=1, n_features=16)
HEADS = {"heads of one linear layer": Head(hidden=()), "default heads": None}
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
Clocks = dict[int, Callable[[], float]]


def small_images(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 8 x 8 images with a class and a value each, all at random."""
    rng = np.random.default_rng(0)
    size = SMALL.image_size
    X = rng.integers(256, size=(n_rows, size, size), dtype=np.uint8)
    return X, np.column_stack([rng.integers(4, size=n_rows), rng.random(n_rows)])


def row_clocks(counts: tuple[int, ...]) -> tuple[Clocks, Clocks]:
    """Return what fits and what predicts growing numbers of rows."""
    head = Head(hidden=())
    tasks = Tasks(kind=Classification(4, head=head), size=Regression(head=head))
    X, y = small_images(max(counts))
    fitted = make_estimator(SMALL, tasks).fit(X[:64], y[:64])
    fits = {
        n: clock(lambda n=n: make_estimator(SMALL, tasks).fit(X[:n], y[:n]))
        for n in counts
    }
    return fits, {n: clock(lambda n=n: fitted.predict(X[:n])) for n in counts}


def task_clocks(
    counts: tuple[int, ...], problem: Problem, head: Head | None
) -> tuple[Clocks, Clocks]:
    """Return what fits and what predicts growing numbers of tasks."""
    X, y = make_data(problem)
    fits, predictions = {}, {}
    for n in counts:
        kinds = {f"digit{k}": Classification(10, head=head) for k in range(n)}
        estimator = make_estimator(problem, Tasks(**kinds))
        targets = np.tile(y[:, :1], n) if n > 1 else y[:, 0]
        fits[n] = clock(partial(estimator.fit, X, targets))
        predictions[n] = clock(partial(estimator.predict, X))
    return fits, predictions


def growth(
    clocks: Clocks, rounds: int, report: Report, *, unit: str, each: bool
) -> None:
    """Print how time grows with a number; with `each`, time divided by it."""
    first = min(clocks)
    for timed in clocks.values():
        timed()  # to warm up
    seconds = interleave(clocks, rounds)
    header = ["", "median s"]
    if each:
        compared = {n: [value / n for value in seconds[n]] for n in clocks}
        header.append(f"microseconds a {unit}")
    else:
        compared = seconds
    header.append(f"/ {first:,}")
    rows = []
    for n, values in seconds.items():
        row = [f"{n:,} {unit}{'s' if n > 1 else ''}", f"{spread(values).median:.4g}"]
        if each:
            row.append(f"{1e6 * spread(compared[n]).median:.1f}")
        rows.append([*row, f"{ratios(compared, n, first).median:.3f}"])
    report.table(header, rows)


def label_clocks(problem: Problem) -> dict[str, Callable[[], float]]:
    """Return what fits one task of several labels, and one of as many classes."""
    X, _ = make_data(problem)
    rng = np.random.default_rng(0)
    few, many = LABEL_COUNTS
    tasks = {f"{n:,} labels": MultiLabel(n) for n in (few, many)}
    targets = {f"{n:,} labels": rng.integers(2, size=(len(X), n)) for n in (few, many)}
    tasks[f"{few} classes"] = Classification(few)
    targets[f"{few} classes"] = rng.integers(few, size=len(X))
    return {
        name: clock(partial(make_estimator(problem, task).fit, X, targets[name]))
        for name, task in tasks.items()
    }


def measure_labels(options: argparse.Namespace, report: Report) -> None:
    """Print how long an epoch of many labels takes beside one of classes."""
    clocks = label_clocks(choose(options.quick, options.rows))
    for timed in clocks.values():
        timed()  # to warm up
    seconds = interleave(clocks, options.repeats)
    *labelled, classes = clocks
    report.line(f"fit, one epoch of {options.rows} rows, one task\n")
    report.seconds(seconds, classes)
    for name in labelled:
        report.ratio(seconds, name, classes)
    report.line()


def search_clocks(problem: Problem, jobs: int) -> dict[str, Callable[[], float]]:
    """Return searches in one process and in several."""
    X, y = make_data(problem)
    estimator = make_estimator(problem, n_threads=1)
    grid = {"lr": list(RATES)}

    def search(n_jobs: int) -> Callable[[], float]:
        found = GridSearchCV(estimator, grid, cv=2, refit=False, n_jobs=n_jobs)
        return clock(lambda: found.fit(X, y))

    return {f"{jobs} processes": search(jobs), "1 process": search(1)}


def measure_search(options: argparse.Namespace, report: Report) -> None:
    """Print how long a search takes in one process and in several."""
    clocks = search_clocks(choose(options.quick, options.rows), options.jobs)
    several, one = clocks
    if not options.quick:
        clocks[several]()  # to start the processes, which stay
    seconds = interleave(clocks, options.repeats)
    report.line(
        f"GridSearchCV over {len(RATES)} candidates and 2 folds of {options.rows} "
        "rows, n_threads=1\n"
    )
    report.seconds(seconds, one)
    report.ratio(seconds, several, one)


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure the parts that are asked for."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    rounds = options.repeats
    if "rows" in options.parts:
        counts = QUICK_ROWS if options.quick else ROWS
        fits, predictions = row_clocks(counts)
        report.line("fit, one epoch, by the number of rows\n")
        growth(fits, rounds, report, unit="row", each=True)
        report.line("predict, by the number of rows\n")
        growth(predictions, rounds, report, unit="row", each=True)
    if "tasks" in options.parts:
        counts = QUICK_TASK_COUNTS if options.quick else TASK_COUNTS
        problem = choose(options.quick, options.rows)
        for title, head in HEADS.items():
            fits, predictions = task_clocks(counts, problem, head)
            report.line(f"fit, one epoch of {options.rows} rows, {title}\n")
            growth(fits, rounds, report, unit="task", each=False)
            report.line(f"predict {options.rows} rows, {title}\n")
            growth(predictions, rounds, report, unit="task", each=False)
    if "labels" in options.parts:
        measure_labels(options, report)
    if "search" in options.parts:
        measure_search(options, report)
