"""A classification that is fitted on labels alone."""

import numpy as np

from mtlearn.tasks import Classification


def fitted(labels, *args, weights=None, **kwargs):
    labels = np.asarray(labels)
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, float)
    return Classification(*args, **kwargs).fit(labels, weights, "a")
