"""Scores of wines as grades: `Ordinal` beside `Regression` and `Classification`.

The quality of a wine is a whole number from 3 to 8; few wines have the highest and the
lowest. Three networks learn it, alike but for the kind of their task, over several
seeds. Compared are figures of the predicted scores, those of the regression rounded.

Run from anywhere: ``python examples/ordinal_grades.py``
"""

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    mean_absolute_error,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, MultiTaskEstimator, Ordinal, Regression
from mtlearn.datasets import load_wine_quality

SEEDS = range(5)
FIGURES = ("accuracy", "balanced accuracy", "mean error", "weighted kappa")


def figures(true, predicted):
    """Return what is compared."""
    return (
        accuracy_score(true, predicted),
        balanced_accuracy_score(true, predicted),
        mean_absolute_error(true, predicted),
        cohen_kappa_score(true, predicted, weights="quadratic"),
    )


def main():
    """Train and compare."""
    X, y = load_wine_quality(return_X_y=True)
    scores = y[:, 0].astype(int)
    grades = np.unique(scores)
    kinds = {
        "Ordinal": Ordinal(grades.tolist()),
        "Regression": Regression(),
        "Classification": Classification(grades.tolist()),
    }
    found = {name: [] for name in kinds}
    for seed in SEEDS:
        X_train, X_test, y_train, y_test = train_test_split(
            X, scores, test_size=0.25, stratify=scores, random_state=seed
        )
        for name, kind in kinds.items():
            estimator = MultiTaskEstimator(
                kind, max_epochs=300, early_stopping=True, random_state=seed
            )
            model = make_pipeline(StandardScaler(), estimator).fit(X_train, y_train)
            predicted = model.predict(X_test)
            found[name].append(figures(y_test, np.rint(predicted).astype(int)))
    print(f"{len(X_train)} wines to train on, {len(X_test)} to test")
    print(f"mean ± deviation of {len(SEEDS)} seeds\n")
    print("".join([f"{'':16}", *(f"{name:>20}" for name in FIGURES)]))
    for name, rows in found.items():
        means, spreads = np.mean(rows, axis=0), np.std(rows, axis=0)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(means, spreads, strict=True)]
        print("".join([f"{name:16}", *(f"{cell:>20}" for cell in cells)]))


if __name__ == "__main__":
    main()
