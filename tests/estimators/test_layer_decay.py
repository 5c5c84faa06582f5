"""Learning rates that fall from layer to layer, down to the input."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from mtlearn import Partial, load, save
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import MLP, ResNet
from mtlearn.training import SWA
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

DEEP = Partial(MLP, hidden=(5, 4, 3))


def deep_estimator(**params):
    defaults = {"backbone": DEEP, "lr": 0.08, "layer_decay": 0.5}
    return table_estimator(**{**defaults, **params})


def rates(estimator, n_parts=3):
    """Return the rate of each weight, by what its name begins with."""
    names = {id(w): name for name, w in estimator.net_.module_.named_parameters()}
    found = {}
    for group in estimator.net_.optimizer_.param_groups:
        for weight in group["params"]:
            short = ".".join(names[id(weight)].split(".")[:n_parts])
            found.setdefault("heads" if short[0] == "h" else short, set()).add(
                group["lr"]
            )
    assert all(len(each) == 1 for each in found.values())
    return {name: each.pop() for name, each in found.items()}


def of_mlp(first, second, third, heads):
    numbers = {"0": first, "2": second, "4": third}
    layers = {f"backbone.layers.{n}": rate for n, rate in numbers.items()}
    return pytest.approx({**layers, "heads": heads}, rel=1e-12)


def test_each_layer_of_an_mlp():
    X, y = make_table()
    assert rates(deep_estimator().fit(X, y)) == of_mlp(0.01, 0.02, 0.04, 0.08)

    slow = deep_estimator(backbone_lr=0.8, layer_decay=0.1).fit(X, y)
    assert rates(slow) == of_mlp(0.0008, 0.008, 0.08, 0.08)


def test_each_block_of_a_residual_network():
    backbone = Partial(ResNet, widths=(4, 8), n_blocks=(2, 1), n_features=6)
    X, y = make_images()
    fitted = image_estimator(backbone=backbone, lr=0.1, layer_decay=0.2).fit(X, y)

    found = rates(fitted, 4)
    wanted = {"stem": 0.1 * 0.2**4, "stages.0.0": 0.1 * 0.2**3}
    wanted |= {"stages.0.1": 0.1 * 0.2**2, "stages.1.0": 0.02, "dense": 0.02}
    for name, rate in found.items():
        starts = [each for each in wanted if name.startswith(f"backbone.{each}")]
        assert rate == pytest.approx(wanted[starts[0]] if starts else 0.1)
    assert found["heads"] == 0.1


class Shares(nn.Module):
    """Two shared layers, and one of its own for each task."""

    def __init__(self, in_features, n_tasks):
        super().__init__()
        self.own = nn.ModuleList(nn.Linear(4, 2) for _ in range(n_tasks))
        self.shared = nn.Sequential(nn.Linear(in_features, 4), nn.Linear(4, 4))

    def forward(self, x):
        return tuple(layer(self.shared(x)) for layer in self.own)

    def shared_parameters(self):
        return self.shared.parameters()


def test_what_is_not_shared_learns_as_the_heads():
    fitted = deep_estimator(backbone=Shares).fit(*make_table())

    wanted = {"own.0": 0.08, "own.1": 0.08, "shared.0": 0.02, "shared.1": 0.04}
    wanted = {f"backbone.{name}": rate for name, rate in wanted.items()}
    assert rates(fitted) == pytest.approx({**wanted, "heads": 0.08})


def step(**params):
    """Return how far one step of plain descent moves each weight."""
    X, y = make_table()
    moved = []
    for lr in (params.pop("lr"), 1e-300):
        fitted = deep_estimator(
            lr=lr, optimizer=torch.optim.SGD, max_epochs=1, batch_size=200, **params
        ).fit(X, y)
        moved.append(weights_of(fitted))
    return {name: moved[0][name] - moved[1][name] for name in moved[0]}


def test_a_step_is_the_gradient_times_the_rate():
    found, gradient = step(lr=0.3, layer_decay=0.7), step(lr=1.0, layer_decay=None)

    powers = {"layers.4": 1, "layers.2": 2, "layers.0": 3}
    for name, moved in gradient.items():
        power = next((k for start, k in powers.items() if start in name), 0)
        assert np.abs(moved).max() > 0
        np.testing.assert_allclose(
            found[name], 0.3 * 0.7**power * moved, rtol=1e-9, atol=1e-15
        )


@pytest.mark.parametrize("others", [{}, {"backbone_lr": 0.01}])
@pytest.mark.parametrize("one", [1, 1.0, np.float32(1)])
def test_one_is_none(one, others):
    X, y = make_table()
    plain = deep_estimator(layer_decay=None, **others).fit(X, y)

    assert_same_bits(deep_estimator(layer_decay=one, **others).fit(X, y), plain)
    assert not same_bits(deep_estimator(layer_decay=0.9, **others).fit(X, y), plain)


class RateRecorder(Callback):
    def on_train_begin(self, net, **kwargs):
        self.rates = []

    def on_batch_begin(self, net, training, **kwargs):
        if training:
            groups = net.optimizer_.param_groups
            self.rates.append([group["lr"] for group in groups])


def recorded(**params):
    recorder = RateRecorder()
    fitted = deep_estimator(callbacks=[recorder], **params).fit(*make_table())
    return fitted, np.array(recorder.rates)


@pytest.mark.parametrize(
    "schedule",
    [
        *("cosine", "warmup_cosine", "one_cycle"),
        Partial(torch.optim.lr_scheduler.StepLR, step_size=3, gamma=0.1),
        Partial(torch.optim.lr_scheduler.CosineAnnealingLR, eta_min=0.0),
    ],
)
def test_schedules_keep_the_layers_apart(schedule):
    _, found = recorded(lr_schedule=schedule, max_epochs=10)

    assert len(np.unique(found[:, -1].round(9))) > 2
    np.testing.assert_allclose(
        found[:, :-1], found[:, -1:] * [0.125, 0.25, 0.5], rtol=1e-9
    )
    assert found.max() == pytest.approx(0.08, rel=0.01)


def test_the_history_has_the_rate_of_the_heads():
    fitted, _ = recorded()
    assert [row["lr"] for row in fitted.history_] == [0.08] * 4


def test_averages_of_the_last_epochs_keep_the_layers_apart():
    _, found = recorded(averaging=SWA(start=0.5, lr=0.4))
    np.testing.assert_allclose(found[-1], [0.05, 0.1, 0.2, 0.4])


def steps_of(estimator):
    """Return how many steps Adam has counted for each weight."""
    states = estimator.net_.optimizer_.state.values()
    return {int(state["step"]) for state in states}


def test_more_training_with_another_decay():
    X, y = make_table()
    estimator = deep_estimator(warm_start=True).fit(X, y)

    estimator.set_params(layer_decay=0.1).partial_fit(X, y)
    assert rates(estimator) == of_mlp(0.00008, 0.0008, 0.008, 0.08)
    assert steps_of(estimator) == {5}  # four epochs of one step, and one

    estimator.set_params(lr=0.1, backbone_lr=0.01).partial_fit(X, y)
    assert rates(estimator) == of_mlp(1e-5, 1e-4, 1e-3, 0.1)
    assert steps_of(estimator) == {6}

    estimator.fit(X, y)
    assert rates(estimator) == of_mlp(1e-5, 1e-4, 1e-3, 0.1)
    assert steps_of(estimator) == {4}


@pytest.mark.parametrize("others", [{}, {"backbone_lr": 0.01}])
def test_more_training_with_one_decay_only_at_times(others):
    X, y = make_table()
    estimator = deep_estimator(layer_decay=None, **others).fit(X, y)
    base = others.get("backbone_lr", 0.08)

    estimator.set_params(layer_decay=0.5).partial_fit(X, y)
    assert rates(estimator) == of_mlp(base / 8, base / 4, base / 2, 0.08)

    estimator.set_params(layer_decay=None).partial_fit(X, y)
    assert rates(estimator) == of_mlp(base, base, base, 0.08)


def fail(x, generator):
    raise RuntimeError("stop")


def test_a_failed_fit_leaves_the_rates_as_they_were():
    X, y = make_table()
    for before, after in ((0.5, 0.1), (None, 0.1), (0.5, None)):
        estimator = deep_estimator(layer_decay=before).fit(X, y)
        wanted = rates(estimator)
        estimator.set_params(layer_decay=after, augmentation=fail)
        with pytest.raises(RuntimeError, match="stop"):
            estimator.partial_fit(X, y)

        assert rates(estimator) == wanted
        estimator.set_params(layer_decay=before, augmentation=None).partial_fit(X, y)
        assert rates(estimator) == wanted
        assert steps_of(estimator) == {5}


def test_copies_have_it(tmp_path):
    X, y = make_table()
    fitted = deep_estimator().fit(X, y)
    save(fitted, tmp_path / "model.mtlearn")

    for other in (
        clone(fitted).fit(X, y),
        pickle.loads(pickle.dumps(fitted)),
        load(tmp_path / "model.mtlearn"),
    ):
        assert other.layer_decay == 0.5
        assert_same_bits(other, fitted)
        other.partial_fit(X, y)
        assert rates(other) == of_mlp(0.01, 0.02, 0.04, 0.08)
    again = pickle.loads(pickle.dumps(fitted))
    assert rates(again) == of_mlp(0.01, 0.02, 0.04, 0.08)  # before it trains too


def test_it_is_searched():
    search = GridSearchCV(deep_estimator(), {"layer_decay": [None, 0.5, 1.0]}, cv=2)
    search.fit(*make_table())

    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[2] != scores[1]


def test_a_frozen_backbone_has_no_rates_to_fall():
    X, y = make_table()
    found = deep_estimator(freeze_backbone=True).fit(X, y)
    plain = deep_estimator(freeze_backbone=True, layer_decay=None).fit(X, y)

    assert_same_bits(found, plain)


def test_a_backbone_thaws_with_its_rates():
    X, y = make_table()
    params = {"optimizer": "sgd", "freeze_epochs": 2, "max_epochs": 3}
    start = weights_of(deep_estimator(**{**params, "max_epochs": 1}).fit(X, y))
    fitted = deep_estimator(**params).fit(X, y)
    other = deep_estimator(**params, layer_decay=0.1).fit(X, y)

    for layer, ratio in (("0", 0.1**3 / 0.5**3), ("4", 0.1 / 0.5)):
        name = f"backbone.layers.{layer}.weight"
        moved = [weights_of(each)[name] - start[name] for each in (fitted, other)]
        np.testing.assert_allclose(moved[1], ratio * moved[0], rtol=1e-6, atol=1e-12)


def test_an_optimiser_with_one_rate_says_so():
    estimator = deep_estimator(optimizer=torch.optim.LBFGS)
    with pytest.raises(InvalidParameterError, match=r"'layer_decay'.*LBFGS"):
        estimator.fit(*make_table())
    estimator.set_params(layer_decay=1, max_epochs=1).fit(*make_table())


def regrouped(split):
    """Return an optimiser that makes groups of its own."""

    class Regrouped(torch.optim.SGD):
        def __init__(self, params, lr=1e-3):
            super().__init__(split([w for group in params for w in group["params"]]))

    return Regrouped


@pytest.mark.parametrize(
    "split",
    [
        lambda weights: weights,
        # As many groups as there should be.
        lambda weights: [{"params": weights[k::4]} for k in range(4)],
    ],
)
def test_an_optimiser_with_groups_of_its_own(split):
    with pytest.raises(
        InvalidParameterError, match=r"'layer_decay'.*as Regrouped does"
    ):
        deep_estimator(optimizer=regrouped(split)).fit(*make_table())


def test_a_backbone_without_weights():
    estimator = deep_estimator(backbone=Partial(MLP, hidden=()))
    message = r"'layer_decay' parameter must be None where.*Got 0\.5 instead"
    with pytest.raises(InvalidParameterError, match=message):
        estimator.fit(*make_table())
