"""Steps whose numbers stay on their device: on "meta", which has none to give back.

What asks for a number raises there, as `item` and `nonzero` do; what is brought there
is counted. A GPU is waited for at each of these.
"""

from types import ModuleType

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from mtlearn import (
    Classification,
    Count,
    Head,
    MultiLabel,
    Ordinal,
    Reconstruction,
    Regression,
    Tasks,
)
from mtlearn.data import Batches, Samples
from mtlearn.losses import Ridge
from mtlearn.networks import _decoder, _heads
from mtlearn.training import Penalties, parameters_of
from mtlearn.training._step_sums import StepSums
from mtlearn.training._tally import Tally
from tiny_problems import (
    image_estimator,
    labelled_rows,
    make_images,
    make_table,
    table_estimator,
)

META = torch.device("meta")
MAKERS = {torch.tensor, torch.as_tensor, torch.Tensor.new_tensor}


class Copies(TorchDispatchMode):
    """Counts what is copied from one device to another."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            source = args[func is torch.ops.aten.copy_.default]
            self.count += source.device != result.device
        return result


class Makers(TorchFunctionMode):
    """Counts tensors that are made there of numbers of Python's, also to index by."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = func in MAKERS and not isinstance(args[-1], torch.Tensor)
        if func is torch.Tensor.__getitem__ and isinstance(args[1], tuple):
            made = any(isinstance(each, list) for each in args[1])  # of indices
        if made:
            self.count += result.device == META
        return result


def on_meta(estimator, X, y):
    """Return the net of a fitted estimator, with batches, both on that device."""
    estimator.fit(X, y)
    net = estimator.net_
    samples = labelled_rows(estimator, X, y)
    net.step_sums_ = StepSums(samples)
    net.step_sums_._device = META
    net.move("meta", net.precision)
    # Torch has no fused optimiser there.
    net.__dict__.update(optimizer__fused=None, optimizer__foreach=True)
    net.initialize_optimizer()
    weights = net.criterion_.task_weights
    net.tallies_ = {training: Tally(net.tasks, weights) for training in (True, False)}
    net.look_for_draws()
    labels = samples.labels.map(lambda each: each.to(META))
    x = torch.empty((len(X), *net.module__input_shape), dtype=torch.float64)
    return net, (x.to(META, net.precision.dtype), labels)


def brought(net, batch):
    """Take steps, and count what the second one has brought to the device."""
    net.train_step(batch)
    with Copies() as copies, Makers() as makers:
        step = net.train_step(batch)
        net.validation_step(batch)
    assert step["loss"].device == META
    assert all(each.device == META for each in parameters_of(net).values())
    net.tallies_[True]._sum_up()
    assert net.tallies_[True].losses.device == META
    return copies.count + makers.count


@pytest.fixture(autouse=True)
def _no_autocast(monkeypatch):
    # It knows no such device. Not changed in torch itself, which compilers look into.
    other = ModuleType("torch")
    vars(other).update(vars(torch), is_autocast_enabled=lambda kind: False)
    for asks in (_heads, _decoder):
        monkeypatch.setattr(asks, "torch", other)


KINDS = {
    "classification": Classification(3, class_weight="balanced"),
    "focal": Classification(3, loss="focal"),
    "count": Count(),
    "ordinal": Ordinal(3),
    "regression": Regression(bounds=(-50, 50)),
    "huber": Regression(loss="huber"),
}


def kinds_of_columns():
    X, y = make_table()
    y[2, 0] = y[3, 1] = np.nan
    kinds = {
        name: Tasks(own=kind, size=Regression(), row=Reconstruction())
        for name, kind in KINDS.items()
    }
    flags = np.column_stack([X[:, :2] > 0.2, y[:, 1]])
    labels = {
        loss: Tasks(own=MultiLabel(2, loss=loss), size=Regression())
        for loss in ("bce", "asymmetric")
    }
    return {
        **{name: (tasks, X, y) for name, tasks in kinds.items()},
        **{name: (tasks, X, flags) for name, tasks in labels.items()},
    }


@pytest.mark.parametrize("kind", [*KINDS, "bce", "asymmetric"])
def test_a_step_of_every_kind_is_not_waited_for(kind):
    tasks, X, y = kinds_of_columns()[kind]
    estimator = table_estimator(tasks, max_epochs=1, device="cpu")
    assert brought(*on_meta(estimator, X, y)) == 0


@pytest.mark.parametrize(
    "params",
    [
        {"accumulate": 2, "batch_size": 10},
        {"backbone": "tabm"},
        {"weight_decay": 0.1, "optimizer": "sgd"},
    ],
    ids=str,
)
def test_nor_is_one_of_these(params):
    X, y = make_table()
    estimator = table_estimator(max_epochs=1, device="cpu", **params)
    assert brought(*on_meta(estimator, X, y)) == 0


def test_nor_is_one_with_a_penalty():
    net, batch = on_meta(table_estimator(max_epochs=1, device="cpu"), *make_table())
    net.penalties_ = Penalties([Ridge(0.1)])
    net.find_penalised()
    assert net.penalties_
    assert brought(net, batch) == 0


def test_nor_is_one_on_images():
    head = Head(hidden=(4,), dropout=0.5, batch_norm=True)
    tasks = Tasks(kind=Classification(2, head=head), size=Regression(head=head))
    estimator = image_estimator(tasks, precision="float32", device="cpu", max_epochs=1)
    assert brought(*on_meta(estimator, *make_images())) == 0


def test_other_weights_of_tasks_are_brought_once():
    net, batch = on_meta(table_estimator(max_epochs=1, device="cpu"), *make_table())
    assert brought(net, batch) == 0
    net.criterion_.task_weights = (2.0, 5.0)
    with Makers() as makers:
        for _ in range(3):
            net.train_step(batch)
    assert makers.count == 1


def test_numbers_of_rows_are_brought_once_an_epoch():
    X, y = make_table()
    estimator = table_estimator(max_epochs=1, device="cpu").fit(X, y)
    samples = labelled_rows(estimator, X, y)
    there = Samples(X, samples.labels.map(lambda each: each.to(META)))
    batches = Batches(there, 7, torch.float64, torch.Generator())
    assert len(batches) == 6
    with Copies() as copies:
        assert {labels.weights[0].device for _, labels in batches} == {META}
    assert copies.count == 1
