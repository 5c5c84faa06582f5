"""The features that three tasks share, in two dimensions.

Trains a small residual network on the handwritten digits of
``mtlearn.datasets.make_multitask_digits``, and computes t-SNE of the shared features of
held-out images. Writes ``outputs/embedding.png``, coloured by the digit, by the item
and by the shade.

Run from anywhere: ``python examples/embedding.py``
"""

import argparse
from pathlib import Path

import matplotlib
from sklearn.pipeline import make_pipeline

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.inspection import EmbeddingDisplay
from mtlearn.metrics import task_report
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import ResNet
from mtlearn.preprocessing import ImageStandardScaler

OUTPUTS = Path("outputs")


def main():
    """Train, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=4000, help="images in all")
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    OUTPUTS.mkdir(exist_ok=True)
    X, y = make_multitask_digits(options.samples, random_state=0)
    X_train, X_test, y_train, y_test = multitask_train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=0
    )
    tasks = Tasks(
        digit=Classification(10),
        item=Classification(32),
        shade=Regression(bounds=(0, 1)),
    )
    estimator = MultiTaskImageEstimator(
        tasks,
        backbone=Partial(ResNet, widths=(16, 32, 64), n_blocks=1, dropout=0.5),
        lr=2e-3,
        lr_schedule="cosine",
        max_epochs=options.epochs,
        precision="float32",  # the same on every machine
        random_state=0,
    )
    model = make_pipeline(ImageStandardScaler(), estimator).fit(X_train, y_train)
    print(task_report(model, X_test, y_test))

    display = EmbeddingDisplay.from_estimator(
        model, X_test, y_test, max_samples=800, random_state=0
    )
    print(display.frame().head().to_string())
    display.plot().figure_.savefig(OUTPUTS / "embedding.png", dpi=80)


if __name__ == "__main__":
    main()
