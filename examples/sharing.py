"""What each target of a wine gains or loses by sharing a network with the others.

Of the red wines of ``mtlearn.datasets.load_wine_quality``, the alcohol (which is left
out of X) and whether a wine is good are known of all, the score of about 15 %.
Compares one network for the three targets with one network for each, on the same
folds, and prints the differences with their intervals, how much a step for one task
helps the others, and which tasks might share a network.

Run from anywhere: ``python examples/sharing.py``
"""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import Classification, MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.datasets import load_wine_quality
from mtlearn.inspection import sharing_report
from mtlearn.networks import MLP

UNKNOWN = 0.85  # scores that are missing
FOLDS = 5
REPEATS = 2
EPOCHS = 50


def main():
    """Compare and print."""
    X, y = load_wine_quality(return_X_y=True)
    y = np.column_stack([y, X[:, -1]])
    y[np.random.default_rng(0).random(len(y)) < UNKNOWN, 0] = np.nan
    estimator = MultiTaskEstimator(
        Tasks(quality=Regression(), good=Classification(2), alcohol=Regression()),
        backbone=Partial(MLP, hidden=(32,)),
        lr=1e-3,
        lr_schedule=None,
        max_epochs=EPOCHS,
        random_state=0,
    )
    report = sharing_report(
        make_pipeline(StandardScaler(), estimator),
        X[:, :-1],
        y,
        cv=FOLDS,
        n_repeats=REPEATS,
        random_state=0,
    )
    print(report)
    print("\naffinity: how much a step for one task lowers the loss of another")
    for task, others in report.affinity.items():
        for other, value in others.items():
            if other != task:
                print(f"  {task} for {other}: {value:+.1e}")


if __name__ == "__main__":
    main()
