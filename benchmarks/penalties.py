"""Penalties across tasks: what they gain on small related tasks, and what a step costs.

Thirty linear regressions of a hundred features, each with forty rows of its own: a
table with holes, in which a row has one label. Their weights have a low rank, are in
five groups, use the same ten features, or are not related. Each method has its strength
chosen on forty more rows of each task. What is printed is the error on new rows over
the variance of y, exact, as X is drawn from a normal distribution; noise alone is 0.20.
All but the ridges of scikit-learn are fits of `MultiTaskEstimator`.

Then what a step takes with each penalty, beside one without. CPU seconds.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import Ridge as OneRidge

from benchmarks._options import Option, names
from benchmarks._report import Report
from benchmarks._timing import clock, interleave
from mtlearn import MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.losses import (
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Penalty,
    Ridge,
    TaskCovariance,
    TraceNorm,
)
from mtlearn.networks import MLP

N_TASKS, N_GROUPS, N_USED, RANK = 30, 5, 10, 3
NOISE = 0.5
APART = 0.05  # of the variance of weights in a group
STRUCTURES = ("low rank", "groups", "shared rows", "unrelated")
PARTS = ("gain", "steps")
RIDGE = "ridge, each task for itself"
ALL = "one ridge for all tasks"
# What a graph, which says nothing of a group's mean, and a covariance stand beside.
BESIDE = 0.3
OPTIONS = (
    Option("parts", PARTS, PARTS, "what to measure", names),
    Option("structures", STRUCTURES, STRUCTURES[1:2], "of weights", names),
    Option("seeds", 3, 1, "problems of each structure"),
    Option("rows", 40, 8, "of each task"),
    Option("features", 100, 5, "of a row"),
    Option("strengths", 9, 1, "of a penalty that are tried, at most"),
    Option("iterations", 100, 1, "of LBFGS in a fit"),
    Option("epochs", 4, 1, "of a fit whose steps are timed"),
    Option("rounds", 15, 1, "of the comparison of steps"),
)
# A fit of one: coefficients `(n_features, n_tasks)` and intercepts.
Found = tuple[np.ndarray, np.ndarray]


def make_weights(structure: str, n_features: int, seed: int) -> np.ndarray:
    """Return the true weights, `(n_features, n_tasks)`, of length 1 for each task."""
    rng = np.random.default_rng([STRUCTURES.index(structure), seed])
    weights = rng.normal(size=(n_features, N_TASKS))
    if structure == "low rank":
        weights = weights[:, :RANK] @ rng.normal(size=(RANK, N_TASKS))
    elif structure == "groups":
        means = rng.normal(size=(n_features, N_GROUPS))[:, group_of_tasks()]
        weights = np.sqrt(1 - APART) * means + np.sqrt(APART) * weights
    elif structure == "shared rows":
        weights[rng.permutation(n_features)[N_USED:]] = 0
    return weights / np.linalg.norm(weights, axis=0)


def group_of_tasks() -> np.ndarray:
    """Return the number of each task's group."""
    return np.arange(N_TASKS) * N_GROUPS // N_TASKS


def make_rows(
    weights: np.ndarray, n_rows: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, and labels of which each row has one; the others are missing."""
    rng = np.random.default_rng([len(STRUCTURES), seed])
    X = rng.normal(size=(n_rows * N_TASKS, len(weights)))
    task = np.repeat(np.arange(N_TASKS), n_rows)
    y = np.full((len(X), N_TASKS), np.nan)
    values = (X * weights[:, task].T).sum(axis=1)
    y[np.arange(len(X)), task] = values + NOISE * rng.normal(size=len(X))
    return X, y


def task_names() -> list[str]:
    """Return the names of the tasks."""
    return [f"t{number}" for number in range(N_TASKS)]


def edges(*, right: bool) -> list[tuple[str, str]]:
    """Return the pairs of tasks of a group, or of five groups of mostly other tasks."""
    group = group_of_tasks() if right else np.arange(N_TASKS) % N_GROUPS
    pairs = zip(*np.triu_indices(N_TASKS, 1), strict=True)
    found = task_names()
    return [(found[i], found[j]) for i, j in pairs if group[i] == group[j]]


def methods() -> dict[str, tuple[Callable[[float], Any], tuple[float, ...]]]:
    """Return what makes each penalty of a strength, and which strengths to try.

    Those near the middle of what is tried come first.
    """
    beside = Ridge(BESIDE)

    def graph(right: bool) -> Callable[[float], list[Penalty]]:
        return lambda strength: [GraphLaplacian(edges(right=right), strength), beside]

    return {
        "TraceNorm": (TraceNorm, (0.8, 0.4, 1.2, 2.0)),
        "GroupLasso": (GroupLasso, (0.5, 0.3, 0.8, 0.2)),
        "GraphLaplacian, right edges, + Ridge": (graph(True), (1.0, 0.3, 0.1)),
        "GraphLaplacian, wrong edges, + Ridge": (graph(False), (0.1, 0.03, 0.01)),
        "CommonMean + Ridge": (lambda s: [CommonMean(s), beside], (0.1, 0.03, 0.3)),
        "TaskCovariance": (TaskCovariance, (0.1, 0.05, 0.2, 0.02)),
        "TaskCovariance + Ridge": (
            lambda s: [TaskCovariance(s), Ridge(1.0)],
            (0.03, 0.1, 0.01),
        ),
    }


def fit_penalty(penalty: Any, X: np.ndarray, y: np.ndarray, n_iterations: int) -> Found:
    """Fit linear models by the estimator, on all rows at once."""
    tasks = Tasks.from_mapping(
        {name: Regression(standardize=False) for name in task_names()}
    )
    optimizer = Partial(
        torch.optim.LBFGS, max_iter=n_iterations, line_search_fn="strong_wolfe"
    )
    estimator = MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=()),
        penalty=penalty,
        optimizer=optimizer,
        lr=1.0,
        max_epochs=1,
        batch_size=len(X),
        random_state=0,
    ).fit(X, y)
    origin = estimator.predict(np.zeros((1, X.shape[1])))
    return estimator.predict(np.eye(X.shape[1])) - origin, origin[0]


def fit_ridge(strength: float, X: np.ndarray, y: np.ndarray) -> Found:
    """Fit a ridge to each column."""
    found = []
    for column in y.T:
        known = np.isfinite(column)
        found.append(OneRidge(strength).fit(X[known], column[known]))
    return np.column_stack([one.coef_ for one in found]), np.array(
        [one.intercept_ for one in found]
    )


def fit_one(strength: float, X: np.ndarray, y: np.ndarray) -> Found:
    """Fit one ridge to the labels of all tasks."""
    coef, intercept = fit_ridge(strength, X, np.nansum(y, axis=1)[:, np.newaxis])
    return np.repeat(coef, N_TASKS, axis=1), np.repeat(intercept, N_TASKS)


def error(found: Found, weights: np.ndarray) -> float:
    """Return the mean squared error on new rows over the variance of y."""
    coef, intercept = found
    apart = ((coef - weights) ** 2).sum(axis=0) + intercept**2
    return float(np.mean((apart + NOISE**2) / (1 + NOISE**2)))


def gains(
    structure: str, options: argparse.Namespace, seed: int
) -> Iterator[tuple[str, float, float]]:
    """Yield each method, its error and the strength that was chosen."""
    weights = make_weights(structure, options.features, seed)
    X, y = make_rows(weights, options.rows, 2 * seed)
    X_val, y_val = make_rows(weights, options.rows, 2 * seed + 1)
    ridges = tuple(np.geomspace(1, 300, options.strengths))
    tried: dict[str, tuple[Callable[[float], Found], Sequence[float]]] = {
        RIDGE: (partial(fit_ridge, X=X, y=y), ridges),
        ALL: (partial(fit_one, X=X, y=y), ridges),
    }
    for name, (make, strengths) in methods().items():

        def fit(strength: float, make: Callable[[float], Any] = make) -> Found:
            return fit_penalty(make(strength), X, y, options.iterations)

        tried[name] = fit, strengths[: options.strengths]
    for name, (fit, strengths) in tried.items():
        fits = {strength: fit(strength) for strength in strengths}
        misses = {
            strength: np.nanmean((y_val - X_val @ coef - intercept) ** 2)
            for strength, (coef, intercept) in fits.items()
        }
        best = min(misses, key=misses.__getitem__)
        yield name, error(fits[best], weights), best


def measure_gain(options: argparse.Namespace, report: Report) -> None:
    """Print the error of each method, and how much it is below that of a ridge."""
    report.line(
        f"{N_TASKS} regressions of {options.features} features and {options.rows} rows "
        f"each, {options.seeds} problems: error / variance of y (gain over {RIDGE}; "
        "strengths)\n"
    )
    for structure in options.structures:
        errors: dict[str, list[float]] = {}
        chosen: dict[str, list[str]] = {}
        for seed in range(options.seeds):
            report.progress(f"{structure}, problem {seed}")
            for name, value, strength in gains(structure, options, seed):
                errors.setdefault(name, []).append(value)
                chosen.setdefault(name, []).append(f"{strength:.3g}")
        base = np.array(errors[RIDGE])
        rows = []
        for name, values in errors.items():
            gain = np.mean(1 - np.array(values) / base)
            about = f"{np.mean(values):.3f} ± {np.std(values):.3f}"
            rows.append([name, about, f"{gain:+.0%}", " ".join(chosen[name])])
        report.table([structure, "error", "gain", "strengths"], rows)


def measure_steps(options: argparse.Namespace, report: Report) -> None:
    """Print what a step takes with each penalty, and without."""
    weights = make_weights("groups", options.features, 0)
    X, y = make_rows(weights, options.rows, 0)
    n_steps = -(-len(X) // 200)
    penalties = {
        "no penalty": None,
        "TraceNorm": TraceNorm(0.1),
        "GroupLasso": GroupLasso(0.1),
        f"GraphLaplacian, {len(edges(right=True))} edges": GraphLaplacian(
            edges(right=True), 0.1
        ),
        "CommonMean": CommonMean(0.1),
        "TaskCovariance": TaskCovariance(0.1),
        "Ridge": Ridge(0.1),
    }
    for title, columns in {f"{N_TASKS} tasks": N_TASKS, "3 tasks": 3}.items():
        tasks = {name: Regression() for name in task_names()[:columns]}
        usual = {key: each for key, each in penalties.items() if "Graph" not in key}
        clocks = {
            name: clock(
                partial(
                    MultiTaskEstimator(
                        Tasks.from_mapping(tasks),
                        penalty=penalty,
                        lr=1e-3,
                        lr_schedule=None,
                        max_epochs=options.epochs,
                        random_state=0,
                    ).fit,
                    X,
                    np.where(np.isfinite(y), y, 0.0)[:, :columns],
                ),
                process_time,
            )
            for name, penalty in (penalties if columns == N_TASKS else usual).items()
        }
        interleave(clocks, 1)  # to warm up
        seconds = interleave(clocks, options.rounds)
        report.line(
            f"A fit of {options.epochs * n_steps} steps of 200 rows, MLP of two layers "
            f"of 64, {title}, CPU seconds\n"
        )
        report.seconds(seconds, "no penalty")


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure the parts that are asked for."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if "gain" in options.parts:
        measure_gain(options, report)
    if "steps" in options.parts:
        measure_steps(options, report)
