"""averaging= through an estimator, alone and with the best weights restored."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

from mtlearn.training import EMA, SWA

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
