"""Losses of members, against a loop over them by hand."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from mtlearn import (
    Classification,
    Count,
    Head,
    MultiLabel,
    Ordinal,
    Partial,
    Reconstruction,
    Regression,
    Tasks,
)
from mtlearn.data import Labels
from mtlearn.losses import Inputs
from mtlearn.networks import TabM
from mtlearn.training._counting import of_members
from tiny_problems import labelled_rows, table_estimator

TABM = Partial(TabM, n_members=3, hidden=(4,), n_bins=3, width=2, dropout=0.0)


def test_each_member_counts_with_its_share_of_the_weight():
    labels = Labels(
        (torch.tensor([5.0, 6.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), None),
        (torch.tensor([3.0, 0.0]), torch.ones(2, 2), torch.tensor([6.0, 1.5])),
        (torch.tensor([9.0, 0.0]), torch.ones(2, 2), torch.tensor([6.0, 1.5])),
        Inputs(torch.tensor([[7.0], [8.0]]), torch.tensor([[9.0], [1.0]])),
    )
    found = of_members(labels, 3)
    assert found.values[0].tolist() == [5, 5, 5, 6, 6, 6]
    assert found.values[1][:4].tolist() == [[1, 2], [1, 2], [1, 2], [3, 4]]
    assert found.values[2] is None
    assert found.weights[0].tolist() == [1, 1, 1, 0, 0, 0]
    assert found.weights[2].tolist() == [2, 2, 2, 0.5, 0.5, 0.5]
    assert found.loss_weights[0].tolist() == [3, 3, 3, 0, 0, 0]
    assert found.inputs.given.ravel().tolist() == [7, 7, 7, 8, 8, 8]
    assert found.inputs.seen.ravel().tolist() == [9, 9, 9, 1, 1, 1]
    assert found.inputs.before_noise is None
    noisy = labels._replace(inputs=Inputs(*[torch.tensor([[1.0], [2.0]])] * 3))
    assert of_members(noisy, 2).inputs.before_noise.ravel().tolist() == [1, 1, 2, 2]


KINDS = {
    "classes": (Classification(2, class_weight={0: 1.0, 1: 3.0}), [0.0, 1.0, np.nan]),
    "grades": (Ordinal([0, 1, 2]), [0.0, 1.0, 2.0, np.nan]),
    "numbers": (Count(), [0.0, 3.0, np.nan, 7.0]),
    "values": (Regression(bounds=(-9, 9)), [-1.0, np.nan, 5.0]),
    "labels": (MultiLabel(columns=[0, 1]), [[0.0, 1.0], [np.nan, 1.0], [1.0, 0.0]]),
    "inputs": (
        Tasks(
            a=Reconstruction(head=Head(hidden=(3,), dropout=0.0, batch_norm=False)),
            b=Regression(),
        ),
        [-1.0, np.nan, 5.0],
    ),
}


def fitted(name, **params):
    tasks, labels = KINDS[name]
    y = np.array(labels * 4)
    X = np.random.default_rng(0).normal(size=(len(y), 4))
    weight = np.linspace(0.5, 2.0, len(y))
    given = {"backbone": TABM, "max_epochs": 1, **params}
    estimator = table_estimator(tasks, **given).fit(X, y, sample_weight=weight)
    return estimator, X, labelled_rows(estimator, X, y, weight).labels


def of_each_member(net, x):
    """Give the outputs of each member as a network of one would return them."""
    network = net.module_
    features = network.backbone(x)
    return [
        [
            task.link(head(features[:, j]))
            for task, head in zip(net.tasks, network.heads, strict=True)
        ]
        for j in range(3)
    ]


@pytest.mark.parametrize("name", KINDS)
def test_gradients_are_those_of_the_mean_of_the_losses(name):
    estimator, X, labels = fitted(name)
    net, x = estimator.net_, torch.from_numpy(X)
    inputs = Inputs(x, x)
    net.look_for_draws()
    losses = [
        net.criterion_(outputs, labels.values, labels.loss_weights, inputs=inputs).total
        for outputs in of_each_member(net, x)
    ]
    expected = torch.stack(losses).mean()
    weights = list(net.module_.parameters())
    gradients = torch.autograd.grad(expected, weights)

    net.module_.zero_grad()
    step = net.train_step_single((x, labels))

    assert step["loss"].item() == pytest.approx(expected.item(), rel=1e-10)
    for weight, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-8, atol=1e-12)
    assert [len(each) for each in step["y_pred"]] == [len(X)] * len(net.tasks)
    assert [len(each) for each in step["counted"][1]] == [len(X)] * len(net.tasks)


@pytest.mark.parametrize("name", KINDS)
def test_predictions_are_the_mean_of_those_of_the_members(name):
    estimator, X, _ = fitted(name)
    net, x = estimator.net_, torch.from_numpy(X)
    net.module_.eval()
    task, head = next(iter(zip(net.tasks, net.module_.heads, strict=True)))
    with torch.no_grad():
        features = net.module_.backbone(x)
        each = [task.activate(head(features[:, j])).numpy() for j in range(3)]
    expected = np.mean(each, axis=0)
    found = estimator._predicted(X, None, False)[0]
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert_allclose(estimator.embed(X), features.mean(dim=1), rtol=1e-9, atol=1e-12)


def test_figures_of_an_epoch_are_of_what_the_members_predict_together():
    # At a rate of nothing, figures of training are those of the fitted network.
    estimator, X, labels = fitted("values", lr=1e-300)
    expected = estimator._predicted(X, None, False)[0][:, 0]
    there = labels.weights[0].numpy() > 0
    task = next(iter(estimator.tasks_))
    true = task.restore(labels.values[0].numpy())[there]
    weight = labels.weights[0].numpy()[there]
    error = np.average((expected[there] - true) ** 2, weights=weight)
    spread = np.average((true - np.average(true, weights=weight)) ** 2, weights=weight)
    found = estimator.history_[0]
    assert found["train_score"] == pytest.approx(1 - error / spread, rel=1e-6)
    scaled = (expected[there] - true) / task.scale_
    of_mean = np.average(scaled**2, weights=weight)
    assert found["train_loss"] > of_mean * 1.0001  # each member's own is larger


def test_validation_is_of_what_the_members_predict_together():
    X = np.random.default_rng(0).normal(size=(30, 4))
    y = X[:, 0] * 3 + 1
    estimator = table_estimator(Regression(), backbone=TABM, max_epochs=1)
    estimator.fit(X[:20], y[:20], X_val=X[20:], y_val=y[20:])
    task = next(iter(estimator.tasks_))
    error = (estimator.predict(X[20:]) - y[20:]) / task.scale_
    found = estimator.history_[0]["valid_loss"]
    assert found == pytest.approx(np.mean(error**2), rel=1e-9)
