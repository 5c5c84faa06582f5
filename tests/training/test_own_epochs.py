"""Tasks with the weights of different epochs, put together by hand."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn import Partial, Regression, Tasks
from mtlearn.networks import MLP, save_weights
from mtlearn.training import BestTaskWeights, Monitor, parameters_of, weights_of
from mtlearn.training._own_epochs import give_own_epochs
from mtlearn.training.callbacks import _best_task_weights
from tiny_problems import table_estimator

X = np.random.default_rng(0).normal(size=(30, 4))
Y = np.column_stack([X @ [1, 2, 3, 4], X[:, 0], X[:, 1] - X[:, 2]])


class Scaled(nn.Module):
    """A squared error that learns a factor."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, output, target):
        return (self.factor * output - target) ** 2


def three_tasks(**params):
    tasks = Tasks(
        a=Regression(loss=Scaled()), b=Regression(loss=Scaled()), c=Regression()
    )
    return table_estimator(tasks, **params)


@pytest.fixture
def trained():
    """Return an estimator, and its weights and predictions after two epochs."""
    estimator = three_tasks(max_epochs=1, warm_start=True)
    weights, predictions = {}, {}
    for epoch in (1, 2):
        estimator.fit(X, Y)
        weights[epoch] = {
            name: each.clone() for name, each in weights_of(estimator.net_).items()
        }
        predictions[epoch] = estimator.predict(X)
    return estimator, weights, predictions


@pytest.mark.parametrize(
    ("epochs", "which"),
    [((1, 2, 2), (0, 1, 1)), ((2, 1, 2), (0, 1, 0)), ((2, 2, 1), (0, 0, 1))],
)
def test_each_has_its_backbone_its_head_and_its_loss(trained, epochs, which):
    estimator, weights, predictions = trained
    net = estimator.net_
    give_own_epochs(net, weights, epochs)
    assert net.module_.backbone.which == which
    assert len(net.module_.backbone.parts) == 2
    found = estimator.predict(X)
    for task, epoch in enumerate(epochs):
        np.testing.assert_array_equal(found[:, task], predictions[epoch][:, task])
    learned = [name for name in weights[1] if name.endswith("factor")]
    assert len(learned) == 2
    for name, epoch in zip(learned, epochs, strict=False):
        assert weights[1][name] != weights[2][name]
        assert weights_of(net)[name] == weights[epoch][name]
    # The optimiser has let go of the backbone that was.
    stepped = {id(w) for group in net.optimizer_.param_groups for w in group["params"]}
    assert stepped == set(map(id, parameters_of(net).values()))


def test_one_epoch_of_all(trained):
    estimator, weights, predictions = trained
    give_own_epochs(estimator.net_, weights, (1, 1, 1))
    assert isinstance(estimator.net_.module_.backbone, MLP)
    np.testing.assert_array_equal(estimator.predict(X), predictions[1])


def test_a_file_that_weights_were_from_is_not_needed_again(tmp_path):
    path = tmp_path / "mlp.safetensors"
    save_weights(MLP(4, hidden=(8,)), path)
    backbone = Partial(MLP, hidden=(8,), weights=path)
    estimator = three_tasks(max_epochs=1, warm_start=True, backbone=backbone)
    weights = {
        epoch: {
            name: each.clone()
            for name, each in weights_of(estimator.fit(X, Y).net_).items()
        }
        for epoch in (1, 2)
    }
    give_own_epochs(estimator.net_, weights, (1, 2, 2))
    path.unlink()
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


def test_only_weights_of_best_epochs_are_kept(monkeypatch):
    monitors = {
        name: Monitor(f"{name}_loss", ("valid",), tasks=(name,)) for name in "ab"
    }
    callback = BestTaskWeights(True, None, monitors)
    net = SimpleNamespace(module_=nn.Linear(1, 1), criterion_=nn.Identity())
    callback.on_train_begin(net)
    for one in (3, 4, 2, 9):
        net.history = {(-1, "valid_a_loss"): one, (-1, "valid_b_loss"): np.nan}
        callback.on_epoch_end(net)
    assert set(callback.weights_) == {3}
    given = []
    monkeypatch.setattr(
        _best_task_weights, "give_own_epochs", lambda *each: given.append(each)
    )
    callback.on_train_end(net)
    ((_, weights, epochs),) = given
    # What never had a figure keeps the weights of the end.
    assert (set(weights), epochs) == ({3, 4}, [3, 4])


def test_a_compiled_network_is_compiled_anew(trained):
    estimator, weights, _ = trained
    net = estimator.net_
    net.set_compile({"backend": "eager"})
    before = net.module_._compiled_call_impl
    give_own_epochs(net, weights, (1, 2, 2))
    assert net.compile_options == {"backend": "eager"}
    assert net.module_._compiled_call_impl not in (None, before)
