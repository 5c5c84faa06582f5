"""Tables with columns of every sort, and networks for them."""

import numpy as np
import pandas as pd

from mtlearn import Classification, Partial, Regression, Tasks
from mtlearn.networks import CGC, MLP, TabM
from tiny_problems import table_estimator

NAN = np.nan


def make_frame(n_samples=48, seed=0):
    """Return columns of every sort, and labels that follow from some."""
    rng = np.random.default_rng(seed)
    colour = rng.choice(["blue", "green", "red"], n_samples)
    gap = np.where(rng.random(n_samples) < 0.3, NAN, rng.normal(size=n_samples))
    X = pd.DataFrame(
        {
            "colour": colour,
            "number": rng.normal(size=n_samples),
            "gap": gap,
            "grade": pd.Categorical(np.where(rng.random(n_samples) < 0.2, NAN, 2.0)),
            "flag": rng.random(n_samples) < 0.5,
        }
    )
    y = np.column_stack([colour == "red", np.isnan(gap) * 3 + X["number"]])
    return X, y


X, Y = make_frame()
TASKS = Tasks(kind=Classification(2), size=Regression())
BACKBONES = {
    "mlp": Partial(MLP, hidden=(8,)),
    "tabm": Partial(TabM, n_members=3, hidden=(4,), n_bins=3, width=2),
    "cgc": Partial(
        CGC, n_shared=1, n_own=1, trunk="mlp", trunk_params={"hidden": (4,)}
    ),
}


def estimator(backbone="mlp", **params):
    return table_estimator(
        TASKS, **{"backbone": BACKBONES[backbone], "batch_size": 16, **params}
    )
