"""What an ensemble gains over its members, for each task.

Trains a `SeedEnsemble` of small networks on the white wines of
``mtlearn.datasets.load_wine_quality``: the score as a number, and whether it is good.
Prints the report, and writes ``outputs/ensemble_gain.png``.

Run from anywhere: ``python examples/ensemble_gain.py``
"""

from pathlib import Path

import matplotlib
from sklearn.preprocessing import scale

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.datasets import load_wine_quality
from mtlearn.inspection import EnsembleGainDisplay
from mtlearn.metrics import ensemble_report
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import MLP

OUTPUTS = Path("outputs")
EPOCHS = 60
MEMBERS = 8


def main():
    """Train, print and draw."""
    matplotlib.use("Agg")
    OUTPUTS.mkdir(exist_ok=True)
    X, y = load_wine_quality("white", return_X_y=True)
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        scale(X), y, test_size=0.4, stratify=y, random_state=0
    )
    estimator = MultiTaskEstimator(
        Tasks(quality=Regression(), good=Classification(2)),
        backbone=Partial(MLP, hidden=(128, 128)),
        lr=3e-3,
        lr_schedule=None,
        max_epochs=EPOCHS,
    )
    ensemble = SeedEnsemble(estimator, MEMBERS, random_state=0).fit(X_train, y_train)

    report = ensemble_report(ensemble, X_test, y_test)
    print(report)
    display = EnsembleGainDisplay.from_report(report).plot()
    display.figure_.savefig(OUTPUTS / "ensemble_gain.png", dpi=80)


if __name__ == "__main__":
    main()
