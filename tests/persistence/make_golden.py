"""Write the files of the present format that later versions must read.

Run it once for each version of the format, and commit what it writes:
``PYTHONPATH=tests python tests/persistence/make_golden.py``. It leaves files of other
versions alone, and does not write those of a version twice.
"""

from pathlib import Path

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from mtlearn import (
    Classification,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    VotingEnsemble,
    save,
)
from mtlearn.persistence._save import FORMAT
from mtlearn.preprocessing import GlobalMaxScaler, ImageReshaper, ImageStandardScaler
from tiny_problems import image_estimator, make_images, make_table, table_estimator

GOLDEN = Path(__file__).with_name("golden")


def images():
    """Return a fitted pipeline, and images as the input of its first step."""
    X, y = make_images()
    estimator = image_estimator(
        precision="float32",
        early_stopping=True,
        averaging="ema",
        lr_schedule="cosine",
        augmentation="light",
    )
    steps = [
        ("shape", ImageReshaper(image_shape=(6, 6, 1))),
        ("max", GlobalMaxScaler()),
        ("scale", ImageStandardScaler()),
        ("model", estimator),
    ]
    X = X.reshape(len(X), -1)
    return Pipeline(steps).fit(X, y), X[:4]


def tables():
    """Return a calibrated ensemble of ensembles, and rows."""
    X, y = make_table()
    labels = np.array(["low", "middle", "high"])[y[:, 0].astype(int)]
    y = np.column_stack([labels.astype(object), y[:, 1]])
    tasks = Tasks(kind=Classification(), size=Regression(bounds=(-20.0, 40.0)))
    voting = VotingEnsemble(
        [
            ("seeds", SeedEnsemble(table_estimator(tasks), 2, random_state=0)),
            ("one", table_estimator(tasks, optimizer="sgd")),
        ],
        weights=[2, 1],
    ).fit(X, y)
    return TemperatureScaled(FrozenEstimator(voting)).fit(X, y), X[:4]


def main():
    """Write what is not there."""
    GOLDEN.mkdir(exist_ok=True)
    for make in (images, tables):
        path = GOLDEN / f"{make.__name__}-{FORMAT.version}.mtlearn"
        if path.exists():
            continue
        estimator, X = make()
        save(estimator, path)
        first, second = estimator.predict_proba(X)
        np.savez(path.with_suffix(".npz"), X=X, first=first, second=second)
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
