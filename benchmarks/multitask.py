"""What methods against conflicts of tasks bring, beside equal weights and single nets.

Problems: two of scikit-learn's digits over each other (`digits`), and wine (red and
white; most labels of its quality are taken away). With archives as that of MNIST, with
`X_train`, `y_train`, `X_test` and `y_test`: two of their images over each other, both
of the first (`pairs`, as MultiMNIST) or one of each (`mixed`, as MultiFashion+MNIST).
What penalties bring on thirty small related tasks is printed by `penalties`.

Each method trains with the same rows and seeds. Process time of fits over that of
equal weights.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from torch import Tensor, nn

from benchmarks._options import Option, names
from benchmarks._report import Report
from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.datasets import load_wine_quality
from mtlearn.inspection import MethodComparison, compare_methods
from mtlearn.losses import AGGREGATIONS, TaskCovariance
from mtlearn.networks import CGC, MLP, ResNet

BALANCING = ("uncertainty", "dwa", "rlw", "gls", "famo", "gradnorm")
SOFT = "soft sharing"
BY_TASK = "stopping by task"
COVARIANCE = "task covariance"
LATE = "late split"  # a wider body, and in each head the dense layer
METHODS = (*BALANCING, *AGGREGATIONS, SOFT, LATE, BY_TASK, COVARIANCE)
DENSE = 50  # units of the dense layer
SHIFT = 0.25  # of the side, by which the second image lies lower and to the right
HIDDEN_LABELS = 0.7  # of the quality of wine
OPTIONS = (
    Option("problems", ("digits", "wine"), ("digits", "wine"), "which", names),
    Option("networks", ("lenet",), ("lenet",), "lenet, late or resnet", names),
    Option("methods", METHODS, ("famo", "pcgrad", SOFT, LATE), "which", names),
    Option("seeds", 5, 2, "of each method"),
    Option("samples", 10000, 60, "pairs of images to learn from"),
    Option("test", 5000, 30, "pairs of images to test with"),
    Option("epochs", 6, 1, "of a network for images"),
    Option("precision", "auto", "float32", "of a network for images", str),
    Option("rows", 6497, 120, "of wine, at most"),
    Option("table-epochs", 40, 2, "of a network for wine, at most"),
    Option("known", "", "", "archive of images", str),
    Option("other", "", "", "archive of the second image", str),
)
Rows = tuple[np.ndarray, np.ndarray]


class LeNet(nn.Module):
    """Two convolutions with pooling and, unless heads have it, a dense layer."""

    def __init__(
        self,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        widths: tuple[int, int] = (10, 20),
        dense: bool = True,
    ) -> None:
        super().__init__()
        first, last = widths
        self.maps = nn.Sequential(
            *(nn.Conv2d(in_channels, first, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(first, last, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            nn.Flatten(),
        )
        if dense:
            height, width = (side // 4 for side in image_size)
            self.maps.extend([nn.Linear(last * height * width, DENSE), nn.ReLU()])

    def forward(self, x: Tensor) -> Tensor:
        """Return features of each image."""
        return self.maps(x)


def read_archive(path: str) -> tuple[Rows, Rows]:
    """Return images in [0, 1] and labels, to learn from and to test with."""
    with np.load(Path(path)) as archive:
        arrays = {name.lower(): archive[name] for name in archive.files}
    train, test = (
        (arrays[f"x_{part}"].astype(np.float32) / 255, arrays[f"y_{part}"])
        for part in ("train", "test")
    )
    return train, test


def read_digits() -> tuple[Rows, Rows]:
    """Return scikit-learn's digits likewise."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32).reshape(-1, 8, 8)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.4, stratify=y, random_state=0
    )
    return (X, y), (X_test, y_test)


def overlay(first: Rows, second: Rows, n_samples: int, seed: int) -> Rows:
    """Lay one image over another, each pixel the lighter one; labels of both."""
    rng = np.random.default_rng(seed)
    rows = [rng.integers(len(X), size=n_samples) for X, _ in (first, second)]
    (upper, one), (lower, other) = (
        (X[row], y[row]) for (X, y), row in zip((first, second), rows, strict=True)
    )
    side = upper.shape[1]
    shift = round(SHIFT * side)
    canvas = np.zeros((n_samples, side + shift, side + shift), np.float32)
    canvas[:, :side, :side] = upper
    canvas[:, shift:, shift:] = np.maximum(canvas[:, shift:, shift:], lower)
    return canvas, np.column_stack([one, other])


def image_problem(name: str, options: argparse.Namespace) -> tuple[Rows, Any, Tasks]:
    """Return pairs of images, how they are split, and the tasks."""
    if name == "digits":
        first = second = read_digits()
    else:
        first = read_archive(options.known)
        second = read_archive(options.other) if name == "mixed" else first
    parts = [
        overlay(one, other, n_samples, seed)
        for seed, (one, other, n_samples) in enumerate(
            zip(first, second, (options.samples, options.test), strict=True)
        )
    ]
    X, y = (np.concatenate(each) for each in zip(*parts, strict=True))
    number = np.arange(len(X))
    split = [(number[: options.samples], number[options.samples :])]
    tasks = Tasks(upper=Classification(10), lower=Classification(10))
    return (X, y), split, tasks


def wine_problem(options: argparse.Namespace) -> tuple[Rows, Any, np.ndarray, Tasks]:
    """Return wine with holes, how it is split and grouped, and the tasks."""
    frames = [load_wine_quality(color=color) for color in ("red", "white")]
    names_of = list(frames[0].feature_names)
    alcohol = names_of.index("alcohol")
    measured = np.concatenate([each.data for each in frames])
    quality, good = np.concatenate([each.target for each in frames]).T
    color = np.repeat([0.0, 1.0], [len(each.data) for each in frames])
    X = np.column_stack([np.delete(measured, alcohol, axis=1), color])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rng = np.random.default_rng(0)
    seen = np.where(rng.random(len(X)) < HIDDEN_LABELS, np.nan, quality)
    y = np.column_stack([seen, good, measured[:, alcohol]])
    rows = rng.permutation(len(X))[: options.rows]
    # Wines of the same measurements are one wine, on one side of a split.
    groups = np.unique(measured, axis=0, return_inverse=True)[1].ravel()
    split = GroupShuffleSplit(options.seeds, test_size=0.2, random_state=0)
    tasks = Tasks(quality=Regression(), good=Classification(2), alcohol=Regression())
    return (X[rows], y[rows]), split, groups[rows], tasks


def chosen_methods(
    options: argparse.Namespace,
    networks: Mapping[str, Mapping[str, Any]],
    *,
    validates: bool,
) -> dict[str, dict[str, Any]]:
    """Return the parameters of each method that was asked for."""
    known: dict[str, dict[str, Any]] = {
        **{name: {"loss_weights": name} for name in BALANCING},
        **{name: {"aggregation": name} for name in AGGREGATIONS},
        **{name: dict(each) for name, each in networks.items()},
        COVARIANCE: {"penalty": TaskCovariance(0.01)},
    }
    if validates:  # what has no best epoch has none of each task
        known[BY_TASK] = {"early_stopping": "task"}
    return {name: known[name] for name in options.methods if name in known}


def compare_images(
    problem: str, network: str, options: argparse.Namespace
) -> MethodComparison:
    """Train on pairs of images by each method."""
    (X, y), split, tasks = image_problem(problem, options)
    small = {"widths": (8, 16, 32), "n_blocks": 1, "n_features": 50, "dropout": 0.0}
    backbone: Any = Partial(ResNet, **small) if network == "resnet" else LeNet
    estimator = MultiTaskImageEstimator(
        tasks,
        backbone=backbone,
        lr=0.003,
        lr_schedule="one_cycle",
        batch_size=128,
        max_epochs=options.epochs,
        n_threads=options.threads,
        device="cpu",
        precision=options.precision,
    )
    head = Head(hidden=(DENSE,))
    late = {
        "backbone": Partial(LeNet, widths=(20, 40), dense=False),
        "tasks": Tasks(**{name: Classification(10, head=head) for name in tasks.names}),
    }
    experts = Partial(CGC, trunk="resnet", trunk_params=small, hidden=(50,))
    others: dict[str, Mapping[str, Any]] = {}
    if network == "late":  # of which single networks are as wide
        estimator.set_params(**late)
    elif network == "lenet":
        others = {LATE: late}
    else:
        others = {SOFT: {"backbone": experts}}
    methods = chosen_methods(options, others, validates=False)
    return compare_methods(
        estimator,
        X,
        y,
        methods,
        cv=split,
        n_repeats=options.seeds,
        random_state=0,
    )


def compare_wine(options: argparse.Namespace) -> MethodComparison:
    """Train on wine by each method."""
    (X, y), split, groups, tasks = wine_problem(options)
    estimator = MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=(64, 64)),
        lr=0.0003,
        batch_size=256,
        max_epochs=options.table_epochs,
        early_stopping=True,
        validation_fraction=0.25,
        n_threads=options.threads,
    )
    experts = {SOFT: {"backbone": Partial(CGC, trunk="mlp", hidden=(64,))}}
    return compare_methods(
        estimator,
        X,
        y,
        chosen_methods(options, experts, validates=True),
        groups=groups,
        cv=split,
        # A relative change of R2 would depend on how small it is.
        metrics={"quality": "rmse", "alcohol": "rmse"},
        random_state=0,
    )


def show(title: str, found: MethodComparison, report: Report) -> None:
    """Print a line for each method."""
    figures: dict[str, list[str]] = {}
    over: dict[str, list[str]] = {}
    for row in found.rows:
        value = f"{row['value']:.4f} ± {row['deviation']:.4f}"
        figures.setdefault(row["method"], []).append(value)
        low, high = (f"{row[f'over_equal_{end}']:+.4f}" for end in ("low", "high"))
        over.setdefault(row["method"], []).append(f"{low} to {high}")
    tasks = [row["task"] for row in found.rows if row["method"] == "equal"]
    kinds = [row["metric"] for row in found.rows if row["method"] == "equal"]
    head = [f"{task}, {metric}" for task, metric in zip(tasks, kinds, strict=True)]
    rows = [
        [
            line["method"],
            *figures[line["method"]],
            f"{line['delta_m']:+.2f} ({line['low']:+.2f} to {line['high']:+.2f})",
            "" if np.isnan(line["mean_rank"]) else f"{line['mean_rank']:.1f}",
            f"{line['time_ratio']:.2f}",
        ]
        for line in found.summary
    ]
    report.table([title, *head, "Δm %", "rank", "time"], rows)
    below = [[name, *each] for name, each in over.items() if name != "equal"]
    report.table(["over equal weights, 95 %", *head], below)


def run(options: argparse.Namespace, report: Report) -> None:
    """Compare on each problem, by each network."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    problems = list(options.problems)
    problems += ["pairs"] if options.known else []
    problems += ["mixed"] if options.known and options.other else []
    for problem in problems:
        if problem == "wine":
            report.progress("wine")
            show("wine", compare_wine(options), report)
            continue
        for network in options.networks:
            report.progress(f"{problem}, {network}")
            found = compare_images(problem, network, options)
            show(f"{problem}, {network}", found, report)
