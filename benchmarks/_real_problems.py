"""Real data with several targets each: small images and tables."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from mtlearn import Classification, Regression, Tasks
from mtlearn.datasets import load_wine_quality

# Items of each data set that the second target tells from the others.
DIGITS_WITH_LOOPS = (0, 6, 8, 9)
SHOES = (5, 7, 9)
VEHICLES = (0, 1, 8, 9)
IMAGES = Tasks(item=Classification(10), group=Classification(2), shape=Regression())
WINE = Tasks(quality=Regression(), good=Classification(2), alcohol=Regression())
CROP = 24
Shape = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """Rows to learn from and to test with.

    Attributes
    ----------
    name : str
        Of the data set, with its number of rows.
    X, X_test : ndarray of shape (n_samples, ...)
        Images in [0, 1], or columns of a table of about unit variance.
    y, y_test : ndarray of shape (n_samples, n_tasks)
        Labels.
    tasks : Tasks
        What the columns of y are.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    tasks: Tasks

    @property
    def has_images(self) -> bool:
        """Whether X holds images."""
        return self.X.ndim > 2


def centre(X: np.ndarray) -> np.ndarray:
    """Return how far down the light of each image lies, from 0 to 1."""
    light, rows, _ = _light(X)
    return (light * rows).sum(axis=(1, 2))


def slant(X: np.ndarray) -> np.ndarray:
    """Return the covariance of down and right over the light of each image."""
    light, rows, columns = _light(X)
    down, right = ((light * at).sum(axis=(1, 2)) for at in (rows, columns))
    return (light * rows * columns).sum(axis=(1, 2)) - down * right


def _light(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the share of light of each pixel, and where it is."""
    light = X.reshape(*X.shape[:3], -1).sum(axis=3, dtype=np.float64)
    light /= np.maximum(light.sum(axis=(1, 2), keepdims=True), 1e-9)
    rows, columns = (np.linspace(0, 1, side) for side in light.shape[1:])
    return light, rows[:, np.newaxis], columns


def _targets(
    X: np.ndarray, item: np.ndarray, group: tuple[int, ...], shape: Shape
) -> np.ndarray:
    return np.column_stack([item, np.isin(item, group), 100 * shape(X)])


def _split(
    name: str, X: np.ndarray, y: np.ndarray, n_rows: int, n_test: int, seed: int
) -> Problem:
    n_rows = min(n_rows, len(X) * 3 // 4)
    X, X_test, y, y_test = train_test_split(
        X,
        y,
        train_size=n_rows,
        test_size=min(n_test, len(X) - n_rows),
        stratify=y[:, 0],
        random_state=seed,
    )
    return Problem(f"{name} {len(X)}", X, y, X_test, y_test, IMAGES)


def digits(n_rows: int, n_test: int, seed: int) -> Problem:
    """Return scikit-learn's digits, as images of 8 x 8."""
    X, item = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32).reshape(-1, 8, 8)
    y = _targets(X, item, DIGITS_WITH_LOOPS, centre)
    return _split("digits", X, y, n_rows, n_test, seed)


def digits_table(n_rows: int, n_test: int, seed: int) -> Problem:
    """Return the same digits as a table of 64 columns."""
    of = digits(n_rows, n_test, seed)
    X, X_test = (2 * (each.reshape(len(each), -1) - 0.5) for each in (of.X, of.X_test))
    return Problem(f"{of.name}, table", X, of.y, X_test, of.y_test, of.tasks)


def wine(color: str, n_rows: int, seed: int) -> Problem:
    """Return wine, equal wines on one side; alcohol is a target here."""
    frame = load_wine_quality(color=color)
    data, target = np.asarray(frame.data, float), np.asarray(frame.target, float)
    at = list(frame.feature_names).index("alcohol")
    y = np.column_stack([target, data[:, at]])
    X = np.delete(data, at, axis=1)
    groups = np.unique(data, axis=0, return_inverse=True)[1].ravel()
    split = GroupShuffleSplit(1, test_size=0.2, random_state=seed)
    rows, test = next(split.split(X, groups=groups))
    rows = rows[:n_rows]
    mean, scale = X[rows].mean(axis=0), X[rows].std(axis=0)
    X = (X - mean) / scale
    name = f"wine, {color} {len(rows)}"
    return Problem(name, X[rows], y[rows], X[test], y[test], WINE)


def from_archive(
    path: str, name: str, group: tuple[int, ...], shape: Shape = centre
) -> Callable[[int, int, int], Problem]:
    """Make the reader of an archive of images, in grey or colour."""

    def read(n_rows: int, n_test: int, seed: int) -> Problem:
        with np.load(Path(path)) as archive:
            arrays = {each.lower(): archive[each] for each in archive.files}
        X, item = (
            np.concatenate([arrays[key] for key in sorted(arrays) if key[0] == which])
            for which in "xy"
        )
        rows = np.random.default_rng(seed).permutation(len(X))
        rows = rows[: 2 * (n_rows + n_test)]
        X, item = X[rows].astype(np.float32) / 255, item[rows].ravel()
        if X.shape[1] > 28:  # the middle of photographs
            first = (X.shape[1] - CROP) // 2
            X = X[:, first : first + CROP, first : first + CROP]
        y = _targets(X, item, group, shape)
        return _split(name, X, y, n_rows, n_test, seed)

    return read
