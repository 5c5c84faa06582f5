"""Optimisers, schedules, devices and precisions by name, class or Partial."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from mtlearn import Partial
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training import (
    Monitor,
    follows_figure,
    resolve_device,
    resolve_optimizer,
    resolve_part,
    resolve_precision,
    resolve_schedule,
    schedule_callback,
)
from mtlearn.training._warmup import WarmupCosineLR

CPU = torch.device("cpu")
META = torch.device("meta")  # where no optimiser has a fused form


def test_a_part_is_a_class_or_a_partial_of_one():
    assert resolve_part(nn.Linear, nn.Module, "backbone", "Owner").cls is nn.Linear
    part = Partial(nn.Linear, bias=False)
    assert resolve_part(part, nn.Module, "backbone", "Owner") is part


@pytest.mark.parametrize("value", [dict, Partial(dict), Partial(len)], ids=str)
def test_another_class(value):
    message = (
        "The 'backbone' parameter of Owner must be a registered name, a subclass of "
        "torch's Module, or Partial of one"
    )
    with pytest.raises(ParameterTypeError, match=message):
        resolve_part(value, nn.Module, "backbone", "Owner")


def test_an_object_is_refused():
    with pytest.raises(ParameterTypeError, match="trained in place"):
        resolve_part(nn.Linear(1, 1), nn.Module, "backbone", "Owner")


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_named_optimizers_take_weight_decay(name):
    assert resolve_optimizer(name, 0.25, CPU, "Owner").kwargs["weight_decay"] == 0.25


def test_an_optimizer_keeps_its_own_arguments():
    given = Partial(torch.optim.SGD, momentum=0.5, weight_decay=0.1)
    found = resolve_optimizer(given, 0.7, META, "Owner")
    assert found.kwargs == {"momentum": 0.5, "weight_decay": 0.1}
    assert given.kwargs == {"momentum": 0.5, "weight_decay": 0.1}


def test_an_optimizer_without_weight_decay():
    found = resolve_optimizer(torch.optim.LBFGS, 0.0, CPU, "Owner")
    assert found.kwargs == {}
    with pytest.raises(InvalidParameterError, match="must be 0 with LBFGS"):
        resolve_optimizer(torch.optim.LBFGS, 0.1, CPU, "Owner")


def test_the_learning_rate_belongs_to_lr():
    with pytest.raises(InvalidParameterError, match="leave the learning rate to 'lr'"):
        resolve_optimizer(Partial(torch.optim.SGD, lr=1.0), 0.0, CPU, "Owner")


@pytest.mark.parametrize(
    ("value", "cls", "watches"),
    [
        ("cosine", lr_scheduler.CosineAnnealingLR, False),
        ("plateau", lr_scheduler.ReduceLROnPlateau, True),
        ("one_cycle", lr_scheduler.OneCycleLR, False),
        (lr_scheduler.ReduceLROnPlateau, lr_scheduler.ReduceLROnPlateau, True),
        (Partial(lr_scheduler.StepLR, step_size=2), lr_scheduler.StepLR, False),
    ],
)
def test_schedules(value, cls, watches):
    schedule = resolve_schedule(value, "Owner")
    assert schedule.cls is cls
    assert follows_figure(schedule) is watches


def test_no_schedule():
    assert resolve_schedule(None, "Owner") is None
    assert not follows_figure(None)


@pytest.mark.parametrize(
    ("name", "step_every", "expected"),
    [
        ("cosine", "epoch", {"T_max": 20, "eta_min": 0.03}),
        ("one_cycle", "batch", {"max_lr": 0.3, "total_steps": 100}),
        (
            "plateau",
            "epoch",
            {"factor": 0.5, "patience": 4, "mode": "min"}
            | {"threshold": 0.0, "threshold_mode": "abs"},
        ),
        ("warmup_cosine", "epoch", {"T_max": 20, "eta_min": 0.03, "warmup": 2}),
    ],
)
def test_schedule_callbacks(name, step_every, expected):
    schedule = resolve_schedule(name, "Owner")
    callback = schedule_callback(schedule, rates=(0.3,), epochs=20, n_batches=5)
    assert callback.step_every == step_every
    assert callback.kwargs == expected


def test_devices():
    assert resolve_device("cpu", "Owner") == torch.device("cpu")
    assert resolve_device(torch.device("cpu"), "Owner") == torch.device("cpu")
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto", "Owner").type == expected
    assert str(resolve_device("cpu:0", "Owner")) == "cpu"


@pytest.mark.parametrize("value", ["auto", "cuda", torch.device("cuda")])
def test_a_device_has_its_index(monkeypatch, value):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch, "zeros", lambda n, device: np.zeros(n))
    assert str(resolve_device(value, "Owner")) == "cuda:3"
    assert str(resolve_device("cuda:1", "Owner")) == "cuda:1"


@pytest.mark.parametrize("value", ["gpu", "", None, 1.5, object()])
def test_no_device(value):
    message = "The 'device' parameter of Owner must be 'auto' or a torch device"
    with pytest.raises(InvalidParameterError, match=message):
        resolve_device(value, "Owner")


def test_a_device_that_is_not_there():
    with pytest.raises(InvalidParameterError, match=r"torch cannot use here.*or 'cpu'"):
        resolve_device("cuda:99", "Owner")


@pytest.mark.parametrize("value", ["mps", "xpu:1", "hpu", "meta", torch.device("mps")])
def test_a_device_of_a_kind_that_is_not_supported(value):
    kind = torch.device(value).type
    message = rf"'device' .* of Owner is .*CUDA devices only, not on '{kind}'. Use 'au"
    with pytest.raises(InvalidParameterError, match=message):
        resolve_device(value, "Owner")


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        ("auto", "float32", torch.float32),
        ("auto", "float64", torch.float64),
        ("float32", "float64", torch.float32),
        ("bfloat16", "float64", torch.float32),
        ("float64", "float32", torch.float64),
    ],
)
def test_types_of_the_weights(value, default, expected):
    assert resolve_precision(value, default, CPU, "Owner").dtype is expected


def test_automatic_precision_is_that_of_the_estimator(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    for default in ("float32", "float64"):
        assert resolve_precision("auto", default, CPU, "Owner").name == default


@pytest.mark.parametrize("value", ["half", None, torch.float32])
def test_no_precision(value):
    message = (
        "'precision' parameter of Owner must be one of 'auto', 'float32', 'bfloat16', "
        "'float16', 'float64'. Got "
    )
    with pytest.raises(InvalidParameterError, match=message):
        resolve_precision(value, "float32", CPU, "Owner")


class Needy(torch.optim.SGD):
    """An optimiser with an argument that has no default."""

    def __init__(self, params, lr, *, temper):
        super().__init__(params, lr)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "lr_schedule",
            lr_scheduler.StepLR,
            r"StepLR, which needs 'step_size'\. Pass Partial",
        ),
        (
            "lr_schedule",
            Partial(lr_scheduler.StepLR, gamma=0.5),
            r"\(StepLR, step_size=\.\.\.\)\.$",
        ),
        (
            "lr_schedule",
            lr_scheduler.CyclicLR,
            "CyclicLR, which needs 'base_lr', 'max_lr'",
        ),
        ("optimizer", Needy, r"Needy, which needs 'temper'\. Pass Partial"),
    ],
)
def test_arguments_that_a_class_needs(name, value, message):
    resolve = {
        "lr_schedule": lambda: resolve_schedule(value, "Some"),
        "optimizer": lambda: resolve_optimizer(value, 0.0, CPU, "Some"),
    }[name]
    with pytest.raises(InvalidParameterError, match=message) as raised:
        resolve()
    assert f"The '{name}' parameter of Some has" in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [
        lr_scheduler.CosineAnnealingLR,
        lr_scheduler.OneCycleLR,
        lr_scheduler.ReduceLROnPlateau,
        lr_scheduler.ConstantLR,
        WarmupCosineLR,
        Partial(lr_scheduler.StepLR, step_size=2),
        Partial(lr_scheduler.CyclicLR, base_lr=0.1, max_lr=1.0),
    ],
)
def test_what_follows_from_the_training_need_not_be_given(value):
    schedule = resolve_schedule(value, "Some")
    callback = schedule_callback(schedule, rates=[0.1], epochs=20, n_batches=2)
    assert callback.policy is schedule.cls


def test_a_plateau_has_the_rule_of_its_monitor():
    monitor = Monitor("score", ("valid",), greater_is_better=True, min_delta=0.3)
    given = {"rates": (0.3,), "epochs": 20, "n_batches": 5, "monitor": monitor}
    callback = schedule_callback(resolve_schedule("plateau", "Owner"), **given)
    assert callback.monitor == "valid_score"
    assert callback.kwargs["mode"] == "max"
    assert callback.kwargs["threshold"] == 0.3
    assert callback.kwargs["threshold_mode"] == "abs"
    # A threshold of the user's has torch's meaning.
    own = Partial(lr_scheduler.ReduceLROnPlateau, threshold=0.1)
    callback = schedule_callback(resolve_schedule(own, "Owner"), **given)
    assert callback.kwargs == {"mode": "max", "threshold": 0.1}
