"""How well each score of a wine is found, against how often it occurs.

Trains a small network on the white wines of ``mtlearn.datasets.load_wine_quality``,
with the scores from 3 to 9 as classes. Writes ``outputs/classwise.png``, and prints the
figures of each class and their correlation with its frequency.

Run from anywhere: ``python examples/classwise.py``
"""

from pathlib import Path

import matplotlib
from sklearn.preprocessing import scale

from mtlearn import Classification, MultiTaskEstimator, Partial, Tasks
from mtlearn.datasets import load_wine_quality
from mtlearn.inspection import ClasswiseDisplay
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import MLP

OUTPUTS = Path("outputs")
EPOCHS = 30


def main():
    """Train, print and draw."""
    matplotlib.use("Agg")
    OUTPUTS.mkdir(exist_ok=True)
    X, y = load_wine_quality("white", return_X_y=True)
    y = y.astype(int)
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        scale(X), y, test_size=0.4, stratify=y, random_state=0
    )
    estimator = MultiTaskEstimator(
        Tasks(quality=Classification(), good=Classification(2)),
        backbone=Partial(MLP, hidden=(32,)),
        lr=1e-3,
        lr_schedule=None,
        max_epochs=EPOCHS,
        random_state=0,
    ).fit(X_train, y_train)

    display = ClasswiseDisplay.from_estimator(
        estimator, X_test, y_test, tasks=["quality"]
    ).plot()
    display.figure_.savefig(OUTPUTS / "classwise.png", dpi=80)
    print(display.frame().round(3).to_string(index=False))
    for figure in ("recall", "precision", "f1"):
        found = display.correlation(figure=figure)
        print(f"{figure} and frequency: rho {found.rho:.2f}, p {found.p:.2g}")


if __name__ == "__main__":
    main()
