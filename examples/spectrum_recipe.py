"""Recipes on spectra: `resnet_v1` beside one that leaves places where they are.

Both train on the log-magnitude spectra of ``mtlearn.datasets.make_multitask_digits``,
in which a place is a frequency: flips and turns make another orientation of the
stripes, which is a target, and translations another frequency. Prints accuracy and mean
absolute error on held-out spectra (mean ± standard deviation over seeds).

Run from anywhere: ``python examples/spectrum_recipe.py``
"""

import argparse
import os
import platform

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline

from mtlearn.augmentation import Augmentation
from mtlearn.datasets import make_multitask_digits
from mtlearn.metrics import task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold
from mtlearn.preprocessing import ImageStandardScaler
from mtlearn.recipes import resnet_v1

FIGURES = ("digit_accuracy", "item_accuracy", "shade_mae")


def for_spectra(epochs):
    """Return `resnet_v1` with what suits spectra, one change a line."""
    model = resnet_v1()
    return model.set_params(
        scale=ImageStandardScaler(),
        model__augmentation=Augmentation(noise=0.1, brightness=0.05),
        model__lr=3e-3,
        model__lr_schedule="one_cycle",
        model__backbone__dropout=0.2,
        model__tasks__digit__label_smoothing=0.1,
        model__tasks__item__label_smoothing=0.1,
        model__tasks__shade__weight=1.0,
        model__tasks__shade__standardize=True,
        model__tasks__shade__bounds=(0, 1),
        model__max_epochs=epochs,
    )


def main():
    """Train both recipes with every seed and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40, help="of that for spectra")
    parser.add_argument("--v1-epochs", type=int, default=100, help="of resnet_v1")
    parser.add_argument("--samples", type=int, default=3000, help="spectra in all")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    X, y = make_multitask_digits(options.samples, domain="spectrum", random_state=0)
    recipes = {
        "resnet_v1": resnet_v1().set_params(model__max_epochs=options.v1_epochs),
        "for spectra": for_spectra(options.epochs),
    }
    _, test = next(MultiTaskStratifiedKFold(5, random_state=0).split(X, y))
    fold = np.full(len(X), -1)
    fold[test] = 0
    candidates = [
        clone(recipe).set_params(model__random_state=seed, model__n_threads=1)
        for recipe in recipes.values()
        for seed in range(options.seeds)
    ]
    scorers = task_scorers(recipes["resnet_v1"]["model"].tasks)
    search = GridSearchCV(
        Pipeline([("recipe", recipes["resnet_v1"])]),
        {"recipe": candidates},
        scoring={name: scorers[name] for name in FIGURES},
        cv=PredefinedSplit(fold),
        refit=False,
        n_jobs=options.jobs,
        error_score="raise",
    ).fit(X, y)
    print(
        f"{len(X) - len(test)} spectra to train on, {len(test)} to test; "
        f"{options.v1_epochs} and {options.epochs} epochs, {options.seeds} seeds; "
        f"torch {torch.__version__}, {os.cpu_count()} cores, {platform.machine()}"
    )
    print(f"| {'':11} | digit accuracy  | item accuracy   | shade MAE       |")
    print(f"| {'-' * 11} | {'-' * 15} | {'-' * 15} | {'-' * 15} |")
    for row, name in enumerate(recipes):
        cells = []
        for figure in FIGURES:
            values = np.abs(search.cv_results_[f"mean_test_{figure}"])
            values = values.reshape(-1, options.seeds)[row]
            cells.append(f"{values.mean():.4f} ± {values.std():.4f}")
        print(f"| {name:11} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
