"""The same API on a table: a wine's quality (a score) and whether it is good, at once.

Compares the joint network with scikit-learn's MLPs, one for each target, over
several seeds.

Run from anywhere: ``python examples/wine_quality.py``
"""

import numpy as np
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
from mtlearn.datasets import load_wine_quality
from mtlearn.metrics import task_report
from mtlearn.model_selection import multitask_train_test_split

TASKS = Tasks(quality=Regression(), good=Classification(2))
SEEDS = range(5)


def joint(X, y, seed):
    """Fit one network on both targets."""
    estimator = MultiTaskEstimator(
        TASKS, max_epochs=300, early_stopping=True, random_state=seed
    )
    return make_pipeline(StandardScaler(), estimator).fit(X, y)


def separate(X, y, seed):
    """Fit one of scikit-learn's networks for each target."""
    settings = {
        "hidden_layer_sizes": (64, 64),
        "early_stopping": True,
        "max_iter": 300,
        "random_state": seed,
    }
    quality = make_pipeline(StandardScaler(), MLPRegressor(**settings))
    good = make_pipeline(StandardScaler(), MLPClassifier(**settings))
    return quality.fit(X, y[:, 0]), good.fit(X, y[:, 1])


def main():
    """Train, compare and report."""
    X, y = load_wine_quality(return_X_y=True)
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    print(f"{len(X_train)} wines to train on, {len(X_test)} to test\n")
    scores = {"one network for both": [], "one MLP each": []}
    for seed in SEEDS:
        model = joint(X_train, y_train, seed)
        both = model.predict(X_test).T
        each = [mlp.predict(X_test) for mlp in separate(X_train, y_train, seed)]
        for name, (quality, good) in zip(scores, (both, each), strict=True):
            r2 = r2_score(y_test[:, 0], quality)
            scores[name].append((r2, accuracy_score(y_test[:, 1], good)))
    print(f"{'mean ± deviation of ' + str(len(SEEDS)) + ' seeds':28}{'quality R2':>16}"
          f"{'good accuracy':>18}")  # fmt: skip
    for name, values in scores.items():
        (r2, accuracy), (r2_spread, spread) = np.mean(values, 0), np.std(values, 0)
        print(f"{name:28}{r2:9.3f} ± {r2_spread:.3f}{accuracy:11.3f} ± {spread:.3f}")
    print("\nThe last of the joint networks:")
    print(task_report(model, X_test, y_test))


if __name__ == "__main__":
    main()
