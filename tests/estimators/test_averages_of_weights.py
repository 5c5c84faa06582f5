"""averaging= through an estimator, alone and with the best weights restored."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from mtlearn import MultiTaskEstimator, Partial, Regression
from mtlearn.networks import MLP
from mtlearn.training import EMA, SWA
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

AVERAGES = ["ema", "swa", EMA(decay=0.5), SWA(start=0.5, lr=0.01)]


class EpochWeights(Callback):
    """Keeps the weights that the network has when each epoch ends."""

    def on_train_begin(self, net, **kwargs):
        self.weights = []

    def on_epoch_end(self, net, **kwargs):
        state = net.module_.state_dict()
        self.weights.append({k: v.numpy().copy() for k, v in state.items()})


@pytest.mark.parametrize("averaging", AVERAGES, ids=str)
def test_an_average_is_seeded_and_makes_a_difference(averaging):
    X, y = make_table()
    first, second = (table_estimator(averaging=averaging).fit(X, y) for _ in range(2))

    assert_same_bits(first, second)
    if repr(averaging) != repr("swa"):  # of the last of four epochs two count
        assert not same_bits(first, table_estimator().fit(X, y))


@pytest.mark.parametrize("averaging", AVERAGES, ids=str)
def test_pickles_and_searches(averaging):
    X, y = make_images()
    estimator = image_estimator(averaging=averaging, max_epochs=1)
    search = GridSearchCV(estimator, {"lr": [1e-3, 1e-2]}, cv=2).fit(X, y)

    loaded = pickle.loads(pickle.dumps(search))

    np.testing.assert_array_equal(loaded.predict(X), search.predict(X))


def test_parameters_of_an_average_can_be_searched():
    X, y = make_table()
    estimator = table_estimator(averaging=EMA())

    search = GridSearchCV(estimator, {"averaging__decay": [0.0, 0.9]}, cv=2).fit(X, y)

    assert search.best_params_["averaging__decay"] in (0.0, 0.9)


def test_without_decay_the_average_is_the_last_step():
    X, y = make_table()

    assert_same_bits(
        table_estimator(averaging=EMA(decay=0.0)).fit(X, y),
        table_estimator().fit(X, y),
    )


def test_the_last_epochs_are_averaged():
    X, y = make_table()
    seen = EpochWeights()
    estimator = table_estimator(
        averaging=SWA(start=0.5), max_epochs=6, callbacks=[seen]
    ).fit(X, y)

    for name, value in weights_of(estimator).items():
        counted = [epoch[name] for epoch in seen.weights[2:]]
        np.testing.assert_allclose(value, np.mean(counted, axis=0), rtol=1e-9)


def test_the_best_epoch_of_an_exponential_average_comes_back():
    X, y = make_table()
    seen = EpochWeights()
    estimator = table_estimator(
        averaging="ema",
        lr=0.5,
        max_epochs=12,
        early_stopping=True,
        validation_fraction=0.4,
        callbacks=[seen],
    ).fit(X, y)

    best = seen.weights[estimator.best_epoch_ - 1]
    for name, value in weights_of(estimator).items():
        np.testing.assert_array_equal(value, best[name])
    losses = [row["valid_loss"] for row in estimator.history_]
    assert estimator.best_epoch_ == int(np.argmin(losses)) + 1


def test_validation_figures_are_those_of_the_average():
    X, y = make_table()
    estimator = table_estimator(averaging="ema", restore_best=False)
    estimator.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])

    last = estimator.history_[-1]["valid_score"]
    assert estimator.score(X[30:], y[30:]) == pytest.approx(last)


def test_a_mean_of_epochs_is_not_replaced_by_the_best_one():
    X, y = make_table()
    shown = {"early_stopping": True, "validation_fraction": 0.4, "max_epochs": 6}
    mean = table_estimator(averaging=SWA(start=0.5), **shown).fit(X, y)

    assert not same_bits(mean, table_estimator(**shown).fit(X, y))
    assert mean.best_epoch_ == mean.n_iter_


def test_one_epoch_of_partial_fit_is_not_averaged():
    X, y = make_table()
    plain, averaged = table_estimator(), table_estimator(averaging="ema")

    assert_same_bits(plain.partial_fit(X, y), averaged.partial_fit(X, y))


def test_batch_norms_fit_the_averaged_weights():
    X, y = make_images(n_samples=40)
    estimator = image_estimator(
        averaging=SWA(start=0.5), max_epochs=4, lr=0.05, precision="float32"
    ).fit(X, y)

    features = estimator.embed(X)
    # With statistics of other weights, features would not be near unit variance.
    norm = estimator.net_.module_.backbone.stem[1]
    assert np.isfinite(features).all()
    assert norm.num_batches_tracked > 0
    assert np.isfinite(estimator.score(X, y))


def test_before_the_first_epoch_that_counts_the_best_one_comes_back():
    X, y = make_table()
    settings = {
        "lr": 0.5,
        "early_stopping": True,
        "n_iter_no_change": 2,
        "validation_fraction": 0.4,
        "max_epochs": 200,
    }
    stopped = table_estimator(averaging=SWA(start=1.0), **settings).fit(X, y)
    plain = table_estimator(**settings).fit(X, y)

    assert plain.n_iter_ < 200
    assert_same_bits(stopped, plain)
    assert stopped.best_epoch_ == plain.best_epoch_


class Masked(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.linear = nn.Linear(in_features, 3)
        self.register_buffer("mask", torch.tensor([0.0, -np.inf, 0.0]))

    def forward(self, x):
        return (self.linear(x) + self.mask).softmax(dim=1)


@pytest.mark.parametrize("averaging", ["ema", "swa"])
def test_buffers_that_have_no_mean_stay(averaging):
    X, y = make_table()
    estimator = table_estimator(backbone=Masked, averaging=averaging).fit(X, y)

    assert np.isfinite(estimator.predict(X)).all()
    assert estimator.net_.module_.backbone.mask[1] == -np.inf


def test_a_held_rate_keeps_the_backbone_at_its_distance():
    X, y = make_table()
    estimator = table_estimator(
        lr=1e-2, backbone_lr=1e-4, averaging=SWA(start=0.5, lr=0.1)
    ).fit(X, y)

    rates = [group["lr"] for group in estimator.net_.optimizer_.param_groups]
    assert rates == pytest.approx([1e-3, 0.1])


def test_statistics_do_not_hang_on_a_small_last_batch():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4100, 3))
    X[4096:] *= 0.01  # a last batch of four rows that are not like the others
    backbone = Partial(MLP, hidden=(4,), batch_norm=True)
    estimator = MultiTaskEstimator(
        Regression(), backbone=backbone, averaging=SWA(0.5), max_epochs=2
    ).fit(X, X[:, 0])

    layer, norm = estimator.net_.module_.backbone.layers[:2]
    with torch.no_grad():
        expected = layer(torch.from_numpy(X)).var(dim=0)
    np.testing.assert_allclose(norm.running_var.numpy(), expected.numpy(), rtol=0.02)


def test_a_failure_leaves_the_weights_as_they_were():
    X, y = make_table()
    estimator = table_estimator(averaging="ema", warm_start=True).fit(X, y)
    before = weights_of(estimator)

    class Fail(Callback):
        def on_batch_begin(self, net, training=False, **kwargs):
            if len(net.history) == 2:
                raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        estimator.set_params(callbacks=[Fail()]).fit(X, y)
    for name, value in weights_of(estimator).items():
        np.testing.assert_array_equal(value, before[name])


class Begins(Callback):
    """Keeps the weights that a training begins with."""

    def on_train_begin(self, net, **kwargs):
        state = net.module_.state_dict()
        self.weights_ = {name: value.numpy().copy() for name, value in state.items()}


@pytest.mark.parametrize("averaging", ["ema", "swa"])
def test_more_training_begins_with_the_average(averaging):
    X, y = make_table()
    begins = Begins()
    estimator = table_estimator(
        averaging=averaging, warm_start=True, callbacks=[begins]
    ).fit(X, y)
    average = weights_of(estimator)
    estimator.fit(X, y)
    assert begins.weights_.keys() == average.keys()
    for name, value in average.items():
        np.testing.assert_array_equal(begins.weights_[name], value)
