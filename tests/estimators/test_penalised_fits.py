"""Linear models that the estimator fits, against closed forms and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import MultiTaskElasticNet, MultiTaskLasso

from mtlearn import MultiTaskEstimator, Partial, Regression, Tasks
from mtlearn.losses import (
    CommonMean,
    GraphLaplacian,
    GroupLasso,
    Ridge,
    TaskCovariance,
    TraceNorm,
)
from mtlearn.networks import MLP

N, P, T = 40, 5, 4
NAMES = [f"t{number}" for number in range(T)]
FAST = {
    "optimizer": Partial(
        torch.optim.LBFGS,
        max_iter=300,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-12,
        tolerance_change=1e-16,
    ),
    "lr": 1.0,
    "max_epochs": 1,
}


# Steps that become shorter and shorter end on kinks, where LBFGS stops beside them.
FADING = {
    "optimizer": Partial(torch.optim.SGD),
    "lr": 0.5,
    "lr_schedule": Partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.935),
    "max_epochs": 230,
}


def make_rows(*, mixes=0.3, holes=False, few=False):
    """Return X and y without a mean, so that intercepts are zero but for holes.

    Columns of X are orthonormal but for what is mixed into them. Weights are those of
    a few features, and of a lower rank, or of all.
    """
    rng = np.random.default_rng(3)
    X = rng.normal(size=(N, P))
    X = np.sqrt(N) * np.linalg.qr(X - X.mean(axis=0))[0]
    X += mixes * X @ rng.normal(size=(P, P))
    weights = rng.normal(size=(P, T))
    if few:
        weights = 2 * np.linalg.qr(weights[:, :3])[0] @ rng.normal(size=(3, T))
        weights[3:] = 0
    y = X @ weights + rng.normal(size=(N, T))
    y -= y.mean(axis=0)
    if holes:
        y[rng.random(y.shape) < 0.4] = np.nan
    return X, y


def fitted(penalty, X, y, **params):
    """Fit linear models: the backbone gives the rows as they are."""
    tasks = Tasks.from_mapping({name: Regression(standardize=False) for name in NAMES})
    return MultiTaskEstimator(
        tasks,
        backbone=Partial(MLP, hidden=()),
        penalty=penalty,
        batch_size=N,
        random_state=0,
        **(params or FAST),
    ).fit(X, y)


def coefficients(estimator):
    """Return W, `(n_features, n_tasks)`."""
    origin = estimator.predict(np.zeros((1, P)))
    return estimator.predict(np.eye(P)) - origin


@pytest.mark.parametrize(("strength", "params"), [(0.1, FAST), (1.2, FADING)], ids=str)
def test_a_trace_norm_shrinks_singular_values(strength, params):
    X, y = make_rows(mixes=0, few=strength > 1)
    u, s, vt = np.linalg.svd(X.T @ y / N, full_matrices=False)
    shrunk = np.maximum(s - strength / 2, 0)
    assert (shrunk == 0).any() == (strength > 1)
    found = fitted(TraceNorm(strength), X, y, **params)
    np.testing.assert_allclose(coefficients(found), u * shrunk @ vt, atol=1e-6)


def test_group_lasso_is_the_lasso_of_scikit_learn():
    X, y = make_rows(mixes=0, few=True)
    model = MultiTaskLasso(alpha=0.6, tol=1e-14, max_iter=10_000).fit(X, y)
    found = coefficients(fitted(GroupLasso(1.2), X, y, **FADING))
    assert (model.coef_ == 0).all(axis=0).sum() == 2
    np.testing.assert_allclose(found, model.coef_.T, atol=1e-6)


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_beside_a_ridge_it_is_the_elastic_net(share):
    X, y = make_rows()
    model = MultiTaskElasticNet(
        alpha=0.3, l1_ratio=share, tol=1e-14, max_iter=10_000
    ).fit(X, y)
    penalty = [GroupLasso(2 * 0.3 * share), Ridge(2 * 0.3 * (1 - share))]
    found = coefficients(fitted(penalty, X, y))
    assert (model.coef_ != 0).all()
    np.testing.assert_allclose(found, model.coef_.T, atol=1e-6)


def solved(X, y, matrix):
    """Solve the equations of the penalty tr(W M W^T) / 2, with intercepts free."""
    systems, right = np.zeros((T, P, T, P)), np.zeros((T, P))
    for t, column in enumerate(y.T):
        known = np.isfinite(column)
        rows = X[known] - X[known].mean(axis=0)
        systems[t, :, t] += 2 * rows.T @ rows / len(rows)
        right[t] = 2 * rows.T @ column[known] / len(rows)
        for other in range(T):
            systems[t, :, other] += matrix[t, other] * np.eye(P)
    whole = systems.reshape(T * P, T * P)
    return np.linalg.solve(whole, right.ravel()).reshape(T, P).T


LAPLACIAN = np.array([[3, -3, 0, 0], [-3, 4, -1, 0], [0, -1, 1, 0], [0, 0, 0, 0]])
SQUARES = {
    "graph": (
        GraphLaplacian([("t0", "t1", 3.0), ("t2", "t1")], 0.7),
        0.7 * LAPLACIAN,
    ),
    "mean": (CommonMean(0.7), 0.7 * (np.eye(T) - 1 / T)),
    "mean of two": (
        CommonMean(0.7, ["t3", "t0"]),
        0.35 * np.array([[1, 0, 0, -1], [0] * 4, [0] * 4, [-1, 0, 0, 1]]),
    ),
    "ridge": (Ridge(0.7), 0.7 * np.eye(T)),
    "both": ([Ridge(0.2), CommonMean(0.7)], 0.2 * np.eye(T) + 0.7 * (np.eye(T) - 0.25)),
}


@pytest.mark.parametrize(("penalty", "matrix"), SQUARES.values(), ids=SQUARES)
def test_squares_are_solutions_of_linear_equations(penalty, matrix):
    X, y = make_rows(holes=True)
    found = coefficients(fitted(penalty, X, y))
    np.testing.assert_allclose(found, solved(X, y, matrix), atol=1e-6)


def test_a_covariance_of_orthonormal_features():
    X, y = make_rows(mixes=0)
    u, s, vt = np.linalg.svd(X.T @ y / N, full_matrices=False)
    # Each is less by the same, half of the strength times the sum of what is left.
    shrunk = s - 0.1 / 2 * s.sum() / (1 + T * 0.1 / 2)
    assert shrunk.min() > 0
    estimator = fitted(TaskCovariance(0.1), X, y)
    np.testing.assert_allclose(coefficients(estimator), u * shrunk @ vt, atol=1e-6)
    omega = vt.T * shrunk @ vt / shrunk.sum()
    np.testing.assert_allclose(estimator.task_covariance_, omega, atol=1e-6)
    assert estimator.task_covariance_columns_ == [(name, 0) for name in NAMES]


def test_a_covariance_is_where_its_equations_hold():
    X, y = make_rows(holes=True)
    estimator = fitted(TaskCovariance(0.05), X, y)
    W, omega = coefficients(estimator), estimator.task_covariance_
    # Of the weights given the covariance: those of a ridge with its inverse.
    given = solved(X, y, 0.05 * np.linalg.inv(omega))
    np.testing.assert_allclose(W, given, atol=1e-6)
    # Of the covariance given the weights: the root of their products, of trace 1.
    values, vectors = np.linalg.eigh(W.T @ W)
    root = vectors * np.sqrt(values) @ vectors.T
    np.testing.assert_allclose(omega, root / np.trace(root), atol=1e-6)
    assert estimator.history_[-1].keys() >= {"train_penalty", "train_loss"}


def test_weights_of_scaled_targets_are_penalised():
    # With `standardize`, a task of large values is no other task.
    X, y = make_rows()
    tasks = Tasks.from_mapping({name: Regression() for name in NAMES})
    scale = np.array([1.0, 10.0, 100.0, 0.1])
    backbone = Partial(MLP, hidden=())
    one, other = (
        MultiTaskEstimator(
            tasks, backbone=backbone, penalty=CommonMean(1.0), random_state=0, **FAST
        ).fit(X, y * factor)
        for factor in (1.0, scale)
    )
    expected = coefficients(one) * scale
    np.testing.assert_allclose(coefficients(other) / expected, 1.0, atol=1e-4)
