"""Changes of rows that draw nothing or little, and what their means must be."""

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

from mtlearn import TestTimeAugmented


def flip(x, generator):
    """Draw nothing."""
    return x.flip(3)


class Jitter:
    """Move the cells of a table a little."""

    def __call__(self, x, generator):
        return x + 0.1 * torch.randn(x.shape, generator=generator, dtype=x.dtype)

    # Names of tests have it, and are to be those of every process.
    def __repr__(self):
        return "jitter"


jitter = Jitter()


def flipped(estimator, X):
    """Return what the mean over images and their mirror images must be."""
    pairs = zip(
        estimator.predict_proba(X), estimator.predict_proba(X[:, :, ::-1]), strict=True
    )
    return [(plain + mirrored) / 2 for plain, mirrored in pairs]


def assert_near(found, expected, **tolerances):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **{"atol": 1e-6, **tolerances})


def around(estimator, n=2, augmentation=flip, **params):
    """Put an estimator that is fitted into one that needs no rows."""
    outer = TestTimeAugmented(
        FrozenEstimator(estimator), n, augmentation=augmentation, **params
    )
    return outer.fit(None)
