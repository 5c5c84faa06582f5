"""The main job: one network, three targets, from raw arrays to a loaded model.

Trains on the handwritten digits that scikit-learn ships (see
``mtlearn.datasets.make_multitask_digits``), compares each task with its baseline,
tunes by cross-validation, and uses the saved model in a fresh process. Writes
``outputs/quickstart.mtlearn``, and the page ``outputs/quickstart.html`` about it.

Run from anywhere: ``python examples/quickstart.py``
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
    report,
    save,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.exceptions import MissingDependencyError
from mtlearn.metrics import task_report, task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold, multitask_train_test_split
from mtlearn.networks import ResNet
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper

OUTPUTS = Path("outputs")
TASKS = Tasks(
    digit=Classification(10),
    item=Classification(32),
    shade=Regression(bounds=(0, 1)),
)


def make_model(**settings):
    """Return the pipeline from raw images to predictions."""
    # With a number of threads, figures are the same for every n_jobs.
    estimator = MultiTaskImageEstimator(TASKS, random_state=0, n_threads=1, **settings)
    return Pipeline(
        [
            ("reshape", ImageReshaper()),
            ("scale", GlobalMaxScaler()),
            ("model", estimator),
        ]
    )


def train(X, y, epochs):
    """Fit the pipeline with a progress bar."""
    model = make_model(
        backbone=Partial(ResNet, widths=(16, 32, 64), n_blocks=1, dropout=0.1),
        max_epochs=epochs,
        lr_schedule="one_cycle",
        lr=5e-3,
        early_stopping=True,
        verbose=1,
    )
    started = time.perf_counter()
    model.fit(X, y)
    net = model["model"].net_.module_
    n_weights = sum(weight.numel() for weight in net.parameters())
    print(f"{n_weights:,} weights, {time.perf_counter() - started:.0f} s of training\n")
    return model


def tune(X, y, epochs):
    """Search a learning rate and a task's weight, with scores for each task."""
    small = make_model(
        backbone=Partial(
            ResNet, widths=(8, 16, 32), n_blocks=1, n_features=64, dropout=0.0
        ),
        max_epochs=epochs,
        lr_schedule="one_cycle",
    )
    search = GridSearchCV(
        small,
        {"model__lr": [2e-3, 1e-2], "model__tasks__digit__weight": [1.0, 2.0]},
        scoring=task_scorers(TASKS),
        refit="mean_score",
        cv=MultiTaskStratifiedKFold(2, tasks=TASKS, random_state=0),
        n_jobs=2,
    ).fit(X, y)
    shown = ("digit_accuracy", "item_accuracy", "shade_r2", "mean_score")
    print("   lr  digit weight " + "".join(f"{name:>16}" for name in shown))
    results = search.cv_results_
    for i, params in enumerate(results["params"]):
        scores = [results[f"mean_test_{name}"][i] for name in shown]
        print(
            f"{params['model__lr']:5.0e} {params['model__tasks__digit__weight']:>13} "
            + "".join(f"{score:16.3f}" for score in scores)
        )
    print(f"best by mean_score: {search.best_params_}\n")


def predict_in_fresh_process(model, X):
    """Save the model, load it in another Python and predict there."""
    path, images, answers = (OUTPUTS / f"quickstart{end}" for end in ENDINGS)
    save(model, path)
    np.save(images, X)
    code = (
        "import sys, numpy as np, mtlearn; path, images, answers = sys.argv[1:]; "
        "np.save(answers, mtlearn.load(path).predict(np.load(images)))"
    )
    files = [str(file) for file in (path, images, answers)]
    subprocess.run([sys.executable, "-c", code, *files], check=True)
    predicted = np.load(answers)
    images.unlink()
    answers.unlink()
    same = np.array_equal(predicted, model.predict(X))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    print(f"in a fresh process: {X.shape} -> {predicted.shape}, same as here: {same}\n")


ENDINGS = (".mtlearn", "-images.npy", "-answers.npy")


def write_report(model, X, y):
    """Write a page with the figures, pictures and worst cases of test rows."""
    path = OUTPUTS / "quickstart.html"
    try:
        page = report(model, X, y, path=path)
    except MissingDependencyError as error:
        print(f"No page: {error}")
        return
    print(f"{path}: open it in a browser. What stands out:")
    for finding in page.findings or ["nothing of what it looks for"]:
        print(f"  {finding}")


def main():
    """Run every step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=3000, help="images in all")
    parser.add_argument("--epochs", type=int, default=12, help="half in the search")
    options = parser.parse_args()
    OUTPUTS.mkdir(exist_ok=True)
    X, y = make_multitask_digits(options.samples, random_state=0)
    print(f"X {X.shape} {X.dtype}, y {y.shape}: {', '.join(TASKS.names)}\n")
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=0
    )
    model = train(X_train, y_train, options.epochs)
    print(task_report(model, X_test, y_test), "\n")
    tune(X_train, y_train, max(1, options.epochs // 2))
    predict_in_fresh_process(model, X_test)
    write_report(model, X_test, y_test)


if __name__ == "__main__":
    main()
