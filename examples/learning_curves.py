"""Losses and metrics by epoch: of one network, and of two settings with three seeds.

Trains small networks on the red wines of ``mtlearn.datasets.load_wine_quality``. Writes
``outputs/learning_curves.png`` and ``outputs/learning_curves_of_settings.png``, and
prints the last epoch's numbers.

Run from anywhere: ``python examples/learning_curves.py``
"""

from pathlib import Path

import matplotlib
from sklearn.preprocessing import scale

from mtlearn import Classification, MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.datasets import load_wine_quality
from mtlearn.inspection import LearningCurvesDisplay
from mtlearn.networks import MLP

OUTPUTS = Path("outputs")
EPOCHS = 30


def train(X, y, seed, **params):
    """Return a fitted estimator for a score and whether a wine is good."""
    tasks = Tasks(quality=Regression(), good=Classification(2))
    return MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=(16,)),
        max_epochs=EPOCHS,
        early_stopping=True,
        n_iter_no_change=EPOCHS,
        random_state=seed,
        **params,
    ).fit(X, y)


def main():
    """Draw both pictures."""
    matplotlib.use("Agg")
    OUTPUTS.mkdir(exist_ok=True)
    X, y = load_wine_quality(return_X_y=True)
    X = scale(X)

    display = LearningCurvesDisplay.from_estimator(train(X, y, 0)).plot()
    display.figure_.savefig(OUTPUTS / "learning_curves.png", dpi=80)
    frame = display.frame()
    last = frame[frame["epoch"] == frame["epoch"].max()]
    print(last.drop(columns=["label", "run", "epoch"]).to_string(index=False))

    display = LearningCurvesDisplay.from_histories(
        {
            f"lr={lr:g}": [train(X, y, seed, lr=lr).history_ for seed in range(3)]
            for lr in (1e-3, 1e-2)
        }
    ).plot(tasks=["quality", "good"])
    display.figure_.savefig(OUTPUTS / "learning_curves_of_settings.png", dpi=80)


if __name__ == "__main__":
    main()
