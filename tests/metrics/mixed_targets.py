"""Small mixed targets with labels missing in each task, and an estimator for them."""

import numpy as np
import pandas as pd
from skorch.helper import SliceDict

from mtlearn import Classification, MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.networks import MLP

CONTAINERS = ("array", "frame", "dict")


def make_estimator(tasks=None, **params):
    """Make an estimator that trains in a moment."""
    backbone = Partial(MLP, hidden=(8,))
    params = {"max_epochs": 3, "lr": 0.05, "random_state": 0, **params}
    return MultiTaskEstimator(tasks, backbone=backbone, **params)


def make_data():
    """Give X (60, 4) and y with digit (0, 1, 2), shade (real) and item (0, 1)."""
    X = np.random.default_rng(0).normal(size=(60, 4))
    noise = np.random.default_rng(1).normal(size=60)
    digit = np.digitize(X[:, 0] + noise / 2, [-0.5, 0.5])
    y = np.column_stack([digit, X[:, 1] * 2, X[:, 2] > 0])
    y[[3, 20], 0] = np.nan
    y[[4, 21, 40], 1] = np.nan
    y[5, 2] = np.nan
    return X, y


def make_tasks(container="array"):
    digits = ["no", "one", "two"] if container == "frame" else 3
    return Tasks(
        digit=Classification(digits), shade=Regression(), item=Classification(2)
    )


def hold(y, container):
    """Put y in a container; a DataFrame gets labels of several types."""
    columns = dict(zip(["digit", "shade", "item"], y.T, strict=True))
    if container == "array":
        return y
    if container == "dict":
        return SliceDict(**columns)
    frame = pd.DataFrame(columns)
    names = {0.0: "no", 1.0: "one", 2.0: "two"}
    frame["digit"] = frame["digit"].map(names).astype(object)
    frame["item"] = frame["item"].astype("Int64")
    return frame[["shade", "item", "digit"]]
