"""Whether the probabilities of an ensemble come true, before and after a temperature.

Trains a `SeedEnsemble` of small networks on the handwritten digits of
``mtlearn.datasets.make_multitask_digits``, and a `TemperatureScaled` around it. Prints
the calibration error of each task and what the members' spread covers of the real
values. Writes ``outputs/calibration.png``.

Run from anywhere: ``python examples/calibration.py``
"""

import argparse
from pathlib import Path

import matplotlib
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.datasets import make_multitask_digits
from mtlearn.inspection import CalibrationDisplay
from mtlearn.model_selection import multitask_train_test_split
from mtlearn.networks import ResNet
from mtlearn.preprocessing import ImageStandardScaler

OUTPUTS = Path("outputs")


def make_model(epochs):
    """Return a pipeline of a small residual network for the three targets."""
    tasks = Tasks(
        digit=Classification(10),
        item=Classification(32),
        shade=Regression(bounds=(0, 1)),
    )
    estimator = MultiTaskImageEstimator(
        tasks,
        backbone=Partial(ResNet, widths=(8, 16, 32), n_blocks=1, dropout=0.5),
        lr=2e-3,
        lr_schedule="cosine",
        max_epochs=epochs,
        precision="float32",  # the same on every machine
    )
    return make_pipeline(ImageStandardScaler(), estimator)


def main():
    """Train, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=3000, help="images in all")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--members", type=int, default=4)
    options = parser.parse_args()
    OUTPUTS.mkdir(exist_ok=True)
    X, y = make_multitask_digits(options.samples, random_state=0)
    X_train, X_val, X_test, y_train, y_val, y_test = multitask_train_test_split(
        X, y, val_size=0.2, test_size=0.2, stratify=y, random_state=0
    )
    ensemble = SeedEnsemble(
        make_model(options.epochs), options.members, random_state=0
    ).fit(X_train, y_train)
    scaled = TemperatureScaled(FrozenEstimator(ensemble)).fit(X_val, y_val)

    before = CalibrationDisplay.from_estimator(ensemble, X_test, y_test)
    after = CalibrationDisplay.from_estimator(scaled, X_test, y_test)
    for name in ("digit", "item"):
        temperature = scaled.temperatures_[name]
        print(
            f"{name}: calibration error {before.error(name):.3f}, with the temperature "
            f"{temperature:.2f} {after.error(name):.3f}"
        )
    shade = before.frame().query("task == 'shade'")
    print(shade[["expected", "observed"]].round(2).to_string(index=False))

    # The curves of both in one picture, under names of their own.
    curves = {
        "digit": before.curves["digit"],
        "digit, scaled": after.curves["digit"],
        "shade": before.curves["shade"],
    }
    display = CalibrationDisplay(curves).plot()
    display.figure_.savefig(OUTPUTS / "calibration.png", dpi=80)


if __name__ == "__main__":
    main()
