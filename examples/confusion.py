"""Which digits and patterns a network confuses: counts, rates, the worst pairs.

Trains a small residual network on the handwritten digits of
``mtlearn.datasets.make_multitask_digits``. Writes ``outputs/confusion.png`` and
``outputs/confusion_errors.png``, and prints the pairs most often confused.

Run from anywhere: ``python examples/confusion.py``
"""

import argparse
from pathlib import Path

import matplotlib

from mtlearn import Classification, MultiTaskImageEstimator, Partial, Tasks
from mtlearn.datasets import make_multitask_digits
from mtlearn.inspection import ConfusionDisplay
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import ResNet

OUTPUTS = Path("outputs")


def main():
    """Train, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=30)
    given = parser.parse_args()
    matplotlib.use("Agg")
    OUTPUTS.mkdir(exist_ok=True)

    X, y = make_multitask_digits(given.samples, random_state=0)
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y[:, :2], test_size=0.3, stratify=y[:, :2], random_state=0
    )
    estimator = MultiTaskImageEstimator(
        Tasks(digit=Classification(10), item=Classification(32)),
        backbone=Partial(
            ResNet, widths=(8, 16), n_blocks=1, n_features=32, dropout=0.5
        ),
        max_epochs=given.epochs,
        lr=3e-3,
        lr_schedule="cosine",
        precision="float32",
        random_state=0,
    ).fit(X_train, y_train)

    display = ConfusionDisplay.from_estimator(estimator, X_test, y_test)
    for task in display.matrices:
        print(f"{task}: most often confused")
        for each in display.confused(5, task):
            print(
                f"  {each.true} as {each.predicted}: {each.count:g} ({each.rate:.0%})"
            )
    display.plot().figure_.savefig(OUTPUTS / "confusion.png", dpi=80)
    display.plot(normalize=True, mask_diagonal=True)
    display.figure_.savefig(OUTPUTS / "confusion_errors.png", dpi=80)


if __name__ == "__main__":
    main()
