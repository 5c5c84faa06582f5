"""Training that diverges: an error that says where, or the best weights so far."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from mtlearn import Partial, Regression, Tasks
from mtlearn.exceptions import DivergenceError
from mtlearn.networks import MLP
from mtlearn.training import SWA
from tiny_problems import (
    Watcher,
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)


class Spoil(Callback):
    """Make a weight infinite at the end of a step, an epoch, or from a batch on."""

    def __init__(self, epoch, batch):
        self.epoch = epoch
        self.batch = batch

    def on_epoch_begin(self, net, **kwargs):
        self.seen_ = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.seen_ += training
        if (len(net.history), self.seen_) == (self.epoch, self.batch):
            with torch.no_grad():
                next(net.module_.parameters()).view(-1)[0] = float("inf")


def spoilt(epoch, batch, **params):
    """Return an estimator with five batches an epoch that diverges."""
    return table_estimator(callbacks=[Spoil(epoch, batch)], batch_size=8, **params)


def test_the_error_says_where_and_how_large_the_numbers_are():
    X, y = make_table()
    y[13, 1] = -1e6
    with pytest.raises(
        DivergenceError,
        match=r"training loss of 'kind', 'size' is not finite in epoch 2, batch 4, at "
        r"a learning rate of 0\.03: .*largest value of X is \d.*largest target of "
        r"'size' is .*Lower 'lr', scale X",
    ):
        spoilt(2, 3).fit(X, y)


def test_statistics_at_the_end_are_looked_at():
    X, y = make_table()
    estimator = table_estimator(
        backbone=Partial(MLP, hidden=(4,), batch_norm=True),
        optimizer="sgd",
        lr=1e200,  # of finite weights, whose outputs have no finite square
        max_epochs=1,
    )
    message = r"'backbone.layers.\d.running_var' are not finite after epoch 1, at a lea"
    with pytest.raises(DivergenceError, match=message):
        estimator.fit(X, y)
    assert not hasattr(estimator, "net_")


def test_the_task_that_diverges_is_named():
    X, y = make_table()
    estimator = table_estimator(optimizer="sgd", lr=1e30, max_epochs=50)
    with pytest.raises(DivergenceError, match="training loss of 'size' is not finite"):
        estimator.fit(X, y)


def test_the_target_is_in_the_units_of_y():
    X, y = make_table()
    y[::2, 1] = -1e6
    with pytest.raises(DivergenceError, match=r"largest target of 'size' is 1e\+06"):
        spoilt(1, 1).fit(X, y)
    tasks = Tasks(size=Regression(column=1, standardize=False, loss=wild))
    with pytest.raises(DivergenceError, match=r"batch 1,.*'size' is 1e\+06"):
        table_estimator(tasks).fit(X, y)


def wild(output, target):
    """Overflow for a target that is far away."""
    return torch.exp(target.abs()) + output * 0


def test_weights_that_only_the_last_step_spoils():
    X, y = make_table()
    message = r"The weights 'backbone\..*' are not finite after epoch 4, at a learning"
    with pytest.raises(DivergenceError, match=message):
        spoilt(4, 5).fit(X, y)


def test_statistics_of_batch_normalisation():
    X, y = make_images()

    class SpoilNorm(Callback):
        def on_epoch_end(self, net, **kwargs):
            norms = dict(net.module_.named_buffers())
            next(v for k, v in norms.items() if "running_var" in k)[0] = np.nan

    estimator = image_estimator(callbacks=[SpoilNorm()], precision="float32")
    with pytest.raises(DivergenceError, match=r"running_var' are not finite after"):
        estimator.fit(X, y)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_images(precision):
    X, y = make_images()
    estimator = image_estimator(
        optimizer="sgd", lr=1e25, max_epochs=20, precision=precision
    )
    with pytest.raises(DivergenceError):
        estimator.fit(X, y)


def test_the_best_weights_so_far_by_the_validation_loss():
    X, y = make_table()
    given = {"X_val": X[:10], "y_val": y[:10]}
    expected = table_estimator(batch_size=8, max_epochs=2, restore_best=False)
    expected.fit(X, y, **given)
    losses = [row["valid_loss"] for row in expected.history_]
    assert losses[1] < losses[0]
    estimator = spoilt(3, 2, on_divergence="restore_best", restore_best=False)
    with pytest.warns(
        ConvergenceWarning, match=r"in epoch 3, batch 3.*has the weights of epoch 2\."
    ):
        estimator.fit(X, y, **given)
    assert_same_bits(estimator, expected)
    assert estimator.best_epoch_ == 2
    assert estimator.n_iter_ == len(estimator.history_) == 2
    assert not estimator.net_.module_.training


def test_the_best_weights_so_far_by_the_training_loss():
    X, y = make_table()
    # The loss of epoch 3, which tells of the weights of epoch 2, is the last one.
    expected = table_estimator(batch_size=8, max_epochs=2).fit(X, y)
    estimator = spoilt(4, 1, on_divergence="restore_best")
    with pytest.warns(ConvergenceWarning, match="has the weights of epoch 2"):
        estimator.fit(X, y)
    assert_same_bits(estimator, expected)
    assert (estimator.best_epoch_, estimator.n_iter_) == (2, 3)


def test_with_averages_of_weights():
    X, y = make_table()
    params = {"max_epochs": 6, "averaging": SWA(start=0.5)}
    estimator = spoilt(5, 1, on_divergence="restore_best", **params)
    with pytest.warns(ConvergenceWarning):
        estimator.fit(X, y)
    assert np.isfinite(estimator.predict(X)).all()
    estimator = spoilt(3, 1, on_divergence="restore_best", averaging="ema")
    with pytest.warns(ConvergenceWarning, match="has the weights of epoch 1"):
        estimator.fit(X, y)
    assert np.isfinite(estimator.predict(X)).all()


def test_the_average_of_the_best_epoch_so_far_comes_back():
    X, y = make_table()
    expected = table_estimator(batch_size=8, averaging="ema", max_epochs=1).fit(X, y)
    estimator = spoilt(3, 1, on_divergence="restore_best", averaging="ema")
    with pytest.warns(ConvergenceWarning, match="has the weights of epoch 1"):
        estimator.fit(X, y)
    assert_same_bits(estimator, expected)


class Epochs(Watcher):
    """Looks at the estimator as it would be after each epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        super().on_fit_task_end(estimator, context)
        if context.task_name == "epoch":
            for weights in fitted_estimator.net_.module_.parameters():
                assert torch.isfinite(weights).all()


def test_the_epoch_that_diverges_ends_for_scikit_learn_too():
    X, y = make_table()
    epochs = Epochs()
    estimator = spoilt(3, 2, on_divergence="restore_best").set_callbacks(epochs)
    with pytest.warns(ConvergenceWarning):
        estimator.fit(X, y)
    assert epochs.calls == [
        ("begin", "fit"),
        *[("begin", "epoch"), ("end", "epoch")] * 3,
        ("end", "fit"),
    ]


def test_without_a_best_epoch_it_raises_too():
    X, y = make_table()
    for epoch, batch in [(1, 1), (2, 1)]:
        with pytest.raises(DivergenceError):
            spoilt(epoch, batch, on_divergence="restore_best").fit(X, y)


def test_training_that_does_not_diverge_is_the_same():
    X, y = make_table()
    expected = table_estimator().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator = table_estimator(on_divergence="restore_best").fit(X, y)
    assert_same_bits(estimator, expected)
    assert estimator.best_epoch_ == estimator.n_iter_ == 4


def test_a_search_ranks_the_candidate_last():
    X, y = make_table()
    search = GridSearchCV(
        table_estimator(optimizer="sgd", max_epochs=20), {"lr": [1e30, 0.01]}, cv=2
    )
    with (
        pytest.warns(FitFailedWarning, match="DivergenceError: The training loss"),
        pytest.warns(UserWarning, match="One or more of the test scores are non-fin"),
    ):
        search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[0])
    assert np.isfinite(scores[1])
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1]
    assert search.best_params_ == {"lr": 0.01}


def test_a_buffer_of_infinity_is_no_divergence():
    class Masked(MLP):
        def __init__(self, in_features):
            super().__init__(in_features, hidden=(4,))
            self.register_buffer("mask", torch.tensor([float("-inf")]))

    X, y = make_table()
    assert table_estimator(backbone=Partial(Masked)).fit(X, y).n_iter_ == 4
