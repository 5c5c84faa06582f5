"""How far predicted scores of wines are from the true ones, and whether that is noise.

Trains a small network on the red wines of ``mtlearn.datasets.load_wine_quality``:
alcohol and the score, from the other measurements. Writes ``outputs/residuals.png`` and
prints the figures.

Run from anywhere: ``python examples/residuals.py``
"""

from pathlib import Path

import matplotlib
import numpy as np
from sklearn.preprocessing import scale

from mtlearn import MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.datasets import load_wine_quality
from mtlearn.inspection import ResidualsDisplay
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import MLP

OUTPUTS = Path("outputs")
EPOCHS = 40


def main():
    """Train, print and draw."""
    matplotlib.use("Agg")
    OUTPUTS.mkdir(exist_ok=True)
    X, y = load_wine_quality(return_X_y=True)
    # The last measurement is the alcohol, in percent.
    y = np.column_stack([X[:, -1], y[:, 0]])
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        scale(X[:, :-1]), y, test_size=0.4, random_state=0
    )
    estimator = MultiTaskEstimator(
        Tasks(alcohol=Regression(), quality=Regression()),
        backbone=Partial(MLP, hidden=(16,)),
        lr=1e-3,
        lr_schedule=None,
        max_epochs=EPOCHS,
        random_state=0,
    ).fit(X_train, y_train)

    display = ResidualsDisplay.from_estimator(estimator, X_test, y_test).plot()
    display.figure_.savefig(OUTPUTS / "residuals.png", dpi=80)
    for task in display.true:
        print(task, display.figures(task))


if __name__ == "__main__":
    main()
