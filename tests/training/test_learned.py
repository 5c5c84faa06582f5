"""The record of what a net has learned."""

import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn.training import _net, weights_of
from mtlearn.training._learned import copied
from tiny_nets import make_net, make_problem
from tiny_problems import make_table, table_estimator


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, output, target):
        return self.scale * (output[:, 0] - target - self.shift) ** 2


def test_names_of_the_network_and_of_the_loss():
    _, tasks = make_problem()
    losses = nn.CrossEntropyLoss(reduction="none"), Scaled()
    net = make_net(tasks, criterion__losses=losses)
    names = set(weights_of(net))
    assert {"criterion.parts.1.scale", "criterion.parts.1.shift"} <= names
    assert names - set(net.module_.state_dict()) == {
        "criterion.parts.1.scale",
        "criterion.parts.1.shift",
    }
    assert net.criterion_.parts["1"].scale.dtype == torch.float64


def test_a_copy_shares_no_memory_and_keeps_the_order_in_memory():
    weights = torch.arange(6.0).reshape(2, 3).T
    state = {"a": weights, "b": [(weights, 1)], "c": None}
    made = copied(state)
    weights.zero_()
    assert made["a"].tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert made["a"].stride() == (1, 3)
    assert made["b"][0][0][2, 1] == 5.0
    assert made["b"][0][1:] == (1,)
    assert made["c"] is None


def test_only_what_there_was_before_is_copied(monkeypatch):
    X, y = make_table()
    count = []
    monkeypatch.setattr(_net, "copied", lambda state: count.append(state))
    estimator = table_estimator(warm_start=True).fit(X, y)
    assert not count
    estimator.fit(X, y)
    assert len(count) == 2  # the weights, and the state of the optimiser


class Looks(Callback):
    def on_train_begin(self, net, **kwargs):
        self.inference_ = net.inference_


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_network_that_predicts_is_gone_while_another_one_trains(method):
    X, y = make_table()
    looks = Looks()
    estimator = table_estimator(warm_start=True, callbacks=[looks]).fit(X, y)
    estimator.predict(X)
    assert estimator.net_.inference_ is not None
    getattr(estimator, method)(X, y)
    assert looks.inference_ is None
