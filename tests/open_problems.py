"""Clouds of points in known places, and elsewhere."""

import numpy as np

from mtlearn import Classification, Tasks
from tiny_problems import table_estimator

CENTRES = np.array([[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]])


def known_points(n_samples=300, seed=0):
    """Return points around three centres, and which one each is of."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 3
    return CENTRES[y] + 0.5 * rng.normal(size=(n_samples, 3)), y


def unknown_points(n_samples=50, seed=1):
    """Return points on the other side of the origin."""
    rng = np.random.default_rng(seed)
    return rng.normal(-6, 0.5, size=(n_samples, 3))


def point_estimator(tasks=None, **params):
    tasks = Classification() if tasks is None else tasks
    defaults = {"max_epochs": 20, "batch_size": 50}
    return table_estimator(tasks, **{**defaults, **params})


def two_columns(y):
    """Return the columns `kind` (3 classes) and `first` (2), and their tasks."""
    labels = np.column_stack([y, y == 0]).astype(int)
    return labels, Tasks(kind=Classification(), first=Classification())
