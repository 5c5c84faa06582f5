"""Networks that differ in their seed, their average, and how sure they may be.

Trains a `SeedEnsemble` of three networks on the handwritten digits of
``mtlearn.datasets.make_multitask_digits``, once on all rows and once on resamples, and
one with a temperature for each task's probabilities. Prints what each average gains
over its members on held-out images, and the calibration errors.

Run from anywhere: ``python examples/seed_ensemble.py``
"""

import argparse
import os
import platform

import torch
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.metrics import ensemble_report
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import ResNet
from mtlearn.preprocessing import ImageStandardScaler


def make_model(epochs):
    """Return a pipeline of a small residual network for the three targets."""
    tasks = Tasks(
        digit=Classification(10),
        item=Classification(32),
        shade=Regression(bounds=(0, 1)),
    )
    estimator = MultiTaskImageEstimator(
        tasks,
        backbone=Partial(ResNet, widths=(16, 32, 64), n_blocks=1, dropout=0.1),
        lr=2e-3,
        lr_schedule="cosine",
        max_epochs=epochs,
        precision="float32",  # the same on every machine
    )
    return Pipeline([("scale", ImageStandardScaler()), ("model", estimator)])


def print_gains(title, ensemble, X, y):
    """Print the main figures of an ensemble beside its members."""
    report = ensemble_report(ensemble, X, y)
    shown = ("accuracy", "f1_macro", "calibration_error", "r2", "mae")
    report.rows[:] = [row for row in report.rows if row["metric"] in shown]
    print(f"\n{title}\n{report}")


def main():
    """Train, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=3000, help="images in all")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    X, y = make_multitask_digits(options.samples, random_state=0)
    X_train, X_val, X_test, y_train, y_val, y_test = multitask_train_test_split(
        X, y, val_size=0.2, test_size=0.2, stratify=y, random_state=0
    )
    print(
        f"{len(X_train)} images to train on, {len(X_val)} to calibrate, {len(X_test)} "
        f"to test; {options.epochs} epochs; torch {torch.__version__}, "
        f"{os.cpu_count()} cores, {platform.machine()}"
    )
    ensemble = SeedEnsemble(
        make_model(options.epochs),
        options.members,
        n_jobs=options.jobs,
        random_state=0,
    ).fit(X_train, y_train)
    print_gains("seeds", ensemble, X_test, y_test)

    resampled = SeedEnsemble(
        make_model(options.epochs),
        options.members,
        bootstrap=True,
        n_jobs=options.jobs,
        random_state=0,
    ).fit(X_train, y_train)
    print_gains("seeds and resamples", resampled, X_test, y_test)

    scaled = TemperatureScaled(FrozenEstimator(ensemble)).fit(X_val, y_val)
    temperatures = {name: round(t, 2) for name, t in scaled.temperatures_.items()}
    print_gains(f"seeds, temperatures {temperatures}", scaled, X_test, y_test)


if __name__ == "__main__":
    main()
