"""Which tasks pull against each other in the weights they share, by layer and epoch.

Trains a small residual network on the three targets of
``mtlearn.datasets.make_multitask_digits``. Writes ``outputs/task_conflict.png``, and
prints the pairs of tasks that pull against each other most.

Run from anywhere: ``python examples/task_conflict.py``
"""

import argparse
from pathlib import Path

import matplotlib

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.inspection import TaskConflictDisplay
from mtlearn.networks import ResNet

OUTPUTS = Path("outputs")


def described(pair):
    """Say how two tasks stand to each other."""
    parts = f"{pair.part_cosine:.2f} ± {pair.std_error:.2f}"
    return f"{pair.task}, {pair.other}: {pair.cosine:.2f}, in parts of the rows {parts}"


def main():
    """Train, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1500)
    parser.add_argument("--epochs", type=int, default=15)
    given = parser.parse_args()
    matplotlib.use("Agg")
    OUTPUTS.mkdir(exist_ok=True)

    X, y = make_multitask_digits(given.samples, random_state=0)
    estimator = MultiTaskImageEstimator(
        Tasks(
            digit=Classification(10),
            item=Classification(32),
            shade=Regression(bounds=(0, 1)),
        ),
        backbone=Partial(
            ResNet, widths=(8, 16), n_blocks=1, n_features=32, dropout=0.5
        ),
        max_epochs=given.epochs,
        lr=3e-3,
        lr_schedule="cosine",
        precision="float32",
        random_state=0,
    )

    display = TaskConflictDisplay.from_training(estimator, X, y, random_state=0)
    print("the pair with the lowest cosine in all shared weights, by epoch")
    for epoch in display.epochs:
        print(f"{epoch:4}  {described(display.conflicts(1, epoch=epoch)[0])}")
    print("all pairs, after the last epoch")
    for pair in display.conflicts():
        below = f"below zero in {pair.negative_layers:.0%} of the layers"
        print(f"      {described(pair)}, {below}")
    display.plot().figure_.savefig(OUTPUTS / "task_conflict.png", dpi=80)


if __name__ == "__main__":
    main()
