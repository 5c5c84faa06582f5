"""What estimators reach when nothing is said, beside models of scikit-learn.

Problems of a few hundred to a few thousand rows with three targets each: scikit-learn's
digits as images and as a table, wine, and archives as that of MNIST, whose digits lie
in the middle (so that their slant is asked for, and of others the centre). `mtlearn`
learns all targets in one network; of scikit-learn, forests, boosting, support vectors
and a linear model learn each target alone, and the best of them on the test rows is
shown. Accuracy of classes, R2 of values; CPU seconds of a fit, of scikit-learn those of
the models shown. "constant" was the default once: a rate of 0.001 that stays, for 100
epochs, and for images half of the features dropped. Of the first epoch of the default,
its figures on training rows, while it trained, and after it on the test rows.
"""

import argparse
from collections.abc import Callable, Mapping
from time import process_time
from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks import _real_problems as real
from benchmarks._options import Option, names
from benchmarks._real_problems import Problem
from benchmarks._report import Report
from mtlearn import MultiTaskEstimator, MultiTaskImageEstimator, Partial
from mtlearn.estimators._course import epochs_for
from mtlearn.networks import ResNet

PROBLEMS = ("digits", "table", "red", "white")
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "constant": {"lr": 0.001, "lr_schedule": None, "max_epochs": 100},
}
ROWS = (*SETTINGS, "scikit-learn", "epoch 1")
EPOCH_1 = ("training, on the way", "training, after it", "held out")
OPTIONS = (
    Option("problems", PROBLEMS, ("digits", "red"), "which", names),
    Option("show", ROWS, ("default", "scikit-learn", "epoch 1"), "which", names),
    Option("seeds", 5, 2, "splits and seeds"),
    Option("rows", 700, 60, "of an archive of images"),
    Option("most", 10000, 60, "rows to learn from"),
    Option("test", 3000, 30, "rows of an archive to test with"),
    Option("mnist", "", "", "archive", str),
    Option("fashion", "", "", "archive", str),
    Option("cifar", "", "", "archive", str),
)
Read = Callable[[int], Problem]


def chosen_problems(options: argparse.Namespace) -> dict[str, Read]:
    """Return what reads each problem, for a seed."""
    most, test = options.most, options.test
    known: dict[str, Read] = {
        "digits": lambda seed: real.digits(most, test, seed),
        "table": lambda seed: real.digits_table(most, test, seed),
        "red": lambda seed: real.wine("red", most, seed),
        "white": lambda seed: real.wine("white", most, seed),
    }
    found = {name: known[name] for name in options.problems}
    archives = {
        "mnist": (real.DIGITS_WITH_LOOPS, real.slant),
        "fashion": (real.SHOES, real.centre),
        "cifar": (real.VEHICLES, real.centre),
    }
    for name, (group, shape) in archives.items():
        path = getattr(options, name)
        if path:
            read = real.from_archive(path, name, group, shape)
            found[name] = lambda seed, read=read: read(options.rows, test, seed)
    return found


def figures_of(y: np.ndarray, predicted: np.ndarray, problem: Problem) -> list[float]:
    """Return accuracy or R2 of each target."""
    metrics = [
        accuracy_score if task.has_classes else r2_score for task in problem.tasks
    ]
    pairs = zip(y.T, predicted.T, strict=True)
    return [float(f(*pair)) for f, pair in zip(metrics, pairs, strict=True)]


def score(problem: Problem, j: int, predicted: np.ndarray) -> float:
    """Return accuracy or R2 of one target of the test rows."""
    one = problem.tasks[problem.tasks.names[j]]
    metric = accuracy_score if one.has_classes else r2_score
    return float(metric(problem.y_test[:, j], predicted))


def estimator_of(problem: Problem, seed: int, **params: Any) -> Any:
    """Make the estimator for images or tables."""
    made: Any = MultiTaskImageEstimator if problem.has_images else MultiTaskEstimator
    if "lr" in params and problem.has_images:
        params["backbone"] = Partial(ResNet, dropout=0.5)
    return made(problem.tasks, random_state=seed, **params)


def fit_ours(
    problem: Problem, setting: Mapping[str, Any], seed: int, threads: int | None
) -> tuple[list[float], float]:
    """Train one network for all targets; return figures and seconds."""
    estimator = estimator_of(problem, seed, n_threads=threads, **setting)
    begin = process_time()
    estimator.fit(problem.X, problem.y)
    seconds = process_time() - begin
    predicted = estimator.predict(problem.X_test)
    return figures_of(problem.y_test, predicted, problem), seconds


def first_epoch(problem: Problem, seed: int, threads: int | None) -> np.ndarray:
    """Return the figures of the first epoch of the default, for each target.

    Those that its history has of training rows, on the way, and of validation rows; and
    between these, those of training rows with the weights that it ends with.
    """
    estimator = estimator_of(problem, seed, n_threads=threads)
    n_rows = len(problem.X)
    n_batches = -(-n_rows // estimator.batch_size)
    # One epoch of the whole cycle.
    schedule = Partial(
        OneCycleLR, max_lr=0.01, total_steps=n_batches * epochs_for(n_rows)
    )
    estimator.set_params(lr_schedule=schedule, max_epochs=1)
    estimator.fit(problem.X, problem.y, X_val=problem.X_test, y_val=problem.y_test)
    row, names = estimator.history_[0], problem.tasks.names
    after = figures_of(problem.y, estimator.predict(problem.X), problem)
    on_the_way, held_out = (
        [row[f"{of}_{name}_{figure(problem, name)}"] for name in names]
        for of in ("train", "valid")
    )
    return np.array([on_the_way, after, held_out])


def figure(problem: Problem, name: str) -> str:
    """Name the figure of a target."""
    return "accuracy" if problem.tasks[name].has_classes else "r2"


def models(*, classifies: bool) -> dict[str, Any]:
    """Return what scikit-learn has for one target."""
    if classifies:
        return {
            "forest": RandomForestClassifier(random_state=0),
            "boosting": HistGradientBoostingClassifier(random_state=0),
            "svm": make_pipeline(StandardScaler(), SVC()),
            "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        }
    return {
        "forest": RandomForestRegressor(random_state=0),
        "boosting": HistGradientBoostingRegressor(random_state=0),
        "svm": make_pipeline(StandardScaler(), SVR()),
        "linear": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 15))),
    }


def fit_theirs(problem: Problem) -> list[dict[str, tuple[float, float]]]:
    """Train each model for each target; return figures and seconds by name."""
    X, X_test = (each.reshape(len(each), -1) for each in (problem.X, problem.X_test))
    found = []
    for j, name in enumerate(problem.tasks.names):
        of_target = {}
        for label, model in models(classifies=problem.tasks[name].has_classes).items():
            begin = process_time()
            model.fit(X, problem.y[:, j])
            seconds = process_time() - begin
            of_target[label] = score(problem, j, model.predict(X_test)), seconds
        found.append(of_target)
    return found


def best_theirs(runs: list[list[dict[str, tuple[float, float]]]]) -> list[str]:
    """Show the model of each target that is best on average, and their seconds."""
    shown, total = [], 0.0
    for j in range(len(runs[0])):
        means = {
            name: np.mean([run[j][name][0] for run in runs]) for name in runs[0][j]
        }
        best = max(means, key=lambda name: means[name])
        shown.append(f"{spread([run[j][best][0] for run in runs])} ({best})")
        total += float(np.mean([run[j][best][1] for run in runs]))
    return [*shown, f"{total:.1f}"]


def spread(values: Any) -> str:
    """Show a mean and a deviation."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def rows_of(which: str, problems: list[Problem], threads: int | None) -> list[Any]:
    """Train what is asked for on each split, and show it in rows of a table."""
    if which == "scikit-learn":
        return [[which, *best_theirs([fit_theirs(p) for p in problems])]]
    if which == "epoch 1":
        figures = np.array(
            [first_epoch(p, seed, threads) for seed, p in enumerate(problems)]
        )
        return [
            [f"epoch 1, {of}", *map(spread, figures[:, at].T), ""]
            for at, of in enumerate(EPOCH_1)
        ]
    runs = [
        fit_ours(p, SETTINGS[which], seed, threads) for seed, p in enumerate(problems)
    ]
    columns = zip(*(figures for figures, _ in runs), strict=True)
    seconds = np.mean([seconds for _, seconds in runs])
    return [[f"mtlearn, {which}", *map(spread, columns), f"{seconds:.1f}"]]


def run(options: argparse.Namespace, report: Report) -> None:
    """Compare on each problem."""
    for label, read in chosen_problems(options).items():
        report.progress(label)
        problems = [read(seed) for seed in range(options.seeds)]
        rows = []
        for which in options.show:
            rows += rows_of(which, problems, options.threads)
        header = [problems[0].name, *problems[0].tasks.names, "seconds"]
        report.table(header, rows)
