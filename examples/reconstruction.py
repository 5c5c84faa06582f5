"""What a Reconstruction beside the classes brings, and what it brings where few are.

Trains the same network with and without a `Reconstruction`, on images that all have a
label, and on the same images of which few have one; without the task, those without a
label teach nothing. Prints the accuracy, and how well the distances in the features
tell unknown images, over several seeds. Needs matplotlib, for printed letters:
``python -m pip install 'mtlearn[plot]'``

Run from anywhere: ``python examples/reconstruction.py``, on scikit-learn's digits; or
on archives as that of MNIST, with `X_train`, `y_train`, `X_test` and `y_test`:
``python examples/reconstruction.py --known mnist.npz --unknown fashion_mnist.npz``
"""

import argparse
from pathlib import Path

import numpy as np
from image_sets import load_known, load_unknown, photograph_parts, printed_letters
from open_set import make_estimator
from sklearn.model_selection import train_test_split

from mtlearn import Classification, Head, OpenSetClassifier, Reconstruction, Tasks
from mtlearn.inspection import OpenSetCurveDisplay

N_UNKNOWN = 1000  # of each set that is made here
CLASSES = {"digit": Classification(head=Head(()))}
TASKS = {
    "without": Tasks(**CLASSES),
    "with": Tasks(**CLASSES, image=Reconstruction()),
}


def train_on_all(tasks, train, test, unknown, options, seed):
    """Return the accuracy, and the AUROC of each score and unknown set, in per cent."""
    classifier = OpenSetClassifier(
        make_estimator(tasks, options, seed),
        calibration=0.2,  # one fit: curves need no threshold that is exact
        random_state=seed,
    ).fit(*train)
    X, y = test
    figures = {"accuracy": (classifier.predict_known(X) == y).mean()}
    display = OpenSetCurveDisplay.from_estimator(classifier, X, y, unknown)
    for curve in display.curves:
        figures[f"AUROC {curve.unknown}, {curve.name}"] = curve.roc_auc
    return figures


def train_on_few(tasks, train, test, options, seed):
    """Return the accuracy of what learns from few labels."""
    X, y = train
    labelled, _ = train_test_split(
        np.arange(len(X)), train_size=options.labels, stratify=y, random_state=seed
    )
    name = f"accuracy, {options.labels} labels of {len(X)}"
    few = np.full(len(X), np.nan)
    few[labelled] = y[labelled]
    estimator = make_estimator(tasks, options, seed)
    if len(tasks) == 1:
        # The others would teach nothing: as many images take more epochs.
        estimator.max_epochs *= round(len(X) / options.labels)
        X, few = X[labelled], few[labelled]
    else:
        # Else those with a label would be few of each batch.
        estimator.sampler = "tasks"
    estimator.fit(X, few)
    X, y = test
    return {name: (estimator.predict(X) == y).mean()}


def show(figures):
    """Print each figure without the task and with it, and the difference."""
    width = max(map(len, figures["with"]))
    print(f"{'':{width}}" + "".join(f"{name:>16}" for name in (*TASKS, "difference")))
    for name, values in figures["with"].items():
        pair = 100 * np.array([figures["without"][name], values])
        columns = (*pair, pair[1] - pair[0])
        cells = "".join(f"{each.mean():9.2f} ± {each.std():4.2f}" for each in columns)
        print(f"{name:{width}}{cells}")


def main():
    """Train both over several seeds, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--known", type=Path, help="default: scikit-learn's digits")
    parser.add_argument("--unknown", type=Path, nargs="*", default=[])
    parser.add_argument("--parts", nargs="+", default=["all", "few"], help="or one")
    parser.add_argument("--rows", type=int, default=1000, help="to learn from")
    parser.add_argument("--labels", type=int, default=100, help="where few have one")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--precision", default="auto", help="such as bfloat16")
    options = parser.parse_args()

    X, y, X_test, y_test = load_known(options.known)
    size = X.shape[1:]
    unknown = {path.stem: load_unknown(path, size) for path in options.unknown}
    unknown["photographs"] = photograph_parts(size, N_UNKNOWN)
    unknown["letters"] = printed_letters(size, N_UNKNOWN)
    figures = {name: {} for name in TASKS}
    for seed in range(options.seeds):
        rows, _ = train_test_split(
            np.arange(len(X)), train_size=options.rows, stratify=y, random_state=seed
        )
        train, test = (X[rows], y[rows]), (X_test, y_test)
        for name, tasks in TASKS.items():
            found = {}
            if "all" in options.parts:
                found |= train_on_all(tasks, train, test, unknown, options, seed)
            if "few" in options.parts:
                found |= train_on_few(tasks, train, test, options, seed)
            for figure, value in found.items():
                figures[name].setdefault(figure, []).append(value)
        print(f"seed {seed} is done", flush=True)
    print(f"\n{options.rows} images to learn from, {len(X_test)} to test with; "
          f"per cent, mean ± deviation of {options.seeds} seeds\n")  # fmt: skip
    show(figures)


if __name__ == "__main__":
    main()
