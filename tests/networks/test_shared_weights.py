"""What of a backbone the tasks share, and what is frozen."""

import pytest
import torch
from torch import nn

from mtlearn.exceptions import NetworkError
from mtlearn.networks import (
    HeadSpec,
    MultiTaskNetwork,
    build_network,
    make_head,
    needs_batch,
)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Split(nn.Module):
    """A layer that all tasks share, and one of its own for each."""

    def __init__(self, in_features, n_tasks, batch_norm=False):
        super().__init__()
        self.shared = nn.Linear(in_features, 5)
        self.norm = nn.BatchNorm1d(5) if batch_norm else nn.Identity()
        self.own = nn.ModuleList(
            nn.Sequential(nn.Linear(5, 2 + number), nn.Dropout(0.5))
            for number in range(n_tasks)
        )

    def forward(self, x):
        x = self.norm(self.shared(x)).relu()
        return tuple(layer(x) for layer in self.own)


class Shares(Split):
    def shared_parameters(self):
        return [*self.shared.parameters(), *self.norm.parameters()]


def split(cls=Split, n_tasks=3, **params):
    heads = [HeadSpec(1, hidden=(), batch_norm=False) for _ in range(n_tasks)]
    return build_network(cls, params, (4,), heads)


def test_what_tasks_share():
    assert list(split().shared_parameters()) == [
        name for name, _ in split().backbone.named_parameters()
    ]
    assert list(split(Shares).shared_parameters()) == ["shared.weight", "shared.bias"]


@pytest.mark.parametrize(
    "given",
    [
        lambda self: self.shared.named_parameters(),
        lambda self: [nn.Parameter(torch.ones(1))],
        lambda self: [self.shared.weight.data],
    ],
)
def test_shared_weights_that_are_none(given):
    cls = type("Other", (Split,), {"shared_parameters": given})
    with pytest.raises(NetworkError, match="shared_parameters of Other must return"):
        split(cls)


def test_freezing_what_is_shared():
    network = split(Shares, batch_norm=True)
    network.freeze_backbone(True)
    backbone = network.backbone
    trained = {n for n, w in network.named_parameters() if w.requires_grad}
    own = {n for n, _ in network.named_parameters() if n.startswith("backbone.own")}
    heads = {n for n, _ in network.named_parameters() if n.startswith("heads")}
    assert trained == own | heads
    assert not backbone.norm.training
    network.train()
    assert network.frozen_parts() == [backbone.shared, backbone.norm]
    assert not backbone.norm.training
    assert not backbone.shared.training
    assert backbone.own[0][1].training  # dropout of a task's own layers
    assert not needs_batch(network)
    assert needs_batch(network, thaws=True)
    network.freeze_backbone(False)
    assert all(weight.requires_grad for weight in network.parameters())
    assert all(module.training for module in network.modules())
    assert needs_batch(network)


def test_freezing_all_of_a_backbone_is_as_before():
    network = MultiTaskNetwork(nn.Sequential(nn.Dropout(0.5)), [make_head(3, 1)])
    network.freeze_backbone(True)
    assert network.frozen_parts() == [network.backbone]
    assert not network.train().backbone[0].training
    network.eval().freeze_backbone(False)
    assert not network.backbone.training
