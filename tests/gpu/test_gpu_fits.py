"""What is learned on a GPU is what is learned on a processor, in float64."""

from functools import partial

import numpy as np
import pytest
import torch
from on_devices import SMALL, assert_alike, assert_predicts_alike, both, fit_on

from mtlearn import (
    Classification,
    Count,
    Head,
    MultiLabel,
    Ordinal,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    VotingEnsemble,
)
from mtlearn.inspection import TaskConflictDisplay
from mtlearn.losses import Ridge
from mtlearn.networks import MLP, TabM
from mtlearn.training import EMA
from tiny_problems import image_estimator, make_images, make_table, table_estimator

exact_images = partial(image_estimator, backbone=SMALL, precision="float64")
MEMBERS = Partial(TabM, hidden=(8,), n_members=4, dropout=0.0)
DROPPING = Partial(MLP, hidden=(8,), dropout=0.5)
dropping_table = partial(table_estimator, backbone=DROPPING)


def table_with_gaps():
    X, y = make_table()
    y[2, 0] = y[5, 1] = np.nan
    return X, y


@pytest.mark.parametrize(
    "make",
    [
        table_estimator,
        partial(table_estimator, backbone=Partial(MLP, hidden=(8,), batch_norm=True)),
        partial(table_estimator, backbone=MEMBERS, max_epochs=2),
    ],
    ids=["mlp", "batch norm", "tabm"],
)
def test_tables(device, make):
    both(device, make, *table_with_gaps())


@pytest.mark.parametrize("size", [6, 9])
def test_images(device, size):
    found, expected = both(device, exact_images, *make_images(size=size))
    X = make_images(size=size, seed=1)[0]
    np.testing.assert_allclose(found.embed(X), expected.embed(X), atol=1e-6)


KINDS = {
    "classification": Classification(3, class_weight="balanced", label_smoothing=0.1),
    "focal": Classification(3, loss="focal"),
    "count": Count(),
    "ordinal": Ordinal(3),
    "regression": Regression(bounds=(-50, 50), loss="huber"),
    "reconstruction": Reconstruction(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(device, kind):
    X, y = table_with_gaps()
    columns = [1] if kind == "reconstruction" else [0, 1]
    tasks = Tasks(own=KINDS[kind], size=Regression())
    weights = np.linspace(0.5, 2.0, len(X))
    make = partial(table_estimator, tasks, max_epochs=2)
    both(device, make, X, y[:, columns], sample_weight=weights)


def test_labels(device):
    X, y = make_table()
    flags = np.column_stack([X[:, :2] > 0.2, y[:, 1]]).astype(float)
    flags[3, 0] = np.nan
    tasks = Tasks(own=MultiLabel(2), size=Regression())
    both(device, partial(table_estimator, tasks), X, flags)


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": "sgd", "lr_schedule": "one_cycle", "batch_size": 10},
        {"optimizer": "adamw", "weight_decay": 0.1, "clip_grad_norm": 0.5},
        {"optimizer": torch.optim.RMSprop, "accumulate": 2, "batch_size": 10},
        {"averaging": EMA(0.9), "batch_size": 10},
        {"loss_weights": "uncertainty"},
        {"loss_weights": "gradnorm"},
        {"loss_weights": "famo"},
        {"aggregation": "pcgrad"},
        {"aggregation": "cagrad"},
        {"penalty": Ridge(0.1)},
        {"early_stopping": True, "validation_fraction": 0.25},
        {"sampler": "balanced"},
        {"lr": "auto"},
    ],
    ids=lambda params: ", ".join(params),
)
def test_ways_to_train(device, params):
    both(device, partial(table_estimator, **params), *make_table())


@pytest.mark.parametrize(
    "params",
    [{"augmentation": "light"}, {"mixing": "mixup"}, {"mixing": "cutmix"}],
    ids=str,
)
def test_changed_batches(device, params):
    both(device, partial(exact_images, **params), *make_images())


def test_going_on(device):
    X, y = make_table()
    found, expected = (table_estimator(device=each) for each in (device, "cpu"))
    for _ in range(3):
        found.partial_fit(X, y)
        expected.partial_fit(X, y)
    assert_alike(found, expected, X)


def test_going_on_elsewhere(device):
    X, y = make_table()
    there, expected = (
        table_estimator(device="cpu", warm_start=True).fit(X, y) for _ in range(2)
    )
    fit_on(device, there, X, y)
    fit_on("cpu", expected, X, y)
    assert_alike(there, expected, X)
    assert_alike(fit_on("cpu", there, X, y), fit_on("cpu", expected, X, y), X)


def test_dropout_draws_from_the_seed_alone(device, on_gpu):
    X, y = make_table()
    state = torch.cuda.get_rng_state if on_gpu else torch.get_rng_state
    before = state()
    one, same = (fit_on(device, dropping_table(), X, y) for _ in range(2))
    assert torch.equal(state(), before)
    assert_alike(one, same, X, rtol=1e-9)
    other = fit_on(device, dropping_table(random_state=1), X, y)
    assert not np.allclose(other.predict(X), one.predict(X))


def test_a_default_device_changes_nothing(device):
    X, y = make_images()
    expected = fit_on(device, exact_images(), X, y)
    with torch.device(device):
        found = fit_on(device, exact_images(), X, y)
        assert_alike(found, expected, X, rtol=1e-9)


def test_ensembles(device):
    X, y = make_table()
    template = table_estimator(max_epochs=2)
    there = [("a", template), ("b", table_estimator(max_epochs=1))]
    for make in (
        lambda one: SeedEnsemble(one, seeds=[3, 4], vectorized="auto"),
        lambda one: VotingEnsemble([(name, each) for name, each in there]),
    ):
        results = []
        for each in (device, "cpu"):
            for _, member in there:
                member.set_params(device=each)
            template.set_params(device=each)
            results.append(make(template).fit(X, y))
        assert_predicts_alike(*results, X)
        members = results[0].estimators_
        kinds = {str(member.net_.device).partition(":")[0] for member in members}
        assert kinds == {device}


def test_gradients_of_the_tasks(device):
    X, y = make_table()
    head = Head(hidden=())
    tasks = Tasks(kind=Classification(3, head=head), size=Regression(head=head))
    found, expected = both(device, partial(table_estimator, tasks), X, y)
    shown = [
        TaskConflictDisplay.from_estimator(each, X, y) for each in (found, expected)
    ]
    np.testing.assert_allclose(shown[0].cosines(), shown[1].cosines(), atol=1e-6)
