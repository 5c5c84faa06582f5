"""Fused optimisers: which, where, and the same steps as the others."""

import pickle

import numpy as np
import pytest
import torch

from mtlearn import MultiTaskEstimator, Partial
from mtlearn.networks import MLP
from mtlearn.training import resolve_optimizer
from tiny_nets import CPU, FLOAT64, batch_losses, make_net, make_problem, train

SGD = torch.optim.SGD

NAMES = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def resolved(value, device=CPU):
    return resolve_optimizer(value, 0.0, device, "Owner")


@pytest.mark.parametrize("device", [CPU, torch.device("cuda:0")], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_named_ones_are_fused(name, device):
    found = resolved(name, device)
    assert found.cls is NAMES[name]
    assert found.kwargs["fused"] is True


def test_a_name_keeps_its_arguments():
    arguments = {"momentum": 0.9, "nesterov": True, "weight_decay": 0.25, "fused": True}
    assert resolve_optimizer("sgd", 0.25, CPU, "Owner").kwargs == arguments


@pytest.mark.parametrize(
    "value", [torch.optim.Adam, Partial(torch.optim.AdamW, eps=0.1)], ids=repr
)
def test_torchs_own_adam_is_fused(value):
    assert resolved(value).kwargs["fused"] is True


def test_a_class_that_takes_sparse_gradients_goes_on_taking_them():
    class Lookup(torch.nn.Module):
        def __init__(self, in_features):
            super().__init__()
            self.table = torch.nn.Embedding(3, 4, sparse=True, dtype=torch.float64)

        def forward(self, x):
            return self.table((x[:, 0] > 0).long())

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    estimator = MultiTaskEstimator(backbone=Lookup, optimizer=SGD, max_epochs=2)
    assert len(estimator.fit(X, y).history_) == 2


@pytest.mark.parametrize(
    "said",
    [
        {"fused": False},
        {"fused": None},
        {"fused": True},
        {"foreach": True},
        {"foreach": False},
        {"differentiable": True},
        {"differentiable": False},
    ],
    ids=str,
)
def test_what_the_partial_says_is_kept(said):
    for cls in NAMES.values():
        given = Partial(cls, **said)
        assert resolved(given).kwargs == {"weight_decay": 0.0, **said}
        assert given.kwargs == said


class Own(torch.optim.SGD):
    """Whose step may be another one."""


@pytest.mark.parametrize(
    "cls", [Own, torch.optim.RMSprop, torch.optim.NAdam, torch.optim.LBFGS]
)
def test_other_classes_are_left_alone(cls):
    assert "fused" not in resolved(cls).kwargs


@pytest.mark.parametrize("device", ["meta", "mps", "xpu"])
@pytest.mark.parametrize("name", NAMES)
def test_other_devices_are_left_alone(name, device):
    assert "fused" not in resolved(name, torch.device(device)).kwargs


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_those_of_the_plain_form(name):
    samples, tasks = make_problem()
    found = resolve_optimizer(name, 0.01, CPU, "Owner")
    nets = []
    for fused in (True, False):
        arguments = {f"optimizer__{key}": v for key, v in found.kwargs.items()}
        arguments |= {"optimizer": found.cls, "optimizer__fused": fused}
        nets.append(train(make_net(tasks, FLOAT64, **arguments), samples, epochs=5))
    fused, plain = nets
    assert fused.optimizer_.param_groups[0]["fused"] is True
    assert plain.optimizer_.param_groups[0]["fused"] is False
    np.testing.assert_allclose(batch_losses(fused), batch_losses(plain), rtol=1e-9)


def make_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    return X, X[:, :2] - X[:, 2:]


def estimator_with(optimizer, **params):
    return MultiTaskEstimator(
        backbone=Partial(MLP, hidden=(8,)),
        optimizer=optimizer,
        lr=0.02,
        max_epochs=4,
        random_state=0,
        device="cpu",
        **params,
    )


def last_loss(estimator):
    return estimator.history_[-1]["train_loss"]


def is_fused(estimator):
    return estimator.net_.optimizer_.param_groups[0]["fused"]


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_goes_on(name):
    X, y = make_rows()
    estimator = estimator_with(name, warm_start=True).fit(X, y)
    plain = estimator_with(Partial(estimator.net_.optimizer, fused=False)).fit(X, y)
    assert is_fused(estimator) is True
    assert is_fused(plain) is False
    losses = [last_loss(estimator)]
    losses.append(last_loss(estimator.fit(X, y)))
    losses.append(last_loss(estimator.partial_fit(X, y)))
    assert is_fused(estimator) is True
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_estimator_goes_on(name):
    X, y = make_rows()
    estimator = estimator_with(name).fit(X, y)
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    loaded.partial_fit(X, y)
    assert is_fused(loaded) is True
    assert last_loss(loaded) < last_loss(estimator)


def test_the_state_is_kept_from_step_to_step():
    X, y = make_rows()
    estimator = estimator_with("adam").partial_fit(X, y).partial_fit(X, y)
    steps = {float(s["step"]) for s in estimator.net_.optimizer_.state.values()}
    assert steps == {2.0}


def test_from_plain_to_fused_and_back():
    X, y = make_rows()
    plain = Partial(torch.optim.Adam, fused=False)
    estimator = estimator_with(plain).partial_fit(X, y)
    for optimizer, fused in (("adam", True), (plain, False)):
        estimator.set_params(optimizer=optimizer).partial_fit(X, y)
        assert is_fused(estimator) is fused
    losses = [row["train_loss"] for row in estimator.history_]
    assert losses == sorted(losses, reverse=True)


def test_a_failed_fit_leaves_weights_and_state():
    X, y = make_rows()
    estimator = estimator_with("adam").partial_fit(X, y)
    expected = estimator.predict(X)
    with pytest.raises(FloatingPointError, match="not finite"):
        estimator.set_params(lr=1e300).partial_fit(X * 1e200, y)
    np.testing.assert_array_equal(estimator.predict(X), expected)
    estimator.set_params(lr=0.02).partial_fit(X, y)
    assert np.isfinite(last_loss(estimator))


@pytest.mark.parametrize("name", NAMES)
def test_a_first_step_that_is_left_out(name):
    found = resolve_optimizer(name, 0.0, CPU, "Owner", skips=True)
    weight = torch.nn.Parameter(torch.ones(64))
    optimizer = found.cls([weight], lr=0.125, **found.kwargs)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for gradient in (float("inf"), 2.0):
        weight.grad = torch.full((64,), 4 * gradient)  # scaled
        scaler.scale(torch.zeros(()))
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scale = scaler.get_scale()
        scaler.update()
        weight.grad = None
        if gradient == 2.0:
            break
        assert torch.equal(weight.detach(), torch.ones(64))
        scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    assert scale == 4.0
    # Nesterov's step: the gradient, and 0.9 of a momentum that begins with it. Adam's
    # first step is the rate, whatever the gradient; AdamW decays by nothing.
    expected = 1 - 0.125 * (2 + 0.9 * 2) if name == "sgd" else 1 - 0.125
    torch.testing.assert_close(weight.detach(), torch.full((64,), expected))
