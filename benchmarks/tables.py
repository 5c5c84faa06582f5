"""How good models of tables are, and how long they take to learn.

Problems: red and white wine (a score, and whether it is good), split so that wines of
the same measurements are on one side, and scikit-learn's diabetes (a value). Each model
of scikit-learn learns each target by itself; those of mtlearn learn both by one fit.
Mean over five folds, with the standard deviation; seconds of the processor of all fits
of a fold. The settings of `tabm` are the same for all problems, and were found with
other folds of red wine.
"""

import argparse
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks._options import Option, names
from benchmarks._report import Report
from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
from mtlearn.datasets import load_wine_quality

MODELS = ("forest", "boosting", "MLP", "mlp", "tabm")
PROBLEMS = "which of red, white, diabetes"
SPLITS = 5
OPTIONS = (
    Option(
        "problems", ("red", "white", "diabetes"), ("red", "diabetes"), PROBLEMS, names
    ),
    Option("models", MODELS, MODELS, "which", names),
    Option("trees", 300, 3, "of a forest"),
    Option("epochs", 30, 1, "of tabm"),
    Option("rows", 4898, 80, "at most"),
)


def problem(name: str, n_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, targets, and which rows are the same."""
    if name == "diabetes":
        X, values = load_diabetes(return_X_y=True)
        y = values[:, np.newaxis]
    else:
        X, y = load_wine_quality(color=name, return_X_y=True)
    groups = np.unique(X, axis=0, return_inverse=True)[1].ravel()
    rows = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return X[rows], y[rows], groups[rows]


def mlp(tasks: Tasks) -> MultiTaskEstimator:
    """Make a plain network, which learns at one rate."""
    return MultiTaskEstimator(
        tasks, lr=1e-3, lr_schedule=None, max_epochs=100, random_state=0
    )


def tabm(tasks: Tasks, epochs: int) -> MultiTaskEstimator:
    """Make a network of members, with the settings that the guide recommends."""
    return MultiTaskEstimator(
        tasks,
        backbone="tabm",
        precision="float32",
        optimizer="adamw",
        lr=4e-3,
        weight_decay=3e-4,
        lr_schedule="cosine",
        max_epochs=epochs,
        batch_size=128,
        random_state=0,
    )


def joint(make: Callable[[Tasks], Any]) -> Callable[..., np.ndarray]:
    """Learn all targets by one fit."""

    def predict(X: np.ndarray, y: np.ndarray, X_test: np.ndarray) -> np.ndarray:
        tasks = Tasks(value=Regression())
        if y.shape[1] == 2:
            tasks = Tasks(value=Regression(), good=Classification(2))
        model = make_pipeline(StandardScaler(), make(tasks))
        model.fit(X, y if y.shape[1] == 2 else y[:, 0])
        return model.predict(X_test).reshape(len(X_test), -1)

    return predict


def apart(*models: Any) -> Callable[..., np.ndarray]:
    """Learn a value by the first model, and a class by the second one."""

    def predict(X: np.ndarray, y: np.ndarray, X_test: np.ndarray) -> np.ndarray:
        pairs = zip(models, y.T, strict=False)
        return np.column_stack([m.fit(X, each).predict(X_test) for m, each in pairs])

    return predict


def contenders(options: argparse.Namespace) -> dict[str, Callable[..., np.ndarray]]:
    """Return what learns targets and predicts those of other rows, by name."""
    forest = {"n_estimators": options.trees, "random_state": 0}
    network = {"early_stopping": True, "max_iter": 500, "random_state": 0}
    plain = {"random_state": 0}
    found = {
        "forest": apart(
            RandomForestRegressor(**forest), RandomForestClassifier(**forest)
        ),
        "boosting": apart(
            HistGradientBoostingRegressor(**plain),
            HistGradientBoostingClassifier(**plain),
        ),
        "MLP": apart(
            make_pipeline(StandardScaler(), MLPRegressor(**network)),
            make_pipeline(StandardScaler(), MLPClassifier(**network)),
        ),
        "mlp": joint(mlp),
        "tabm": joint(lambda tasks: tabm(tasks, options.epochs)),
    }
    return {name: found[name] for name in options.models}


def run(options: argparse.Namespace, report: Report) -> None:
    """Print figures of each problem and model."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    report.line("MLP is scikit-learn's; mlp and tabm are backbones of mtlearn\n")
    for name in options.problems:
        X, y, groups = problem(name, options.rows)
        splits = GroupKFold(SPLITS, shuffle=True, random_state=1)
        report.line(f"{name}: {len(X)} rows, {X.shape[1]} columns\n")
        rows = []
        for model, predict in contenders(options).items():
            found = []
            for train, test in splits.split(X, groups=groups):
                begin = process_time()
                predicted = predict(X[train], y[train], X[test])
                found.append([*figures(y[test], predicted), process_time() - begin])
            *scores, seconds = np.transpose(found)
            cells = [f"{np.mean(x):.4g} ± {np.std(x):.2g}" for x in scores]
            rows.append([model, *cells, f"{np.mean(seconds):.1f}"])
            report.progress(" ".join(rows[-1]))
        heads = ["mean squared error", "accuracy"][: y.shape[1]]
        report.table(["", *heads, "s a fold"], rows)


def figures(y: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Return the error of the values, and the accuracy if there are classes."""
    found = [float(np.mean((predicted[:, 0] - y[:, 0]) ** 2))]
    if y.shape[1] == 2:
        found.append(float(np.mean(predicted[:, 1] == y[:, 1])))
    return found
