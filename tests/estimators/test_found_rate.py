"""A learning rate that a fit finds for itself."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.exceptions import (
    DivergenceError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.inspection import find_lr
from mtlearn.networks import MLP, ResNet, TabM
from mtlearn.persistence import load, save

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = np.column_stack([X[:, 0] > 0, X[:, 1] - X[:, 2]])
Y[::4, 0] = np.nan
TASKS = Tasks(sign=Classification(2), value=Regression())


def make(**params):
    given = {
        "backbone": Partial(MLP, hidden=(6,), dropout=0.1),
        "lr": "auto",
        "batch_size": 30,
        "max_epochs": 3,
        "random_state": 0,
        "n_threads": 1,
    }
    return MultiTaskEstimator(TASKS, **{**given, **params})


def assert_same_weights(one, other):
    ours, theirs = (each.net_.module_.state_dict() for each in (one, other))
    assert ours.keys() == theirs.keys()
    for name, weights in ours.items():
        assert torch.equal(weights, theirs[name]), name


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"lr_schedule": "one_cycle", "clip_grad_norm": 1.0, "layer_decay": 0.01},
        {"loss_weights": "uncertainty", "averaging": "ema"},
        {"loss_weights": [0.1, 3.0], "optimizer": "sgd", "freeze_epochs": 90},
        {"aggregation": "pcgrad", "sampler": "sign"},
        {"backbone": Partial(TabM, n_members=2, hidden=(4,), n_bins=3, width=2)},
    ],
)
def test_a_fit_is_one_with_the_rate_that_the_test_suggests(params):
    estimator = make(**params)
    estimator.fit(X, Y)
    assert estimator.lr == "auto"
    assert estimator.lr_ == find_lr(estimator, X, Y).suggestion
    given = clone(estimator).set_params(lr=estimator.lr_).fit(X, Y)
    assert given.lr_ == estimator.lr_
    assert_same_weights(estimator, given)
    rows = zip(estimator.history_, given.history_, strict=True)
    for one, other in rows:
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_callbacks_see_the_fit_alone():
    begun = []

    class Begins(Callback):
        def on_train_begin(self, net, **kwargs):
            begun.append(net.lr)

    estimator = make(callbacks=[Begins()]).fit(X, Y)
    assert begun == [estimator.lr_]


def test_images_with_batch_norm():
    images = RNG.random((40, 8, 8)).astype(np.float32)
    estimator = MultiTaskImageEstimator(
        Classification(2),
        backbone=Partial(ResNet, widths=(4,), n_blocks=1, n_features=4),
        lr="auto",
        max_epochs=1,
        random_state=0,
        n_threads=1,
    )
    y = images.mean(axis=(1, 2)) > 0.5
    estimator.fit(images, y)
    given = clone(estimator).set_params(lr=estimator.lr_).fit(images, y)
    assert_same_weights(estimator, given)


def test_rows_to_validate_with_are_not_seen():
    estimator = make(early_stopping=True, validation_fraction=0.3).fit(X, Y)
    held_out = make(early_stopping=True).fit(X, Y, X_val=X[::-1], y_val=Y)
    assert held_out.lr_ == find_lr(make(), X, Y).suggestion
    assert np.isfinite(estimator.lr_)


def test_more_training_goes_on_with_it():
    estimator = make(warm_start=True, lr_schedule=None).fit(X, Y)
    rate = estimator.lr_
    estimator.fit(-X, Y)
    estimator.partial_fit(10 * X, Y)
    assert estimator.lr_ == rate
    assert {row["lr"] for row in estimator.history_} == {rate}
    estimator.set_params(lr=0.5).partial_fit(X, Y)
    assert estimator.lr_ == 0.5
    assert make(warm_start=False).fit(X, Y).fit(100 * X, Y).lr_ != rate


def test_partial_fit_finds_it_from_the_first_rows():
    first = make().partial_fit(X, Y)
    assert first.lr_ == find_lr(make(), X, Y).suggestion
    assert first.partial_fit(-X, Y).history_[1]["lr"] == first.lr_


def test_files_and_members(tmp_path):
    estimator = make().fit(X, Y)
    save(estimator, tmp_path / "model.mtlearn")
    assert load(tmp_path / "model.mtlearn").lr_ == estimator.lr_
    ensemble = SeedEnsemble(make(), 2, random_state=0).fit(X, Y)
    together = SeedEnsemble(make(), 2, random_state=0, vectorized=True).fit(X, Y)
    members = zip(ensemble.estimators_, together.estimators_, strict=True)
    for member, other in members:
        seed = member.random_state
        assert member.lr_ == find_lr(make(random_state=seed), X, Y).suggestion
        assert member.lr_ == other.lr_
        np.testing.assert_allclose(member.predict(X), other.predict(X), rtol=1e-9)


def test_refused():
    with pytest.raises(ParameterTypeError, match=r"a number above 0 or 'auto'. Got 'f"):
        make(lr="fast").fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"must be None with lr='auto'"):
        make(backbone_lr=0.1).fit(X, Y)


def test_nothing_to_learn():
    flat = Regression(loss=lambda outputs, labels: 0 * (outputs - labels))
    with pytest.raises(InvalidParameterError, match=r"the loss falls at no rate from"):
        make().set_params(tasks=flat).fit(X, Y[:, 1])
    with pytest.raises(DivergenceError):
        make().fit(1e300 * X, Y)


class Crash(Callback):
    """Fails at the end of the second epoch."""

    def on_epoch_end(self, net, **kwargs):
        if ARMED and len(net.history) == 2:
            raise RuntimeError("crash")


ARMED = []


def test_a_fit_that_goes_on_has_the_rate_and_the_bits(tmp_path):
    estimator = make(checkpoint_dir=tmp_path, callbacks=[Crash()])
    ARMED.append(True)
    with pytest.raises(RuntimeError, match="crash"):
        estimator.fit(X, Y)
    ARMED.clear()
    undisturbed = make().fit(X, Y)
    estimator.fit(X, Y)
    assert estimator.lr_ == undisturbed.lr_
    assert estimator.n_iter_ == 3
    assert_same_weights(estimator, undisturbed)
