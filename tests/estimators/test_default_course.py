"""What training does where nothing is said of rate, schedule and epochs."""

import numpy as np
import pytest
import torch
from skorch.callbacks import EarlyStopping, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, StepLR

from mtlearn import (
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    load,
    save,
)
from mtlearn.estimators._course import epochs_for
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.networks import MLP, ResNet, save_weights
from mtlearn.recipes import autoencoder

SMALL = Partial(MLP, hidden=(4,))


def rows(n=12):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    return X, X[:, 0] - X[:, 1]


def made(**params):
    return MultiTaskEstimator(
        Regression(),
        **{"backbone": SMALL, "random_state": 0, "batch_size": 6, **params},
    )


def weights_of(estimator):
    return [each.detach().clone() for each in estimator.net_.module_.parameters()]


def assert_same_weights(one, other):
    for first, second in zip(weights_of(one), weights_of(other), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("n_rows", "epochs"),
    # 14,000 rows in all below 700 rows, 100,000 above 5,000.
    [
        (1, 60),
        (233, 60),
        (234, 60),
        (236, 60),
        (300, 47),
        (699, 21),
        (700, 20),
        (5_000, 20),
        (5_001, 20),
        (10_000, 10),
        (20_000, 5),
        (1_000_000, 5),
    ],
)
def test_epochs_follow_from_the_rows(n_rows, epochs):
    assert epochs_for(n_rows) == epochs


def test_a_fit_is_one_cycle_to_a_hundredth():
    X, y = rows()
    estimator = made().fit(X, y)
    said = made(lr=0.01, lr_schedule="one_cycle", max_epochs=60).fit(X, y)
    assert_same_weights(estimator, said)
    assert estimator.n_iter_ == 60
    assert estimator.lr_ == 0.01
    # Torch's own schedule, over the 2 batches of each epoch.
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight])
    schedule = OneCycleLR(optimizer, 0.01, total_steps=120)
    expected = []
    for _ in range(119):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    # The rate that the next epoch begins with.
    found = [row["lr"] for row in estimator.history_]
    assert found[:-1] == pytest.approx(expected[2::2])


def test_rows_to_validate_on_count_for_the_epochs():
    X, y = rows(800)
    estimator = made(batch_size=400)
    estimator.set_params(lr_schedule="plateau").fit(X, y)
    assert estimator.n_iter_ == 20


def test_early_stopping_has_one_rate():
    X, y = rows()
    estimator = made(early_stopping=True, n_iter_no_change=200).fit(X, y)
    said = made(
        early_stopping=True,
        n_iter_no_change=200,
        lr=0.001,
        lr_schedule=None,
        max_epochs=100,
    ).fit(X, y)
    assert_same_weights(estimator, said)
    assert estimator.n_iter_ == 100
    assert {row["lr"] for row in estimator.history_} == {0.001}
    chosen = made(early_stopping="task", lr_schedule="one_cycle", max_epochs=2)
    assert chosen.fit(X, y).lr_ == 0.01


@pytest.mark.parametrize(
    ("params", "rates", "epochs"),
    [
        ({"callbacks": [EarlyStopping("train_loss", patience=200)]}, [0.001], 100),
        (
            {"callbacks": [("own", EarlyStopping("train_loss", patience=200))]},
            None,
            100,
        ),
        ({"callbacks": [LRScheduler(StepLR, step_size=59)]}, [0.0001, 0.001], 60),
        ({"optimizer": torch.optim.Adagrad}, [0.001], 60),
        ({"optimizer": torch.optim.RMSprop, "max_epochs": 2}, [0.001], 2),
        ({"optimizer": torch.optim.SGD, "max_epochs": 2}, [0.001], 2),
        ({"optimizer": torch.optim.LBFGS, "max_epochs": 1}, [0.001], 1),
    ],
)
def test_what_else_leaves_the_rate_alone(params, rates, epochs):
    X, y = rows()
    estimator = made(batch_size=12, **params).fit(X, y)
    assert estimator.n_iter_ == epochs
    found = sorted({row["lr"] for row in estimator.history_})
    assert found == pytest.approx(rates or [0.001])


MOVING = Partial(torch.optim.RMSprop, momentum=0.5)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", MOVING])
def test_a_cycle_with_each_optimizer(optimizer):
    estimator = made(optimizer=optimizer, max_epochs=2).fit(*rows())
    assert estimator.lr_ == 0.01
    first, last = (row["lr"] for row in estimator.history_)
    assert last < first < 0.01


def test_a_momentum_that_is_given_stays():
    betas = Partial(torch.optim.Adam, betas=(0.5, 0.9))
    estimator = made(optimizer=betas, max_epochs=2).fit(*rows())
    assert estimator.lr_ == 0.01
    assert [g["betas"] for g in estimator.net_.optimizer_.param_groups] == [(0.5, 0.9)]


@pytest.mark.parametrize(
    ("optimizer", "name", "value"),
    # Those of torch, and what the name says.
    [("adam", "betas", (0.9, 0.999)), ("sgd", "momentum", 0.9)],
)
def test_more_training_has_the_momentum_of_before_the_cycle(optimizer, name, value):
    X, y = rows()
    estimator = made(optimizer=optimizer, max_epochs=2).fit(X, y)
    (group,) = estimator.net_.optimizer_.param_groups
    assert group[name] != value
    estimator.partial_fit(X, y)
    (group,) = estimator.net_.optimizer_.param_groups
    assert group[name] == value


def test_one_step_is_taken():
    X, y = rows()
    estimator = made(batch_size=12, max_epochs=1).fit(X, y)
    seen = weights_of(estimator)
    start = made(batch_size=12, max_epochs=1, lr=1e-9, lr_schedule=None).fit(X, y)
    moved = max(
        (a - b).abs().max() for a, b in zip(seen, weights_of(start), strict=True)
    )
    # Adam's first step is as long as its rate.
    assert 0.001 < moved <= 0.01


@pytest.mark.parametrize("lr_schedule", [None, "cosine", "plateau", "warmup_cosine"])
def test_other_schedules_begin_with_a_thousandth(lr_schedule):
    estimator = made(lr_schedule=lr_schedule, max_epochs=1).fit(*rows())
    assert estimator.lr_ == 0.001


def test_more_training_stays_low():
    X, y = rows()
    estimator = made(max_epochs=2).fit(X, y)
    assert estimator.lr_ == 0.01
    estimator.partial_fit(X, y)
    assert estimator.lr_ == 0.001
    assert estimator.history_[-1]["lr"] == 0.001
    said = made(lr=0.01).partial_fit(X, y)
    assert said.history_[-1]["lr"] == 0.01


class Own(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.Linear(in_features, 4)

    def forward(self, x):
        return self.layer(x)


def test_what_may_not_bear_a_high_rate(tmp_path):
    X, y = rows()
    assert made(backbone=Own, max_epochs=1).fit(X, y).lr_ == 0.001
    fitted = made(max_epochs=1).fit(X, y)
    path = tmp_path / "mlp.safetensors"
    save_weights(fitted.net_.module_.backbone, path)
    begun = made(backbone=Partial(MLP, hidden=(4,), weights=path), max_epochs=1)
    assert begun.fit(X, y).lr_ == 0.001


def test_warm_start_has_a_cycle_of_its_own():
    X, y = rows()
    estimator = made(warm_start=True, max_epochs=3).fit(X, y)
    estimator.fit(X, y)
    rates = [row["lr"] for row in estimator.history_]
    assert len(rates) == 6
    assert rates[:3] == rates[3:]


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        (
            {"max_epochs": "all"},
            ParameterTypeError,
            r"'max_epochs'.* 'auto'. Got 'all'",
        ),
        ({"max_epochs": 0}, InvalidParameterError, "'max_epochs'.* not below 1"),
        ({"max_epochs": None}, ParameterTypeError, "'max_epochs'.* integer"),
        ({"lr": "low"}, ParameterTypeError, r"'lr'.*None, a number.*'auto'. Got 'low'"),
        ({"lr_schedule": "cycle"}, InvalidParameterError, "'lr_schedule'.*'auto'"),
    ],
)
def test_other_words(params, error, match):
    with pytest.raises(error, match=match):
        made(**params).fit(*rows())


def test_a_network_of_before_goes_on_by_its_name(tmp_path):
    X = np.random.default_rng(0).random((6, 4, 4))
    y = X[:, 0, 0]
    # What "resnet" stood for: no moments, and half of the features dropped.
    before = MultiTaskImageEstimator(
        Regression(), backbone=Partial(ResNet), max_epochs=1, random_state=0
    ).fit(X, y)
    before.set_params(backbone="resnet")
    save(before, tmp_path / "before.mtlearn")
    loaded = load(tmp_path / "before.mtlearn")
    assert not loaded.net_.module_.backbone.moments
    np.testing.assert_array_equal(loaded.predict(X), before.predict(X))
    loaded.partial_fit(X, y)
    assert not loaded.net_.module_.backbone.moments
    anew = loaded.fit(X, y)
    assert anew.net_.module_.backbone.moments
    anew.set_params(backbone=Partial(ResNet, moments=False))
    with pytest.raises(InvalidParameterError, match=r"'moments'"):
        anew.partial_fit(X, y)


@pytest.mark.parametrize(
    ("before", "today"),
    [
        (Partial(ResNet), Partial(ResNet, moments=True)),
        (Partial(ResNet, moments=False), "resnet"),
    ],
)
def test_moments_that_are_said_are_compared(before, today):
    X = np.zeros((4, 2, 2))
    estimator = MultiTaskImageEstimator(Regression(), backbone=before, max_epochs=1)
    y = np.arange(4.0)
    estimator.fit(X, y).set_params(backbone=today)
    with pytest.raises(InvalidParameterError, match=r"'moments'"):
        estimator.partial_fit(X, y)


def test_the_rate_of_the_autoencoder_stays():
    assert autoencoder()["model"].lr_schedule is None


class Patient(EarlyStopping):
    pass


def test_a_subclass_of_early_stopping_leaves_the_end_open():
    patient = Patient("train_loss", patience=200)
    estimator = made(callbacks=[patient], batch_size=12).fit(*rows())
    assert (estimator.lr_, estimator.n_iter_) == (0.001, 100)


@pytest.mark.parametrize(("optimizer", "fused"), [("sgd", False), ("adam", True)])
def test_half_precision_steps_with_what_may_skip(optimizer, fused):
    params = {"precision": "float16", "device": "cpu", "max_epochs": 1}
    estimator = made(optimizer=optimizer, **params).fit(*rows())
    assert bool(estimator.net_.optimizer_.defaults["fused"]) is fused
