"""What holds for any problem: of missing labels, weights and the order of tasks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from property_problems import few, kinds, seeds, tables
from sklearn.base import clone

from mtlearn import Classification, Regression
from mtlearn.losses import MultiTaskLoss, sample_loss
from tiny_problems import table_estimator, weights_of


def make_batch(found, seed, n_samples=8):
    """Return losses, outputs that need gradients, targets and weights."""
    rng = np.random.default_rng(seed)
    losses, outputs, targets = [], [], []
    for n_classes in found:
        losses.append(sample_loss("mse" if n_classes is None else "cross_entropy"))
        output = torch.tensor(rng.normal(size=(n_samples, n_classes or 1)))
        outputs.append(output.requires_grad_())
        values = rng.normal(size=n_samples)
        if n_classes is not None:
            values = rng.integers(n_classes, size=n_samples)
        targets.append(torch.tensor(values))
    weights = torch.tensor(rng.integers(0, 3, (n_samples, len(found))).astype(float))
    return losses, outputs, targets, weights


def loss_and_gradients(losses, factors, outputs, targets, weights):
    total = MultiTaskLoss(losses, factors)(outputs, targets, weights.unbind(dim=1))[0]
    return total.item(), torch.autograd.grad(total, outputs)


@few
@given(kinds, seeds)
def test_the_order_of_tasks_does_not_matter_to_the_loss(found, seed):
    losses, outputs, targets, weights = make_batch(found, seed)
    factors = np.linspace(0.5, 2, len(found))
    order = np.random.default_rng(seed).permutation(len(found))
    total, gradients = loss_and_gradients(losses, factors, outputs, targets, weights)
    mixed = [[part[i] for i in order] for part in (losses, outputs, targets)]
    again, others = loss_and_gradients(
        mixed[0], factors[order], *mixed[1:], weights[:, order]
    )
    assert again == pytest.approx(total, rel=1e-14)  # a sum in another order
    for i, gradient in zip(order, others, strict=True):
        assert gradient.equal(gradients[i])


@few
@given(kinds, seeds)
def test_a_missing_label_is_a_dropped_one_to_the_loss(found, seed):
    losses, outputs, targets, weights = make_batch(found, seed)
    for t, (loss, output, target) in enumerate(
        zip(losses, outputs, targets, strict=True)
    ):
        rows, column = weights[:, t] > 0, weights[:, [t]]
        masked, (gradient,) = loss_and_gradients(
            [loss], [1.0], [output], [target], column
        )
        dropped, (expected,) = loss_and_gradients(
            [loss], [1.0], [output[rows]], [target[rows]], column[rows]
        )
        assert masked == pytest.approx(dropped, rel=1e-14)
        np.testing.assert_allclose(gradient[rows], expected, rtol=1e-14)
        assert not gradient[~rows].any()


@st.composite
def labelled(draw):
    """Draw an estimator of one task, X, y, and which rows have no label."""
    n_samples = draw(st.integers(3, 30))
    rng = np.random.default_rng(draw(seeds))
    X = rng.normal(size=(n_samples, 3))
    # Adam divides by the size of a gradient, also where that is a rounding error.
    options = {"optimizer": "sgd", "max_epochs": 3}
    if draw(st.booleans()):
        estimator = table_estimator(Classification(3), **options)
        y = rng.integers(3, size=n_samples).astype(float)
    else:
        estimator = table_estimator(Regression(), **options)
        y = rng.normal(size=n_samples)
    missing = rng.random(n_samples) < draw(st.floats(0, 1))
    missing[0] = False
    return estimator, X, y, missing


def assert_close(first, second):
    # Sums over rows in another order, for three steps.
    expected = weights_of(first)
    for name, value in weights_of(second).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-12)


@few
@given(labelled())
def test_a_missing_label_is_a_dropped_row_to_the_fit(problem):
    estimator, X, y, missing = problem
    masked = estimator.fit(X, np.where(missing, np.nan, y))
    dropped = clone(estimator).fit(X[~missing], y[~missing])
    assert_close(masked, dropped)


@few
@given(tables(), seeds)
def test_a_weight_is_a_number_of_equal_rows(problem, seed):
    estimator, X, y = problem
    estimator.set_params(optimizer="sgd")
    weights = np.random.default_rng(seed).integers(0, 4, len(X))
    weights[0] = 1
    weighted = estimator.fit(X, y, weights)
    repeated = clone(estimator).fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights, axis=0)
    )
    assert_close(weighted, repeated)
