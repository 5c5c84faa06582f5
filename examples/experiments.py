"""Experiments on the training recipe, each a grid search over settings and seeds.

``learning_rate``, ``schedule``, ``loss_weights`` and ``ablation`` each compare a few
settings on ``mtlearn.datasets.make_multitask_digits``, with one split and several
seeds. Prints the figures of every task (mean ± standard deviation over seeds) and
draws them to ``outputs/experiment-{name}-{domain}.png``.

Run from anywhere: ``python examples/experiments.py ablation --domain spectrum``
"""

import argparse
import os
import platform
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.augmentation import Augmentation, MixUp
from mtlearn.datasets import make_multitask_digits
from mtlearn.metrics import task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.networks import ResNet
from mtlearn.preprocessing import ImageStandardScaler

OUTPUTS = Path("outputs")
TASKS = Tasks(
    digit=Classification(10),
    item=Classification(32),
    shade=Regression(bounds=(0, 1)),
)
# What leaves the labels alone: an image may move, a spectrum may not.
AUGMENTATION = {
    "image": Augmentation(translate=0.05, zoom=0.05),
    "spectrum": Augmentation(noise=0.1, brightness=0.05),
}
FIGURES = (
    *(f"{task}_{figure}" for task in ("digit", "item") for figure in
      ("accuracy", "precision_macro", "recall_macro", "f1_macro")),
    "shade_mae",
)  # fmt: skip


def settings_of(experiment, domain):
    """Return the parameters of each setting of an experiment, by its label."""
    if experiment == "learning_rate":
        return {f"lr={lr:g}": {"model__lr": lr} for lr in (1e-2, 1e-3, 1e-4)}
    if experiment == "schedule":
        schedules = {"fixed": None, "plateau": "plateau", "cosine": "cosine"}
        return {
            label: {"model__lr_schedule": schedule}
            for label, schedule in schedules.items()
        }
    if experiment == "loss_weights":
        choices = ([1, 1, 1], [1, 1, 0.1], [1, 2.5, 10])
        return {str(each): {"model__loss_weights": each} for each in choices}
    return ablation(domain)


def ablation(domain):
    """Return the whole recipe, and the recipe without each of its techniques."""
    smooth = {
        f"model__tasks__{task}__label_smoothing": 0.1 for task in ("digit", "item")
    }
    rough = dict.fromkeys(smooth, 0.0)
    focal = {f"model__tasks__{task}__loss": "focal" for task in ("digit", "item")}
    whole = {
        "model__augmentation": AUGMENTATION[domain],
        "model__mixing": MixUp(alpha=0.2),
        **smooth,
    }
    return {
        "the whole recipe": whole,
        "no augmentation": {**whole, "model__augmentation": None},
        "no MixUp": {**whole, "model__mixing": None},
        "no smoothing": {**whole, **rough},
        "focal loss, no smoothing": {**whole, **rough, **focal},
        "SGD": {**whole, "model__optimizer": "sgd", "model__lr": 1e-2},
        "none of them": {**rough, "model__augmentation": None, "model__mixing": None},
    }


def make_model(epochs):
    """Return the pipeline that every setting changes."""
    estimator = MultiTaskImageEstimator(
        TASKS,
        backbone=Partial(ResNet, widths=(16, 32, 64), n_blocks=1, dropout=0.1),
        lr=2e-3,
        lr_schedule="cosine",
        max_epochs=epochs,
        precision="float32",  # the same on every machine
        n_threads=1,
    )
    return Pipeline([("scale", ImageStandardScaler()), ("model", estimator)])


def search(X, y, settings, seeds, epochs, jobs):
    """Score every setting with every seed; return arrays (n_settings, n_seeds)."""
    train, test = next(
        MultiTaskStratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    )
    fold = np.full(len(X), -1)
    fold[test] = 0
    # Within one grid only the seed varies, so that candidates come setting by setting.
    grid = [
        {**{name: [value] for name, value in params.items()},
         "model__random_state": list(range(seeds))}
        for params in settings.values()
    ]  # fmt: skip
    scorers = task_scorers(TASKS)
    found = GridSearchCV(
        make_model(epochs),
        grid,
        scoring={name: scorers[name] for name in FIGURES},
        cv=PredefinedSplit(fold),
        refit=False,
        n_jobs=jobs,
        error_score="raise",
    ).fit(X, y)
    print(f"{len(train)} images to train on, {len(test)} to test")
    return {
        name: np.abs(found.cv_results_[f"mean_test_{name}"]).reshape(-1, seeds)
        for name in FIGURES
    }


def print_table(labels, scores):
    """Print a Markdown table of means and standard deviations over seeds."""
    width = max(map(len, labels))
    cell = max(len(name) for name in scores)
    cell = max(cell, len("0.000 ± 0.000"))
    print(f"| {'':{width}} | " + " | ".join(f"{n:>{cell}}" for n in scores) + " |")
    rule = " | ".join("-" * (cell - 1) + ":" for _ in scores)
    print(f"| {'-' * width} | {rule} |")
    for row, label in enumerate(labels):
        cells = [f"{s[row].mean():.3f} ± {s[row].std():.3f}" for s in scores.values()]
        print(
            f"| {label:{width}} | " + " | ".join(f"{c:>{cell}}" for c in cells) + " |"
        )


def draw(labels, scores, title, path):
    """Draw a panel for each main figure: points are seeds, a bar is their mean."""
    import matplotlib.pyplot as plt

    shown = {
        name: scores[name] for name in ("digit_accuracy", "item_accuracy", "shade_mae")
    }
    size = (11, 1.2 + 0.42 * len(labels))
    figure, axes = plt.subplots(1, 3, figsize=size, sharey=True, layout="constrained")
    places = np.arange(len(labels))
    for axis, (name, values) in zip(axes, shown.items(), strict=True):
        axis.barh(places, values.mean(axis=1), color="#9ecae1", zorder=1)
        for seed in values.T:
            axis.plot(seed, places, "o", color="#08519c", markersize=4, zorder=2)
        better = "lower" if name.endswith("mae") else "higher"
        axis.set_xlabel(f"{name.replace('_', ' ')} ({better} is better)")
        low, high = values.min(), values.max()
        margin = max(0.3 * (high - low), 0.005)
        axis.set_xlim(max(0, low - margin), min(1, high + margin))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(places, labels)
    axes[0].invert_yaxis()
    figure.suptitle(title)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def main():
    """Run one experiment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ("learning_rate", "schedule", "loss_weights", "ablation")
    parser.add_argument("experiment", choices=names)
    parser.add_argument("--domain", choices=("image", "spectrum"), default="image")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=2000, help="images in all")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    X, y = make_multitask_digits(options.samples, domain=options.domain, random_state=0)
    settings = settings_of(options.experiment, options.domain)
    print(
        f"{options.experiment}, {options.domain}: {options.epochs} epochs, "
        f"{options.seeds} seeds; torch {torch.__version__}, {os.cpu_count()} cores, "
        f"{platform.machine()}"
    )
    scores = search(X, y, settings, options.seeds, options.epochs, options.jobs)
    print_table(settings, scores)
    title = f"{options.experiment.replace('_', ' ')}, {options.domain} domain"
    name = f"experiment-{options.experiment}-{options.domain}.png"
    draw(list(settings), scores, title, OUTPUTS / name)


if __name__ == "__main__":
    main()
