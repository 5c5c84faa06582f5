"""One network for three targets against three networks, and against plain MLPs.

On ``make_multitask_digits(3000)`` with a fixed split: a residual network trained on
all targets together (with equal weights, and with more for one of them), the same
network trained on each target alone, and scikit-learn's MLP for each target, over
several seeds.

Run from anywhere: ``python examples/joint_against_single.py [--epochs 15] [--seeds 3]``
"""

import argparse
import os
import platform

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import ResNet
from mtlearn.preprocessing import GlobalMaxScaler

KINDS = {
    "digit": Classification(10),
    "item": Classification(32),
    "shade": Regression(bounds=(0, 1)),
}
METRICS = {"digit": accuracy_score, "item": accuracy_score, "shade": r2_score}


def residual(X, y, X_test, tasks, seed, epochs, loss_weights=None):
    """Train a residual network on some targets and predict them."""
    estimator = MultiTaskImageEstimator(
        tasks,
        loss_weights=loss_weights,
        backbone=Partial(ResNet, widths=(16, 32, 64), n_blocks=1, dropout=0.1),
        max_epochs=epochs,
        lr=5e-3,
        lr_schedule="one_cycle",
        precision="float32",  # the same on every machine
        n_threads=1,
        random_state=seed,
    )
    model = make_pipeline(GlobalMaxScaler(), estimator).fit(X, y)
    return model.predict(X_test).reshape(len(X_test), -1)


def joint(X, y, X_test, seed, epochs):
    """Train one network on all targets."""
    return residual(X, y, X_test, Tasks(**KINDS), seed, epochs)


def weighted(X, y, X_test, seed, epochs):
    """Train one network on all targets, with most weight on the hardest."""
    weights = {"digit": 4.0}
    return residual(X, y, X_test, Tasks(**KINDS), seed, epochs, weights)


def single(X, y, X_test, seed, epochs):
    """Train one network for each target."""
    columns = [
        residual(X, y[:, i], X_test, Tasks(**{name: kind}), seed, epochs)
        for i, (name, kind) in enumerate(KINDS.items())
    ]
    return np.hstack(columns)


def mlp(X, y, X_test, seed, epochs):
    """Train one of scikit-learn's networks for each target; epochs are its own."""
    flat, flat_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
    predicted = []
    for i, kind in enumerate(KINDS.values()):
        network = MLPClassifier if kind.kind == "classification" else MLPRegressor
        settings = {"hidden_layer_sizes": (256, 128), "random_state": seed}
        model = make_pipeline(StandardScaler(), network(**settings))
        predicted.append(model.fit(flat, y[:, i]).predict(flat_test))
    return np.column_stack(predicted)


LEARNERS = {
    "joint residual network": joint,
    "joint, weight 4 for digit": weighted,
    "three residual networks": single,
    "three MLPs (scikit-learn)": mlp,
}


def main():
    """Run every learner with every seed and print means with their spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15, help="of residual networks")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--samples", type=int, default=3000, help="images in all")
    options = parser.parse_args()
    X, y = make_multitask_digits(options.samples, random_state=0)
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=0
    )
    print(
        f"{len(X_train)} images to train on, {len(X_test)} to test; "
        f"{options.epochs} epochs, {options.seeds} seeds; torch {torch.__version__}, "
        f"{os.cpu_count()} cores, {platform.machine()}"
    )
    print(f"{'':28}{'digit accuracy':>18}{'item accuracy':>18}{'shade R2':>18}")
    data = X_train, y_train, X_test
    for name, learn in LEARNERS.items():
        predictions = Parallel(n_jobs=options.jobs)(
            delayed(learn)(*data, seed, options.epochs) for seed in range(options.seeds)
        )
        scores = [
            [
                metric(y_test[:, i], predicted[:, i])
                for i, metric in enumerate(METRICS.values())
            ]
            for predicted in predictions
        ]
        figures = zip(np.mean(scores, 0), np.std(scores, 0), strict=True)
        cells = "".join(f"{mean:10.3f} ± {spread:.3f}" for mean, spread in figures)
        print(f"{name:28}{cells}", flush=True)


if __name__ == "__main__":
    main()
