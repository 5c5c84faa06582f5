"""Labels that are there or not, some cells unknown; and tiny estimators of them."""

import numpy as np

from mtlearn import MultiLabel, Regression, Tasks
from tiny_problems import table_estimator

NAN = float("nan")
NAMES = ["sun", "sea", "sky", "fog"]


def made_labels(n=200, seed=0):
    """Return y with holes (fog is never there), probabilities, and weights of rows."""
    rng = np.random.default_rng(seed)
    share = np.array([0.7, 0.3, 0.1, 0.0])
    y = (rng.random((n, 4)) < share).astype(float)
    chance = rng.beta(1 + 3 * y, 2)
    y[rng.random(y.shape) < 0.15] = NAN
    return y, chance, rng.uniform(0.5, 2, size=n)


def fitted_table(n=80, **params):
    """Return a fitted estimator of three labels and a value, its X and y with holes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    tags = (X[:, :3] > [-0.5, 0.3, 0.9]).astype(float)
    tags[rng.random(tags.shape) < 0.1] = NAN
    y = np.column_stack([tags, X[:, 3]])
    tasks = Tasks(tags=MultiLabel(NAMES[:3], **params), size=Regression())
    return table_estimator(tasks, max_epochs=15).fit(X, y), X, y
