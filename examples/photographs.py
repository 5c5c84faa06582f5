"""From a folder of photographs and a table of labels to predictions of new files.

Writes JPEGs of many sizes, parts of the two photographs that scikit-learn ships, and a
``labels.csv`` with what each shows, how light it is, and from which part of the
photograph it comes; some labels are missing. Then, from names of files alone: scores
with parts kept together, a network, predictions of new files in a CSV, and a page with
the worst of them. Needs Pillow, pandas and matplotlib:
``python -m pip install 'mtlearn[images,pandas,report]'``

Run from anywhere: ``python examples/photographs.py``
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.model_selection import GroupKFold, cross_validate

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
    report,
)
from mtlearn.augmentation import Augmentation
from mtlearn.data import ImageFiles, check_files
from mtlearn.metrics import task_report, task_scorers
from mtlearn.networks import ResNet
from mtlearn.pipeline import make_pipeline
from mtlearn.preprocessing import ImageNormalizer, ImageReader

OUTPUTS = Path("outputs")
KINDS = ("temple", "flower")  # what the two photographs show
N_PARTS = 6
TASKS = Tasks(kind=Classification(), light=Regression(bounds=(0, 1)))


def write_photographs(folder, n_files, random_state=0):
    """Write parts of photographs and a table about them; return the table."""
    rng = np.random.default_rng(random_state)
    photographs = [Image.fromarray(each) for each in load_sample_images().images]
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(n_files):
        kind = number % 2
        photograph = photographs[kind]
        part = int(rng.integers(N_PARTS))
        side = int(rng.uniform(0.1, 0.6) * photograph.height)
        # Parts lie side by side, and what is cut out of them may overlap.
        room = photograph.width - side
        left = int(room * (part + rng.random()) / N_PARTS)
        top = int(rng.integers(photograph.height - side))
        size = int(rng.integers(48, 160))
        image = photograph.resize(
            (size, int(size * rng.uniform(0.7, 1.4))),
            box=(left, top, left + side, top + side),
        )
        name = f"{number:04d}.jpg"
        image.save(folder / name, quality=90)
        light = np.asarray(image.convert("L")).mean() / 255
        rows.append((name, KINDS[kind], round(light, 3), f"{KINDS[kind]} {part}"))
    table = pd.DataFrame(rows, columns=["file", "kind", "light", "part"])
    # Nobody labels everything.
    table.loc[rng.random(n_files) < 0.1, "kind"] = None
    table.loc[rng.random(n_files) < 0.1, "light"] = np.nan
    table.to_csv(folder / "labels.csv", index=False)
    return table


def make_model(folder, epochs):
    """Return a Pipeline from names of files to predictions."""
    return make_pipeline(
        ImageReader(image_size=48, root=folder),
        ImageNormalizer(),
        MultiTaskImageEstimator(
            TASKS,
            backbone=Partial(ResNet, widths=(16, 32), n_blocks=1, dropout=0.5),
            augmentation=Augmentation(flip="horizontal", value_range="imagenet"),
            lr=3e-3,
            lr_schedule="one_cycle",
            max_epochs=epochs,
            n_threads=1,
            random_state=0,
        ),
    )


def main():
    """Write photographs, score, train, predict and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    folder = OUTPUTS / "photographs"
    write_photographs(folder, options.files)
    table = pd.read_csv(folder / "labels.csv")
    broken = check_files(ImageFiles(table["file"], size=48, root=folder), verbose=0)
    print(f"{len(table)} files in {folder}, {len(broken)} of which cannot be read")
    print(table.head(4).to_string(index=False), "\n")

    y = table[["kind", "light"]]
    model = make_model(folder, options.epochs)
    scores = cross_validate(
        model,
        table["file"],
        y,
        cv=GroupKFold(3),
        groups=table["part"],
        scoring=task_scorers(TASKS),
    )
    for name in ("kind_accuracy", "light_r2"):
        found = scores[f"test_{name}"]
        print(
            f"{name} with parts kept together: {found.mean():.3f} ± {found.std():.3f}"
        )

    # The last part of each photograph is new.
    is_new = table["part"].str.endswith(str(N_PARTS - 1))
    model.fit(table["file"][~is_new], y[~is_new])
    new = table["file"][is_new]
    predicted = model.predict(new)
    predicted.insert(0, "file", new.to_numpy())
    predicted.to_csv(OUTPUTS / "predictions.csv", index=False)
    print(f"wrote {OUTPUTS / 'predictions.csv'}, of {len(predicted)} new files")
    print(task_report(model, new, y[is_new]))
    page = OUTPUTS / "photographs.html"
    report(model, new, y[is_new], path=page)
    print(f"wrote {page}: open it in a browser")


if __name__ == "__main__":
    main()
