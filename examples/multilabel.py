"""Many labels a picture, most of them rare: which techniques pay.

Trains a network for each setting and seed on pictures with 17 labels, from one that is
in nine of ten pictures to one that is in one of a hundred, and compares F1 and average
precision on held-out pictures: as the networks decide, and with thresholds found on
pictures apart. Then some of the networks together. Prints a table (mean ± standard
deviation over seeds) and draws it to ``outputs/multilabel-{data}.png``.

The pictures are those of ``make_multilabel_mosaics``, or others: a file with the
arrays X and y (``--data pictures.npz``), or the drawings of Debian's packages
openclipart-png and -svg (``--data /usr/share/openclipart``; an author's drawings are
never in two parts). Trained networks are kept in ``outputs/multilabel``, so that a run
that was stopped goes on where it was.

Pictures larger than 48 pixels are halved by the first layer of the network.

Run from anywhere: ``python examples/multilabel.py --seeds 5 --jobs 2``
"""

import argparse
import os
import platform
from pathlib import Path

import joblib
import numpy as np
import torch
from halving import HalvedResNet
from openclipart import read_openclipart
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import Pipeline
from skorch.callbacks import Initializer

from mtlearn import (
    Head,
    MultiLabel,
    MultiTaskImageEstimator,
    Partial,
    RaritySampler,
    Tasks,
    TunedThresholds,
    VotingEnsemble,
)
from mtlearn.augmentation import Augmentation, CutMix, MixUp
from mtlearn.datasets import make_multilabel_mosaics
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import ResNet
from mtlearn.preprocessing import ImageStandardScaler

OUTPUTS = Path("outputs")
SHARE_OF_TEST = 2 / 7
LARGEST = 48  # pixels of a side that the network sees as they are
MOVES = Augmentation(translate=0.05, zoom=0.05, rotate=10.0)


def settings():
    """Return the parameters of each setting, by its name."""
    # As most networks begin; a MultiLabel does so at the prevalences of its labels.
    zeros = {"callbacks": [Initializer("heads.*.bias", fn=torch.nn.init.zeros_)]}
    techniques = {
        "start at the prevalences": {},
        "weights, square root": {"tasks__tags__pos_weight": "sqrt"},
        "weights, whole": {"tasks__tags__pos_weight": "balanced"},
        "focal": {"tasks__tags__loss": "focal"},
        "asymmetric": {"tasks__tags__loss": "asymmetric"},
        "rarity sampling": {"sampler": RaritySampler()},
        "MixUp 0.2": {"mixing": MixUp(alpha=0.2)},
        "CutMix": {"mixing": CutMix()},
        "CutMix, labels of both": {"mixing": CutMix(labels="union")},
        "CBAM": {"backbone__attention": "cbam"},
    }
    # Most help only networks that do not learn all pictures by heart.
    beside = {
        f"moves, {name}": {"augmentation": MOVES, **params}
        for name, params in techniques.items()
    }
    moved = {"augmentation": MOVES, **zeros}
    return {"plain": zeros, **techniques, "moves": moved, **beside}


# Networks together: one setting with three seeds, or three settings with one.
TOGETHER = {
    "3 networks: plain": ["plain"] * 3,
    "3 networks: moves, root": ["moves, weights, square root"] * 3,
    "3 networks: moves, root, focal, asymmetric": [
        "moves, weights, square root",
        "moves, focal",
        "moves, asymmetric",
    ],
}
COLUMNS = ("macro F1", "micro F1", "mAP", "macro F1, tuned", "micro F1, tuned")


def make_model(epochs, size):
    """Return the pipeline that every setting changes, for pictures of this side."""
    network = ResNet if size <= LARGEST else HalvedResNet
    estimator = MultiTaskImageEstimator(
        Tasks(tags=MultiLabel(head=Head(hidden=()))),
        backbone=Partial(network, widths=(32, 64, 128), n_blocks=1, dropout=0.0),
        optimizer="adamw",
        lr=3e-3,
        weight_decay=0.01,
        lr_schedule="one_cycle",
        max_epochs=epochs,
        batch_size=64,
        n_threads=1,
    )
    return Pipeline([("scale", ImageStandardScaler()), ("model", estimator)])


def read_data(options):
    """Return pictures, labels, who drew each, and a name; None if nobody is known."""
    if options.data is None:
        X, y = make_multilabel_mosaics(
            options.samples, image_size=options.size, random_state=0
        )
        return X, y, None, f"mosaics-{options.size}"
    if Path(options.data).is_dir():
        X, y, authors = read_openclipart(options.data, options.size)
        return X, y, authors, f"openclipart-{options.size}"
    arrays = np.load(options.data)
    return arrays["X"], arrays["y"], None, Path(options.data).stem


def split(y, authors):
    """Return the rows to train on, to find thresholds on, and to compare on."""
    rows = np.arange(len(y))
    if authors is None:
        n_test = int(SHARE_OF_TEST * len(y))
        train, apart, test = multitask_train_test_split(
            rows, test_size=n_test, val_size=len(y) // 7, stratify=y, random_state=0
        )
        return train, apart, test
    halves = GroupShuffleSplit(1, test_size=SHARE_OF_TEST, random_state=0)
    rest, test = next(halves.split(rows, groups=authors))
    parts = GroupShuffleSplit(1, test_size=0.2, random_state=0)
    train, apart = next(parts.split(rest, groups=authors[rest]))
    return rest[train], rest[apart], test


def trained(name, params, seed, data, epochs, folder):
    """Return a fitted pipeline, trained now or by an earlier run."""
    file = folder / f"{name}, {epochs} epochs, seed {seed}.joblib"
    if file.exists():
        return joblib.load(file)
    changes = {f"model__{key}": value for key, value in params.items()}
    model = make_model(epochs, data[0].shape[1])
    model.set_params(**changes, model__random_state=seed)
    joblib.dump(model.fit(*data), file)
    return model


def figures(model, data, apart):
    """Return macro and micro F1 and mAP, and both F1 with thresholds found apart."""
    X, y = data
    scores = model.predict_proba(X)
    there = y.any(axis=0)
    # Labels that are in none of the pictures say nothing.
    mean_precision = average_precision_score(y[:, there], scores[:, there])
    tuned = TunedThresholds(FrozenEstimator(model)).fit(*apart)
    own, found = both_f1(y, model.predict(X)), both_f1(y, tuned.predict(X))
    return (*own, mean_precision, *found)


def both_f1(y, predicted):
    """Return macro F1, over labels that are there or are predicted, and micro F1."""
    macro = f1_score(y, predicted, average="macro", zero_division=np.nan)
    return macro, f1_score(y, predicted, average="micro")


def compare(X, y, authors, options, folder):
    """Train everything; return the figures `(n_seeds, 5)` of each setting."""
    train, apart, test = split(y, authors)
    y = y[:, y[train].any(axis=0)]  # of other labels nothing can be learned
    print(
        f"{len(train)} pictures to train on, {len(apart)} to find thresholds on, "
        f"{len(test)} to compare on; {y.shape[1]} labels; {options.epochs} epochs, "
        f"{options.seeds} seeds\n"
        f"torch {torch.__version__}, {os.cpu_count()} cores, {platform.machine()}\n"
    )
    chosen = {
        name: params
        for name, params in settings().items()
        if options.only is None or name in options.only
    }
    training = X[train], y[train]
    runs = [(name, seed) for name in chosen for seed in range(options.seeds)]
    fits = joblib.Parallel(options.jobs, verbose=10)(
        joblib.delayed(trained)(
            name, chosen[name], seed, training, options.epochs, folder
        )
        for name, seed in runs
    )
    models = dict(zip(runs, fits, strict=True))
    compared = (X[test], y[test]), (X[apart], y[apart])
    found = {
        name: np.array(
            [figures(models[name, k], *compared) for k in range(options.seeds)]
        )
        for name in chosen
    }
    for name, members in TOGETHER.items():
        if options.seeds >= len(members) and all(each in chosen for each in members):
            together = join(
                [models[each, seed] for seed, each in enumerate(members)], training
            )
            found[name] = np.array([figures(together, *compared)])
    return found


def join(models, data):
    """Return the average of fitted networks."""
    frozen = [(f"member{k}", FrozenEstimator(each)) for k, each in enumerate(models)]
    return VotingEnsemble(frozen).fit(*data)


def print_table(found):
    """Print a Markdown table of means and standard deviations, in per cent."""
    rows = [["", *COLUMNS]]
    for name, figures in found.items():
        means, spreads = 100 * figures.mean(axis=0), 100 * figures.std(axis=0)
        cells = [
            f"{mean:.1f} ± {spread:.1f}" if len(figures) > 1 else f"{mean:.1f}"
            for mean, spread in zip(means, spreads, strict=True)
        ]
        rows.append([name, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print(f"| {' | '.join(cells)} |")


def draw(found, title, path):
    """Draw macro F1, micro F1 and mAP of each setting, with thresholds tuned or not."""
    import matplotlib.pyplot as plt

    panels = {"macro F1": (0, 3), "micro F1": (1, 4), "mAP": (2,)}
    figure, axes = plt.subplots(
        1, 3, figsize=(11, 1.4 + 0.36 * len(found)), sharey=True, layout="constrained"
    )
    for axis, (label, columns) in zip(axes, panels.items(), strict=True):
        for column, color in zip(columns, ("#08519c", "#d94801"), strict=False):
            for place, figures in enumerate(found.values()):
                values = figures[:, column]
                height = np.full(len(values), place + (column >= 3) * 0.25)
                axis.plot(values, height, "o", color=color, markersize=3, alpha=0.5)
                axis.plot(values.mean(), height[0], "|", color=color, ms=12, mew=2)
        axis.set_xlabel(label)
        axis.grid(axis="x", color="#dddddd")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(found)), list(found))
    axes[0].invert_yaxis()
    axes[0].plot([], [], "o", color="#08519c", label="own thresholds")
    axes[0].plot([], [], "o", color="#d94801", label="tuned")
    axes[0].legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def main():
    """Train, compare and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="an .npz file, or the folder of openclipart")
    parser.add_argument("--only", nargs="+", help="names of settings")
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--samples", type=int, default=7000, help="mosaics in all")
    parser.add_argument("--size", type=int, default=32, help="pixels of a side")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    X, y, authors, name = read_data(options)
    folder = OUTPUTS / "multilabel" / f"{name}, {len(X)}"
    folder.mkdir(parents=True, exist_ok=True)
    found = compare(X, y, authors, options, folder)
    print_table(found)
    title = f"{name}, {options.epochs} epochs, {options.seeds} seeds"
    draw(found, title, OUTPUTS / f"multilabel-{name}.png")


if __name__ == "__main__":
    main()
