"""What the history says of validation rows while a network still learns quickly."""

import numpy as np
import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn import (
    Classification,
    Head,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
)
from mtlearn.networks import MLP, ResNet


@pytest.fixture(scope="module")
def stripes():
    """Return rows to train on and to hold out: stripes in noise, of four kinds."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 500)
    wave = np.sin(np.arange(12) * np.array([[1.0], [2.5]]) + 0.5)[y // 2]
    lying = (y % 2 == 0)[:, None, None]
    X = np.where(lying, wave[:, :, None], wave[:, None, :])
    X = (X + rng.normal(scale=0.5, size=X.shape)).astype(np.float32)
    return X[:300], y[:300], X[300:], y[300:]


def accuracy_by_the_batch(estimator, X, y):
    """Return the accuracy where batch norms take the statistics of the rows at hand."""
    network = estimator.net_.module_
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for module in network.modules():
        module.training = isinstance(module, _BatchNorm)
    with torch.no_grad():
        scores = network(torch.from_numpy(X)[:, None])[0]
    network.load_state_dict(state)
    network.eval()
    return np.mean(scores.argmax(dim=1).numpy() == y)


@pytest.mark.parametrize("averaging", [None, "ema"])
@pytest.mark.parametrize("validates", [True, False])
def test_held_out_figures_are_those_of_the_weights(stripes, validates, averaging):
    X, y, X_val, y_val = stripes
    estimator = MultiTaskImageEstimator(
        Classification(4, head=Head(hidden=())),
        backbone=Partial(ResNet, widths=(8, 16), n_blocks=1, dropout=0.0),
        precision="float32",
        lr=0.03,
        batch_size=64,
        max_epochs=2,
        averaging=averaging,
        n_threads=1,
        random_state=0,
    )
    given = {"X_val": X_val, "y_val": y_val} if validates else {}
    estimator.set_params(restore_best=False).fit(X, y, **given)
    expected = accuracy_by_the_batch(estimator, X_val, y_val)
    assert expected > 0.6
    score = estimator.score(X_val, y_val)
    assert score == pytest.approx(expected, abs=0.1)
    if validates:
        assert estimator.history_[-1]["valid_score"] == pytest.approx(score)


def test_small_chunks_move_the_averages_of_batch_norms():
    rng = np.random.default_rng(0)
    chunks = rng.normal(size=(3, 8, 2))
    estimator = MultiTaskEstimator(
        Regression(),
        backbone=Partial(MLP, hidden=(3,), batch_norm=True),
        lr=1e-12,
        random_state=0,
    )
    means, variances = [], []
    for X in chunks:
        estimator.partial_fit(X, X[:, 0])
        linear, norm = estimator.net_.module_.backbone.layers[:2]
        x = X @ linear.weight.detach().numpy().T
        means.append(x.mean(axis=0))
        variances.append(x.var(axis=0, ddof=1))
    # The first rows are all there is; those of later chunks are a tenth each.
    share = [0.81, 0.09, 0.1]
    mean, variance = share @ np.array(means), share @ np.array(variances)
    np.testing.assert_allclose(norm.running_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(norm.running_var, variance, rtol=1e-6)


def test_more_epochs_of_few_rows_have_statistics_of_their_own():
    first, X = np.random.default_rng(0).normal(size=(2, 8, 2))
    estimator = MultiTaskEstimator(
        Regression(),
        backbone=Partial(MLP, hidden=(3,), batch_norm=True),
        random_state=0,
        warm_start=True,
        max_epochs=1,
    ).fit(first, first[:, 0])
    estimator.set_params(max_epochs=4).fit(X, X[:, 0])  # 32 rows pass
    linear, norm = estimator.net_.module_.backbone.layers[:2]
    x = X @ linear.weight.detach().numpy().T
    np.testing.assert_allclose(norm.running_mean, x.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(norm.running_var, x.var(axis=0, ddof=1), rtol=1e-9)
