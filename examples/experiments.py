"""Experiments on the training recipe, each a grid search over settings and seeds.

``learning_rate``, ``schedule``, ``loss_weights``, ``ablation`` (a recipe without each
of its techniques), ``techniques`` (each of them alone), ``augmentation`` (each change
of the images alone), ``imbalance`` (rare digits) and ``fine_tuning`` (few images, and a
backbone that knows other digits) compare settings on
``mtlearn.datasets.make_multitask_digits``, with one split and several seeds. Prints
the figures of every task (mean ± standard deviation over seeds) and draws them to
``outputs/experiment-{name}-{domain}.png``.

Run from anywhere: ``python examples/experiments.py ablation --domain spectrum``
"""

import argparse
import os
import platform
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.augmentation import Augmentation, CutMix, MixUp
from mtlearn.datasets import make_multitask_digits
from mtlearn.metrics import task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.networks import ResNet, ResNetV2, save_weights
from mtlearn.preprocessing import ImageStandardScaler
from mtlearn.training import EMA

OUTPUTS = Path("outputs")
BACKBONE = OUTPUTS / "backbone.safetensors"
EXPERIMENTS = (
    "learning_rate",
    "schedule",
    "loss_weights",
    "ablation",
    "techniques",
    "augmentation",
    "imbalance",
    "fine_tuning",
)
N_FEW = 160  # images to train on in fine_tuning
NETWORK = {"widths": (16, 32, 64), "n_blocks": 1, "dropout": 0.1}
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
# Each figure of a scorer, and the head of its column.
FIGURES = {
    "digit_accuracy": "digit accuracy",
    "digit_precision_macro": "precision",
    "digit_recall_macro": "recall",
    "digit_f1_macro": "F1",
    "item_accuracy": "item accuracy",
    "item_precision_macro": "precision",
    "item_recall_macro": "recall",
    "item_f1_macro": "F1",
    "shade_mae": "shade MAE",
}


def settings_of(experiment, domain):
    """Return the parameters of each setting of an experiment, by its label."""
    if experiment == "learning_rate":
        return {f"lr={lr:g}": {"model__lr": lr} for lr in (1e-2, 1e-3, 1e-4)}
    if experiment == "schedule":
        names = {"fixed": None, "plateau": "plateau", "cosine": "cosine"}
        return {label: {"model__lr_schedule": name} for label, name in names.items()}
    if experiment == "loss_weights":
        choices = ([1, 1, 1], [1, 1, 0.1], [1, 2.5, 10])
        return {str(each): {"model__loss_weights": each} for each in choices}
    if experiment == "augmentation":
        return augmentations()
    if experiment == "imbalance":
        return imbalance()
    if experiment == "fine_tuning":
        return fine_tuning()
    return {"ablation": ablation, "techniques": techniques}[experiment](domain)


def classes(name, value):
    """Return a parameter of both classifications."""
    return {f"model__tasks__{task}__{name}": value for task in ("digit", "item")}


def ablation(domain):
    """Return the whole recipe, and the recipe without each of its techniques."""
    rough, focal = classes("label_smoothing", 0.0), classes("loss", "focal")
    whole = {
        "model__augmentation": AUGMENTATION[domain],
        "model__mixing": MixUp(alpha=0.2),
        **classes("label_smoothing", 0.1),
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


def techniques(domain):
    """Return the plain training, and the same with one technique each."""
    return {
        "plain": {},
        "augmentation": {"model__augmentation": AUGMENTATION[domain]},
        "cutout 0.3": {"model__augmentation": Augmentation(cutout=0.3)},
        "MixUp": {"model__mixing": "mixup"},
        "CutMix on a half": {"model__mixing": CutMix(probability=0.5)},
        "label smoothing": classes("label_smoothing", 0.1),
        "focal loss": classes("loss", "focal"),
        "MAE for shade": {"model__tasks__shade__loss": "mae"},
        "Huber for shade": {"model__tasks__shade__loss": "huber"},
        "SE attention": {"model__backbone__attention": "se"},
        "CBAM": {"model__backbone__attention": "cbam"},
        "DropBlock 0.1": {"model__backbone__drop_block": 0.1},
        "ResNetV2": {"model__backbone": Partial(ResNetV2, **NETWORK)},
        "AdamW, decay 0.05": {
            "model__optimizer": "adamw",
            "model__weight_decay": 0.05,
        },
        "SGD, rate 0.02": {"model__optimizer": "sgd", "model__lr": 2e-2},
        "warm-up": {"model__lr_schedule": "warmup_cosine"},
        "clipping to 1": {"model__clip_grad_norm": 1.0},
        "EMA": {"model__averaging": EMA(decay=0.99)},
        "SWA": {"model__averaging": "swa"},
        "fixed rate": {"model__lr_schedule": None},
        "fixed rate, EMA": {
            "model__lr_schedule": None,
            "model__averaging": EMA(decay=0.99),
        },
        "fixed rate, SWA": {"model__lr_schedule": None, "model__averaging": "swa"},
    }


def augmentations():
    """Return the plain training, and the same with one change of the images each."""
    changes = [
        {"flip": "horizontal"},
        {"flip": "vertical"},
        {"translate": 0.05},
        {"rotate": 18.0},
        {"zoom": 0.1},
        {"crop": 2},
        {"brightness": 0.2},
        {"contrast": 0.2},
        {"gamma": 0.3},
        {"noise": 0.1},
        {"blur": 0.7},
        {"cutout": 0.3},
    ]
    values = {
        f"{name} {value}": Augmentation(**{name: value})
        for change in changes
        for name, value in change.items()
    }
    values |= {"light": "light", "standard": "standard"}
    return {"plain": {}} | {
        label: {"model__augmentation": value} for label, value in values.items()
    }


def fine_tuning():
    """Return what few images may start from."""
    start = {"model__backbone__weights": BACKBONE}
    return {
        "from scratch": {},
        "trained weights": start,
        "a tenth of the rate": {**start, "model__backbone_lr": 2e-4},
        "frozen": {**start, "model__freeze_backbone": True},
    }


def imbalance():
    """Return what helps where each digit is rarer than the one before."""
    return {
        "plain": {},
        "class weights": {"model__tasks__digit__class_weight": "balanced"},
        "balanced sampler": {"model__sampler": "digit"},
        "focal loss": {"model__tasks__digit__loss": "focal"},
    }


def thinned(rows, digits):
    """Return fewer rows: each digit has 0.7 times as many as the one before."""
    chances = np.random.default_rng(0).random(len(rows))
    return rows[chances < 0.7 ** digits[rows]]


def few(X, y, rows, epochs):
    """Return some of the rows, once the others have trained a backbone on digits."""
    model = make_model(epochs).set_params(
        model__tasks=Tasks(digit=Classification(10)), model__random_state=0
    )
    model.fit(X[rows[N_FEW:]], y[rows[N_FEW:], 0])
    OUTPUTS.mkdir(exist_ok=True)
    save_weights(model["model"].net_.module_.backbone, BACKBONE)
    return rows[:N_FEW]


def make_model(epochs):
    """Return the pipeline that every setting changes."""
    estimator = MultiTaskImageEstimator(
        TASKS,
        backbone=Partial(ResNet, **NETWORK),
        lr=2e-3,
        lr_schedule="cosine",
        max_epochs=epochs,
        precision="float32",  # the same on every machine
        n_threads=1,
    )
    return Pipeline([("scale", ImageStandardScaler()), ("model", estimator)])


def search(X, y, settings, split, options):
    """Score every setting with every seed; return arrays (n_settings, n_seeds)."""
    # Within one grid only the seed varies, so that candidates come setting by setting.
    grid = [
        {**{name: [value] for name, value in params.items()},
         "model__random_state": list(range(options.seeds))}
        for params in settings.values()
    ]  # fmt: skip
    scorers = task_scorers(TASKS)
    found = GridSearchCV(
        make_model(options.epochs),
        grid,
        scoring={name: scorers[name] for name in FIGURES},
        cv=[split],
        refit=False,
        n_jobs=options.jobs,
        error_score="raise",
    ).fit(X, y)
    return {
        name: np.abs(found.cv_results_[f"mean_test_{name}"]).reshape(-1, options.seeds)
        for name in FIGURES
    }


def print_table(labels, scores):
    """Print a Markdown table of means and standard deviations over seeds."""
    rows = [["", *FIGURES.values()]]
    for row, label in enumerate(labels):
        figures = [scores[name][row] for name in FIGURES]
        rows.append([label, *(f"{x.mean():.3f} ± {x.std():.3f}" for x in figures)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print(f"| {' | '.join(cells)} |")


def draw(labels, scores, title, path):
    """Draw a panel for each main figure.

    Points are seeds, a stroke is their mean, a dotted line that of the first setting.
    """
    import matplotlib.pyplot as plt

    shown = {
        name: scores[name] for name in ("digit_accuracy", "item_accuracy", "shade_mae")
    }
    size = (11, 1.2 + 0.42 * len(labels))
    figure, axes = plt.subplots(1, 3, figsize=size, sharey=True, layout="constrained")
    places = np.arange(len(labels))
    for axis, (name, values) in zip(axes, shown.items(), strict=True):
        axis.hlines(
            places, values.min(axis=1), values.max(axis=1), color="#9ecae1", lw=6
        )
        for seed in values.T:
            axis.plot(seed, places, "o", color="#08519c", markersize=4)
        axis.plot(values.mean(axis=1), places, "|", color="#d94801", ms=16, mew=2.5)
        axis.axvline(values[0].mean(), color="#bbbbbb", lw=1, ls=":", zorder=0)
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
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--domain", choices=("image", "spectrum"), default="image")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=2000, help="images in all")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    X, y = make_multitask_digits(options.samples, domain=options.domain, random_state=0)
    settings = settings_of(options.experiment, options.domain)
    splits = MultiTaskStratifiedKFold(5, tasks=TASKS, random_state=0)
    train, test = next(splits.split(X, y))
    if options.experiment == "imbalance":
        train = thinned(train, y[:, 0])
    if options.experiment == "fine_tuning":
        train = few(X, y, train, options.epochs)
    print(
        f"{options.experiment}, {options.domain}: {options.epochs} epochs, "
        f"{options.seeds} seeds; torch {torch.__version__}, {os.cpu_count()} cores, "
        f"{platform.machine()}\n{len(train)} images to train on, {len(test)} to test"
    )
    scores = search(X, y, settings, (train, test), options)
    print_table(settings, scores)
    title = f"{options.experiment.replace('_', ' ')}, {options.domain} domain"
    name = f"experiment-{options.experiment}-{options.domain}.png"
    draw(list(settings), scores, title, OUTPUTS / name)


if __name__ == "__main__":
    main()
