"""Estimators with a task that learns from X alone."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch.callbacks import Callback

from mtlearn import MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection import sharing_report
from mtlearn.networks import MLP
from shaped_kinds import Echo


def problem():
    X = np.random.default_rng(0).normal(size=(60, 3))
    return X, X.sum(axis=1)


def make(**params):
    return MultiTaskEstimator(
        Tasks(echo=Echo(3), size=Regression()),
        backbone=Partial(MLP, hidden=(4,)),
        n_threads=1,
        random_state=0,
        **params,
    )


class Weights(Callback):
    """Keeps the weights that tasks train with."""

    seen: ClassVar[dict] = {}

    def on_train_begin(self, net, X, **kwargs):
        weights = X[0].labels.weights
        self.seen.update(zip(net.tasks.names, weights, strict=True))


@pytest.mark.parametrize("by_task", [False, True])
def test_a_sharing_report_weighs_rows_as_a_fit_does(by_task):
    X, y = problem()
    weight = np.linspace(1, 2, 60)
    folds = [(np.arange(30), np.arange(30, 60))]
    Weights.seen.clear()
    sharing_report(
        make(max_epochs=1, callbacks=[Weights()]),
        X,
        y,
        cv=folds,
        sample_weight=weight[:, None] if by_task else weight,
    )
    expected = np.ones(30) if by_task else weight[:30]
    assert_allclose(Weights.seen["echo"], expected, rtol=1e-6)
    assert_allclose(Weights.seen["size"], weight[:30], rtol=1e-6)


def test_it_learns_from_the_inputs_as_they_were_given():
    X, y = problem()

    def hide(x, generator):
        return torch.zeros_like(x)

    history = make(max_epochs=2, augmentation=hide).fit(X, y).history_
    # Outputs that are the same for each row come no nearer than the mean does.
    assert history[-1]["train_echo_loss"] > 0.99 * X.var(axis=0).mean()


def test_its_weights_are_no_labels_to_validate_on():
    X, y = problem()
    with pytest.raises(InvalidDataError, match="y_val has no label"):
        make(early_stopping=True).fit(X, y, X_val=X[:5], y_val=np.full(5, np.nan))
    y[1:] = np.nan
    with pytest.raises(InvalidDataError, match="no label to validate on"):
        make(early_stopping=True).fit(X, y)
