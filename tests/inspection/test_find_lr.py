"""Learning rates from small to large, and which one is suggested."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch.optim.lr_scheduler import LambdaLR

from mtlearn import (
    Classification,
    MultiTaskEstimator,
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
from mtlearn.inspection import LearningRateDisplay, find_lr
from mtlearn.networks import MLP
from mtlearn.training import (
    SWA,
    RangeEnds,
    RateRange,
    TaskMetric,
    smoothed_losses,
    suggested_rate,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = np.column_stack([X[:, 0] > 0, X[:, 1] - X[:, 2]])
TASKS = Tasks(sign=Classification(2), value=Regression())
OWN_METRIC = TaskMetric(accuracy_score, "sign")


def make(**params):
    given = {"backbone": Partial(MLP, hidden=(8,)), "batch_size": 40, "random_state": 0}
    return MultiTaskEstimator(TASKS, n_threads=1, **{**given, **params})


class EachStep(LambdaLR):
    """A schedule of torch, stepped after each batch."""

    step_every = "batch"


class Losses(Callback):
    """Notes the loss of each step."""

    def on_train_begin(self, net, **kwargs):
        self.losses_ = []

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            self.losses_.append(net.history[-1, "batches", -1, "train_loss"])


def test_losses_are_those_of_a_schedule_of_the_same_rates():
    rates = 1e-4 * 10 ** (4 * np.arange(12) / 11)  # from 1e-4 to 1
    losses = Losses()
    schedule = Partial(EachStep, lr_lambda=lambda step: rates[min(step, 11)])
    make(lr=1.0, lr_schedule=schedule, callbacks=[losses], max_epochs=4).fit(X, Y)
    found = find_lr(make(), X, Y, min_lr=1e-4, max_lr=1.0, n_steps=12)
    np.testing.assert_allclose(found.rates, rates)
    np.testing.assert_allclose(found.losses, losses.losses_, rtol=1e-12)
    assert found.suggestion in found.rates


@pytest.mark.parametrize(
    "params",
    [
        {"lr_schedule": "one_cycle", "max_epochs": 1, "lr": 5.0},
        {"early_stopping": True, "averaging": SWA(start=0.0, lr=0.5)},
        {
            "callbacks": [TaskMetric(accuracy_score, "sign")],
            "monitor": "sign_accuracy_score",
        },
        {"callbacks": [Losses()], "freeze_epochs": 3, "on_divergence": "restore_best"},
    ],
)
def test_what_does_not_count(params, tmp_path):
    estimator = make(checkpoint_dir=tmp_path / "fit", **params)
    before = estimator.get_params()
    found = find_lr(estimator, X, Y, n_steps=10)
    np.testing.assert_array_equal(
        found.losses, find_lr(make(), X, Y, n_steps=10).losses
    )
    assert estimator.get_params() == before
    assert not hasattr(estimator, "net_")
    assert not (tmp_path / "fit").exists()


def test_weights_of_rows_and_the_seed_count():
    plain = find_lr(make(), X, Y, n_steps=10)
    weighted = find_lr(make(), X, Y, sample_weight=np.arange(120), n_steps=10)
    other = find_lr(make(), X, Y, n_steps=10, random_state=1)
    of_one = find_lr(make(random_state=1), X, Y, n_steps=10)
    assert not np.array_equal(plain.losses, weighted.losses)
    assert not np.array_equal(plain.losses, other.losses)
    np.testing.assert_array_equal(other.losses, of_one.losses)


def test_it_ends_where_the_loss_has_risen_far():
    found = find_lr(make(optimizer="sgd"), X, Y, max_lr=1e6, n_steps=60)
    assert len(found.losses) == len(found.rates) < 60
    lowest = found.losses.min()
    scale = max(found.losses[0], found.losses[0] - lowest)
    assert found.losses[-1] > lowest + 4 * scale
    # Averages are as wide as of a test that was not cut short: 0.02 * 60 steps.
    np.testing.assert_allclose(found.smoothed, averaged(found.losses, 1.2))


def test_pipelines_and_searches():
    scaled = find_lr(make(), StandardScaler().fit_transform(X), Y, n_steps=10)
    pipe = make_pipeline(StandardScaler(), make())
    search = GridSearchCV(pipe, {"multitaskestimator__max_epochs": [1]}, cv=2)
    for model in (pipe, search.fit(X, Y)):
        found = find_lr(model, X, Y, n_steps=10)
        np.testing.assert_array_equal(found.losses, scaled.losses)
    with pytest.raises(ParameterTypeError, match="must have one network"):
        find_lr(SeedEnsemble(make()), X, Y)


def test_rows_that_no_rate_can_learn_from():
    with pytest.raises(DivergenceError, match="not finite in epoch 1, batch 1"):
        find_lr(make(), np.full_like(X, 1e300), Y)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"min_lr": 0.0}, "min_lr"),
        ({"min_lr": 0.1, "max_lr": 0.1}, "max_lr"),
        ({"n_steps": 9}, "n_steps"),
    ],
)
def test_refused(params, name):
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of find_lr"):
        find_lr(make(), X, Y, **params)


def test_groups_keep_their_ratio():
    groups = [{"lr": 0.01}, {"lr": 0.1}]
    steps = RateRange([0.2, 0.4])
    history = {(-1, "batches", -1, "train_loss"): 1.0}
    net = SimpleNamespace(
        optimizer_=SimpleNamespace(param_groups=groups), history=history
    )
    steps.on_train_begin(net)
    steps.on_batch_begin(net, training=True)
    np.testing.assert_allclose([each["lr"] for each in groups], [0.02, 0.2])
    steps.on_batch_end(net, training=True)
    steps.on_batch_begin(net, training=False)
    steps.on_batch_end(net, training=False)
    steps.on_batch_begin(net, training=True)
    np.testing.assert_allclose([each["lr"] for each in groups], [0.04, 0.4])
    with pytest.raises(RangeEnds):
        steps.on_batch_end(net, training=True)
    assert steps.losses_ == [1.0, 1.0]


def test_noise_of_the_first_steps_does_not_end_it():
    steps = RateRange([0.1] * 30)
    net = SimpleNamespace(optimizer_=SimpleNamespace(param_groups=[{"lr": 0.1}]))
    steps.on_train_begin(net)
    for loss in [1.0, 100.0, *[1.0] * 9]:
        net.history = {(-1, "batches", -1, "train_loss"): loss}
        steps.on_batch_end(net, training=True)
    net.history = {(-1, "batches", -1, "train_loss"): 5.0}  # four times more than 1
    steps.on_batch_end(net, training=True)
    net.history = {(-1, "batches", -1, "train_loss"): 5.1}
    with pytest.raises(RangeEnds):
        steps.on_batch_end(net, training=True)


def averaged(losses, deviation):
    """Average with a normal density of four deviations to either side."""
    reach = int(4 * deviation + 0.5)
    density = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    padded = np.pad(losses, reach, mode="edge")
    return np.convolve(padded, density / density.sum(), mode="valid")


def test_averages():
    losses = RNG.normal(size=50)
    np.testing.assert_allclose(smoothed_losses(losses, 100), averaged(losses, 2.0))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([10.0, 9.0, 3.0, 2.0, 0.0, 20.0], 4.0),  # 80 % of 10 down: 2
        ([10.0, 9.0, 3.0, 2.1, 0.0, 20.0], 5.0),
        ([-1.0, -2.0, -6.0, 0.0, 0.0, 0.0], 3.0),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0], None),
        ([1.0, 2.0, 2.0, 2.0, 2.0, 2.0], None),
    ],
)
def test_four_fifths_of_the_fall(losses, expected):
    assert suggested_rate(np.arange(1.0, 7.0), np.array(losses)) == expected


def test_display():
    display = find_lr(make(), X, Y, n_steps=20)
    assert repr(display) == "<LearningRateDisplay; plot() draws it>"
    frame = display.frame()
    assert list(frame) == ["lr", "loss", "smoothed"]
    np.testing.assert_array_equal(frame["loss"], display.losses)
    ax = display.plot().ax_
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "learning rate")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[-1] == f"suggestion: {display.suggestion:.2g}"
    flat = LearningRateDisplay([0.1, 1.0], [1.0, 1.0])
    assert flat.suggestion is None
    assert len(flat.plot().ax_.get_legend().get_texts()) == 2
