"""Digits are known, and nothing else: what a classifier says of what it never saw.

Trains a network on images and labels, sets the threshold on some held out, and prints
how many known images it keeps, how many are right, and how well it tells unknown ones:
parts of photographs, printed letters, and the last three classes, by another network
that never saw them; then how well each score alone tells these. It draws the scores,
what was mistaken, and the features. Needs matplotlib:
``python -m pip install 'mtlearn[plot]'``

Run from anywhere: ``python examples/open_set.py``, on scikit-learn's digits; or on
archives as that of MNIST, with `X_train`, `y_train`, `X_test` and `y_test`:
``python examples/open_set.py --known mnist.npz --unknown fashion_mnist.npz --seeds 3``
"""

import argparse
import time
from pathlib import Path

import numpy as np
from image_sets import load_known, load_unknown, photograph_parts, printed_letters
from sklearn.frozen import FrozenEstimator

from mtlearn import (
    Classification,
    Head,
    MultiTaskImageEstimator,
    OpenSetClassifier,
    Partial,
    Reconstruction,
    Tasks,
)
from mtlearn.augmentation import Augmentation
from mtlearn.inspection import (
    ConfusionDisplay,
    EmbeddingDisplay,
    OpenSetCurveDisplay,
    OpenSetImagesDisplay,
    OpenSetScoreDisplay,
)
from mtlearn.metrics import open_set_report
from mtlearn.networks import ResNet

OUTPUTS = Path("outputs")
QUANTILE = 0.99
N_UNKNOWN = 1000  # of each set that is made here
WIDTHS = (32, 64, 128)  # filters of each stage of the network
N_HELD_BACK = 3  # classes that are unknown, in the hard case
SCORES = [
    "knn",
    "mahalanobis",
    "max_probability",
    "max_logit",
    "energy",
    "reconstruction",
    "reconstruction_relative",
    "reconstruction_logit",
]
KNOWN = {
    "accuracy": "accuracy",
    "accuracy_after_rejection": "after rejection",
    "kept": "kept",
}
UNKNOWN = {
    "rejected": "rejected",
    "balanced_accuracy": "balanced",
    "roc_auc": "AUROC",
    "average_precision_known": "AUPR known",
    "average_precision_unknown": "AUPR unknown",
    "known_rejected_at_95": "FPR95",
    "oscr": "OSCR",
    "accuracy_with_unknown": "with unknown",
}


def make_estimator(tasks, options, seed):
    """Return a small residual network."""
    return MultiTaskImageEstimator(
        tasks,
        backbone=Partial(ResNet, widths=WIDTHS, dropout=0.3),
        augmentation=Augmentation(
            rotate=15, translate=0.1, zoom=0.15, resized_crop=(0.8, 1.0)
        ),
        optimizer="adamw",
        weight_decay=0.1,
        lr=0.003,
        lr_schedule="one_cycle",
        batch_size=128,
        max_epochs=options.epochs,
        precision=options.precision,
        n_threads=1,
        random_state=seed,
    )


def make_classifier(options, seed, n_samples):
    """Return what knows when it does not know."""
    tasks = Tasks(digit=Classification(head=Head(())), image=Reconstruction())
    return OpenSetClassifier(
        make_estimator(tasks, options, seed),
        quantile=QUANTILE,
        # A tenth of few says little of one in a hundred: folds hold all of them out.
        calibration=0.1 if n_samples >= 5000 else 5,
        random_state=seed,
    )


def judge(known, unknown, options):
    """Fit networks that differ in their seed; return the last, and all figures.

    The figures are by the name of the unknown set and that of the metric, a list of one
    for each seed.
    """
    X, y, X_test, y_test = known
    figures = {}
    for seed in range(options.seeds):
        start = time.process_time()
        classifier = make_classifier(options, seed, len(X)).fit(X, y)
        print(f"seed {seed}: {time.process_time() - start:.0f} s of processor time")
        for row in open_set_report(classifier, X_test, y_test, unknown).rows:
            key = row["unknown"], row["metric"]
            figures.setdefault(key, []).append(100 * row["value"])
    return classifier, figures


def show(figures, unknown):
    """Print the tables, in per cent."""

    def mean(name, metric):
        values = figures[name, metric]
        return f"{np.mean(values):.2f} ± {np.std(values):.2f}"

    first = next(iter(unknown))
    told = [f"{title} {mean(first, metric)}" for metric, title in KNOWN.items()]
    print(f"known, at quantile {QUANTILE}: {', '.join(told)}")
    print(f"{'unknown':20}" + "".join(f"{title:>15}" for title in UNKNOWN.values()))
    for name in unknown:
        cells = "".join(f"{mean(name, metric):>15}" for metric in UNKNOWN)
        print(f"{name:20}{cells}")
    print()


def compare_scores(classifier, known, unknown):
    """Print the AUROC of each score alone, for the network of one classifier.

    What known images are like, half of those to test with show; the others are judged.
    """
    _, _, X, y = known
    other = OpenSetClassifier(
        FrozenEstimator(classifier.estimator_), score=SCORES, random_state=0
    )
    other.fit(X[::2], y[::2])
    display = OpenSetCurveDisplay.from_estimator(other, X[1::2], y[1::2], unknown)
    found = {(curve.name, curve.unknown): curve.roc_auc for curve in display.curves}
    print(f"{'AUROC of a score alone':25}" + "".join(f"{name:>15}" for name in unknown))
    for score in SCORES:
        cells = "".join(f"{100 * found[score, name]:15.2f}" for name in unknown)
        print(f"{score:25}{cells}")
    print()


def without_classes(known, classes):
    """Return a known set without some classes, and the images of these to test with."""
    X, y, X_test, y_test = known
    train, test = ~np.isin(y, classes), ~np.isin(y_test, classes)
    return (X[train], y[train], X_test[test], y_test[test]), X_test[~test]


def draw(classifier, known, unknown):
    """Save pictures of the scores, of what was mistaken, and of the features."""
    _, _, X, y = known
    OUTPUTS.mkdir(exist_ok=True)
    displays = {
        "curves": OpenSetCurveDisplay.from_estimator(classifier, X, y, unknown),
        "scores": OpenSetScoreDisplay.from_estimator(classifier, X, y, unknown),
        "images": OpenSetImagesDisplay.from_estimator(classifier, X, y, unknown),
        "confusion": ConfusionDisplay.from_estimator(
            classifier, X, y, X_unknown=unknown
        ),
        "embedding": EmbeddingDisplay.from_estimator(
            classifier, X, y, X_unknown=unknown, random_state=0
        ),
    }
    for name, display in displays.items():
        path = OUTPUTS / f"open_set_{name}.png"
        display.plot().figure_.savefig(path, dpi=150)
        print(path)


def main():
    """Train, judge and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--known", type=Path, help="default: scikit-learn's digits")
    parser.add_argument("--unknown", type=Path, nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--precision", default="auto", help="such as bfloat16")
    options = parser.parse_args()

    known = load_known(options.known)
    X, y, X_test, _ = known
    size = X.shape[1:]
    unknown = {path.stem: load_unknown(path, size) for path in options.unknown}
    unknown["photographs"] = photograph_parts(size, N_UNKNOWN)
    unknown["letters"] = printed_letters(size, N_UNKNOWN)
    print(f"{len(X)} images to learn from, {len(X_test)} to test with; per cent, "
          f"mean ± deviation of {options.seeds} seeds\n")  # fmt: skip
    classifier, figures = judge(known, unknown, options)
    show(figures, unknown)
    compare_scores(classifier, known, unknown)
    draw(classifier, known, unknown)

    held_back = np.unique(y)[-N_HELD_BACK:]
    fewer, others = without_classes(known, held_back)
    print(f"\nThe hard case: {held_back.tolist()} are unknown")
    classes = {f"{held_back[0]} to {held_back[-1]}": others}
    classifier, figures = judge(fewer, classes, options)
    show(figures, classes)
    compare_scores(classifier, fewer, classes)


if __name__ == "__main__":
    main()
