"""Open-set classifiers of points and of tiny images, and samples to judge them by."""

from functools import cache

import numpy as np

from mtlearn import Classification, OpenSetClassifier, Tasks
from open_problems import known_points, point_estimator, two_columns, unknown_points
from tiny_problems import image_estimator

SETTINGS = {"quantile": 0.8, "calibration": 0.2, "random_state": 0}
X, Y = known_points(360)
TRAIN, TEST = slice(0, 240), slice(240, 360)
FAR = unknown_points(30)
# Around the middle of the three centres, where some are like one of them.
NEAR = np.random.default_rng(3).normal(1.3, 1.5, size=(50, 3))


def of_points(**params):
    return OpenSetClassifier(point_estimator(max_epochs=4), **{**SETTINGS, **params})


@cache
def fitted_points(**params):
    return of_points(**params).fit(X[TRAIN], Y[TRAIN])


@cache
def fitted_columns(per="task"):
    """Return a classifier of two tasks with three and two classes."""
    labels, tasks = two_columns(Y)
    open_set = OpenSetClassifier(
        point_estimator(tasks, max_epochs=4), per=per, **SETTINGS
    )
    return open_set.fit(X[TRAIN], labels[TRAIN])


def stripes(n_samples, angle, seed=0):
    """Return grey images of 6 x 6 pixels, of stripes: upright, lying or slanted."""
    rng = np.random.default_rng(seed)
    across = np.add.outer(*[np.arange(6) * each for each in angle])
    phase = rng.uniform(0, 0.6, size=(n_samples, 1, 1))
    noise = rng.normal(0, 0.1, size=(n_samples, 6, 6))
    return (np.sin(across * np.pi / 2 + phase) + noise)[..., np.newaxis]


LYING, UPRIGHT, SLANTED = (1, 0), (0, 1), (1, 1)
IMAGES = np.concatenate([stripes(60, LYING), stripes(60, UPRIGHT)])
KINDS = np.repeat(["lying", "upright"], 60)
OTHERS = np.concatenate([stripes(15, SLANTED), stripes(3, LYING, seed=9)])


@cache
def fitted_images():
    tasks = Tasks(stripes=Classification())
    estimator = image_estimator(tasks, max_epochs=8, lr=0.03)
    return OpenSetClassifier(estimator, **SETTINGS).fit(IMAGES[::2], KINDS[::2])
