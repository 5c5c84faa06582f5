"""What the last biases of a network begin with."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch.callbacks import Initializer
from torch import nn

from mtlearn import (
    Classification,
    Head,
    MultiLabel,
    Ordinal,
    Partial,
    RaritySampler,
    Regression,
    Tasks,
)
from mtlearn.losses import focal_loss
from mtlearn.networks import OutputLayer
from tiny_problems import make_table, table_estimator

X, Y = make_table(60)
KIND = Y[:, 0].astype(int)
SHARES = np.bincount(KIND) / 60


def untrained(task, **params):
    """Fit with steps too small to change a weight."""
    params = {"lr": 1e-30, "max_epochs": 1, **params}
    return table_estimator(Tasks(kind=task), **params).fit(X, KIND)


def last_layer(estimator):
    found = [
        layer
        for layer in estimator.net_.module_.heads[0].modules()
        if isinstance(layer, nn.Linear)
    ]
    return found[-1]


@pytest.mark.parametrize(
    "task",
    [
        Classification(),
        Classification(loss="focal"),
        Classification(loss=Partial(focal_loss, gamma=0.7), head=Head(hidden=())),
        Ordinal(3),
        Ordinal([2, 0, 1], loss="focal"),
        MultiLabel(3, loss="asymmetric"),
    ],
    ids=repr,
)
def test_a_network_that_knows_nothing_predicts_the_shares(task):
    tasks = task if isinstance(task, MultiLabel) else Tasks(kind=task)
    estimator = table_estimator(tasks, lr=1e-30, max_epochs=1).fit(X, KIND)
    with torch.no_grad():
        last_layer(estimator).weight.zero_()
    found = estimator.predict_proba(X)
    assert_allclose(found, np.tile(SHARES, (60, 1)), atol=1e-6)


def test_it_takes_nothing_from_the_seed(monkeypatch):
    with_start = untrained(Classification())
    monkeypatch.setattr(Classification, "head_start", lambda task: None)
    without = untrained(Classification())
    found, plain = (each.net_.module_.state_dict() for each in (with_start, without))
    last = list(plain)[-1]
    assert last.endswith("bias")
    for name, weight in plain.items():
        assert torch.equal(weight, found[name]) != (name == last)
    assert_allclose(found[last], np.log(SHARES) - np.log(SHARES).mean(), rtol=1e-6)


def test_an_initializer_has_the_last_word():
    zeros = Initializer("heads.*.bias", fn=nn.init.zeros_)
    for task in (Classification(), Ordinal(3), MultiLabel(3)):
        tasks = task if isinstance(task, MultiLabel) else Tasks(kind=task)
        estimator = table_estimator(tasks, callbacks=[zeros], lr=1e-30)
        assert last_layer(estimator.fit(X, KIND)).bias.detach().abs().max() < 1e-20


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_drawn_rows_have_shares_of_their_own(loss):
    weight = np.linspace(0.2, 1, 60)
    for sampler in (RaritySampler(power=0.5), "balanced"):
        for kind in (Classification, Ordinal):
            estimator = table_estimator(
                Tasks(kind=kind(3, loss=loss)), sampler=sampler, lr=1e-30
            ).fit(X, KIND, weight)
            with torch.no_grad():
                last_layer(estimator).weight.zero_()
            drawn = estimator.sampling_["drawn"]["kind"]
            assert_allclose(estimator.predict_proba(X)[0], drawn, atol=1e-6)
            assert_allclose(
                estimator.tasks_["kind"].class_prior_,
                np.bincount(KIND, weights=weight) / weight.sum(),
            )
    assert_allclose(drawn, 1 / 3)


def test_labels_begin_at_the_prevalences_whatever_is_drawn():
    labels = np.column_stack([KIND == 0, KIND > 0, KIND == 2]).astype(float)
    fits = [
        table_estimator(MultiLabel(3), sampler=sampler, lr=1e-30).fit(X, labels)
        for sampler in (None, RaritySampler())
    ]
    plain, drawn = (last_layer(fit).bias.detach() for fit in fits)
    assert torch.equal(plain, drawn)
    assert np.abs(fits[1].sampling_["drawn"]["task_0"] - SHARES).max() > 0.02


class Unbiased(nn.Sequential):
    """A head of the user's, with a layer of the package and without a bias."""

    def __init__(self, in_features, out_features):
        super().__init__(OutputLayer(in_features, out_features, bias=False))


class Wider(nn.Sequential):
    def __init__(self, in_features, out_features):
        super().__init__(OutputLayer(in_features, 7), nn.Linear(7, out_features))


@pytest.mark.parametrize("head", [Unbiased, Wider, nn.Linear])
@pytest.mark.parametrize("kind", [Classification, MultiLabel])
def test_a_head_of_the_users_begins_as_it_is_made(head, kind, monkeypatch):
    def fit():
        return table_estimator(kind(3, head=head), lr=1e-30).fit(X, KIND)

    found = fit().net_.module_.heads[0].state_dict()
    monkeypatch.setattr("mtlearn.training._make._start", lambda head, task: None)
    expected = fit().net_.module_.heads[0].state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_training_that_goes_on_keeps_what_it_has_learned():
    estimator = table_estimator(Tasks(kind=Classification()), warm_start=True)
    learned = last_layer(estimator.fit(X, KIND)).bias.detach().clone()
    assert not np.allclose(learned, estimator.tasks_["kind"].head_start(), atol=1e-3)
    estimator.set_params(lr=1e-30).fit(X, KIND).partial_fit(X[:9], KIND[:9])
    assert_allclose(last_layer(estimator).bias.detach(), learned, rtol=1e-5)


def test_a_first_batch_without_a_class_begins_with_finite_scores():
    rows = KIND != 2
    estimator = table_estimator(Tasks(kind=Classification(3, loss="focal")), lr=1e-30)
    estimator.partial_fit(X[rows], KIND[rows])
    task, bias = estimator.tasks_["kind"], last_layer(estimator).bias.detach()
    chances = task.activate(bias[None])[0]
    seen = np.bincount(KIND[rows]) / rows.sum()
    assert_allclose(chances, np.append(seen, 0.01) / 1.01, atol=1e-6)


def test_kinds_that_say_nothing_begin_as_torch_draws_them():
    estimator = table_estimator(Tasks(size=Regression()), lr=1e-30).fit(X, Y[:, 1])
    assert last_layer(estimator).bias.detach().abs() > 1e-4


def simulated(n_samples):
    """Return rows, and the chances of three classes that their labels come by."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n_samples, 2))
    scores = rows @ [[2.0, -1.0, 0.0], [0.0, 1.0, -1.0]] + [1.0, 0.0, -1.0]
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return rows, chances, (rng.random((n_samples, 1)) > chances.cumsum(axis=1)).sum(1)


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_a_focal_loss_has_true_chances(gamma):
    rows, chances, labels = simulated(4000)
    task = Classification(
        loss=Partial(focal_loss, gamma=gamma), head=Head(hidden=(), dropout=0.0)
    )
    estimator = table_estimator(Tasks(kind=task), max_epochs=25, lr=0.01)
    found = estimator.fit(rows[:3000], labels[:3000]).predict_proba(rows[3000:])
    assert np.abs(found - chances[3000:]).mean() < 0.03
    # The outputs of the loss are too careful by more than the noise.
    estimator.tasks_["kind"].loss = "cross_entropy"
    raw = estimator.predict_proba(rows[3000:])
    assert np.abs(raw - chances[3000:]).mean() > 0.05
    assert (raw.argmax(axis=1) == found.argmax(axis=1)).all()
