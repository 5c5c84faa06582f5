"""Fitted estimators that give outputs which X holds."""

import numpy as np
from scipy.special import expit, softmax
from sklearn.frozen import FrozenEstimator

from mtlearn import (
    Classification,
    ConformalPredictor,
    MultiLabel,
    Regression,
    Tasks,
    VotingEnsemble,
)
from tiny_problems import table_estimator

TASKS = Tasks(kind=Classification(4), tags=MultiLabel(2), size=Regression())
N_COLUMNS = 7


def estimator_of(outputs, y, tasks=None):
    """Return a fitted estimator with outputs that are a function of X."""
    X = np.zeros((len(y), N_COLUMNS))
    estimator = table_estimator(tasks, max_epochs=1).fit(X, y)

    def of(X, decode=False, **how):
        found, tasks = outputs(X), estimator.tasks_
        if not decode:
            return found
        return [t.decode(each) for t, each in zip(tasks, found, strict=True)]

    estimator._outputs = of
    return estimator


def three_outputs(X):
    """Give probabilities of four classes and two labels, and a value."""
    return [softmax(X[:, :4], axis=1), expit(X[:, 4:6]), X[:, 6:7]]


def draw(rng, n):
    """Draw outputs that are too sure of themselves, and labels."""
    X = rng.normal(size=(n, N_COLUMNS)) * [2, 2, 2, 2, 3, 3, 1]
    chances = softmax(X[:, :4] / 2, axis=1)
    kind = (rng.random((n, 1)) > chances.cumsum(axis=1)).sum(axis=1).clip(max=3)
    tags = rng.random((n, 2)) < expit(X[:, 4:6] / 2)
    size = X[:, 6] + rng.standard_t(3, size=n)
    return X, np.column_stack([kind, tags, size])


def given():
    """Return an estimator of three kinds, to which `draw` gives outputs."""
    return estimator_of(three_outputs, draw(np.random.default_rng(0), 60)[1], TASKS)


def conformal(estimator, confidence=0.9, **params):
    return ConformalPredictor(FrozenEstimator(estimator), confidence, **params)


def ensemble_of(n_columns=3, n_samples=40):
    """Return an ensemble of three whose values of a task are columns of X."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_samples, n_columns)), rng.normal(size=n_samples)
    task = Regression(standardize=False)
    pairs = [(str(each), table_estimator(task, max_epochs=1)) for each in range(3)]
    ensemble = VotingEnsemble(pairs).fit(X, y)
    for place, member in enumerate(ensemble.estimators_):
        member._outputs = lambda X, place=place, **how: [X[:, [place]]]
    return ensemble
