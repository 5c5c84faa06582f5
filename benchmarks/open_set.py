"""Open sets: what a reconstruction costs a fit, and what scores cost a prediction.

Sizes are those of the recipe "autoencoder": images of 28 x 28, batches of 512, an
encoder of 32 and 64 filters with a code of 128 numbers. First an epoch with its decoder
beside one without, all else alike. Then, of the same fitted network, scores of how
known samples are, and predictions that may be "unknown", beside `predict` without any
of this. CPU seconds: the threads of torch are added up.
"""

import argparse
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

from benchmarks._options import Option, names
from benchmarks._report import Report
from benchmarks._timing import clock, interleave
from mtlearn import OpenSetClassifier
from mtlearn.recipes import autoencoder

SIZE = 28
N_CLASSES = 10
SCORES = (
    "mahalanobis",
    "max_probability",
    "max_logit",
    "energy",
    "knn",
    "auto",
    "reconstruction",
)
PARTS = ("fit", "scores")
OPTIONS = (
    Option("parts", PARTS, PARTS, "what to measure", names),
    Option("scores", SCORES, SCORES, "which ones, a comma between", names),
    Option("rounds", 15, 1, "of each comparison"),
    Option("rows", 2048, 160, "that are fitted, and that are scored"),
)
PLAIN = "predict"


def make_data(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images of noise, each class with a brightness of its own."""
    rng = np.random.default_rng(0)
    y = np.arange(n_rows) % N_CLASSES
    noise = rng.integers(0, 100, size=(n_rows, SIZE, SIZE))
    return (noise + 15 * y[:, np.newaxis, np.newaxis]).astype(np.uint8), y


def make_model(*, reconstructs: bool) -> Any:
    """Return the recipe for one epoch, with its decoder or without."""
    model = autoencoder(random_state=0).set_params(model__max_epochs=1)
    tasks = model.get_params()["model__tasks"]
    if not reconstructs:
        tasks = type(tasks)(digit=tasks["digit"])
    return model.set_params(model__tasks=tasks)


def measure_fit(options: argparse.Namespace, report: Report) -> None:
    """Print what an epoch takes with a reconstruction, and without."""
    X, y = make_data(options.rows)
    models = {
        "with a reconstruction": make_model(reconstructs=True),
        "without": make_model(reconstructs=False),
    }
    clocks = {
        name: clock(partial(model.fit, X, y), process_time)
        for name, model in models.items()
    }
    interleave(clocks, 1)  # to warm up
    seconds = interleave(clocks, options.rounds)
    report.line(f"A fit of one epoch, {options.rows} images, CPU seconds\n")
    report.seconds(seconds, "without")
    report.ratio(seconds, "with a reconstruction", "without")
    report.line()


def measure_scores(options: argparse.Namespace, report: Report) -> None:
    """Print what a score takes, and a prediction by it, beside one without."""
    X, y = make_data(options.rows)
    model = make_model(reconstructs=True).fit(X, y)
    report.line(f"Of {options.rows} images, CPU seconds\n")
    for name in options.scores:
        report.progress(name)
        open_set = OpenSetClassifier(
            FrozenEstimator(model), score=name, quantile=0.9, random_state=0
        ).fit(X, y)
        acts = {
            PLAIN: model.predict,
            f"{name}: score_samples": open_set.score_samples,
            f"{name}: predict": open_set.predict,
        }
        clocks = {
            each: clock(partial(act, X), process_time) for each, act in acts.items()
        }
        interleave(clocks, 1)  # to warm up
        seconds = interleave(clocks, options.rounds)
        report.seconds(seconds, PLAIN)
        for each in list(acts)[1:]:
            report.ratio(seconds, each, PLAIN)
        report.line()


def run(options: argparse.Namespace, report: Report) -> None:
    """Measure the parts that are asked for."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if "fit" in options.parts:
        measure_fit(options, report)
    if "scores" in options.parts:
        measure_scores(options, report)
