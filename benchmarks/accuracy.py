"""How good bfloat16 is beside float32: accuracy over several seeds.

Both domains of `make_multitask_digits`, one fixed split, a residual network with the
recipe of examples/joint_against_single.py. Each seed trains in both precisions, so that
their difference is free of what the seed does.
"""

import argparse

import numpy as np
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline

from benchmarks._options import Option, names
from benchmarks._report import Report
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

DOMAINS = ("image", "spectrum")
OPTIONS = (
    Option("repeats", 5, 2, "seeds, from 0"),
    Option("epochs", 15, 1, "of each training"),
    Option("samples", 3000, 160, "images in all"),
    Option("domains", DOMAINS, DOMAINS, "of the images", names),
    Option("precision", "bfloat16", "bfloat16", "compared with float32", str),
)
WIDTHS, QUICK_WIDTHS = (16, 32, 64), (4, 8)
METRICS = {
    "digit accuracy": accuracy_score,
    "item accuracy": accuracy_score,
    "shade R2": r2_score,
}
Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def scores(
    data: Split, precision: str, seed: int, options: argparse.Namespace
) -> list[float]:
    """Train one network and return its figures on the test rows."""
    X, X_test, y, y_test = data
    estimator = MultiTaskImageEstimator(
        Tasks(
            digit=Classification(10),
            item=Classification(32),
            shade=Regression(bounds=(0, 1)),
        ),
        backbone=Partial(
            ResNet,
            widths=QUICK_WIDTHS if options.quick else WIDTHS,
            n_blocks=1,
            dropout=0.1,
        ),
        max_epochs=options.epochs,
        lr=5e-3,
        lr_schedule="one_cycle",
        precision=precision,
        device="cpu",
        n_threads=options.threads,
        random_state=seed,
    )
    predicted = make_pipeline(GlobalMaxScaler(), estimator).fit(X, y).predict(X_test)
    return [
        float(metric(y_test[:, k], predicted[:, k]))
        for k, metric in enumerate(METRICS.values())
    ]


def shown(values: np.ndarray) -> str:
    """Return mean and standard deviation over the seeds."""
    deviation = values.std(ddof=1) if len(values) > 1 else float("nan")
    return f"{values.mean():.4f} ± {deviation:.4f}"


def run(options: argparse.Namespace, report: Report) -> None:
    """Train with every seed in both precisions; print both and their difference."""
    precisions = ("float32", options.precision)
    rows = []
    for domain in options.domains:
        X, y = make_multitask_digits(options.samples, domain=domain, random_state=0)
        data = multitask_train_test_split(
            X, y, test_size=0.2, stratify=y, random_state=0
        )
        found: dict[str, list] = {precision: [] for precision in precisions}
        for seed in range(options.repeats):
            for precision, values in found.items():
                values.append(scores(data, precision, seed, options))
                text = ", ".join(f"{value:.3f}" for value in values[-1])
                report.progress(f"{domain}, seed {seed}, {precision}: {text}")
        base, other = (np.array(found[precision]) for precision in precisions)
        for k, metric in enumerate(METRICS):
            columns = (base[:, k], other[:, k], other[:, k] - base[:, k])
            rows.append([f"{domain}: {metric}", *map(shown, columns)])
    report.line(
        f"{options.samples} images, a fifth to test; {options.epochs} epochs; mean ± "
        f"standard deviation over {options.repeats} seeds\n"
    )
    report.table(["", *precisions, "difference, seed by seed"], rows)
