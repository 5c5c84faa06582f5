"""Epochs after which a backbone trains again; what comes of it is tried in fits."""

from types import SimpleNamespace

import pytest
import torch

from mtlearn.networks import MLP, HeadSpec, build_network
from mtlearn.training import Thaw


@pytest.mark.parametrize(
    ("epoch", "is_frozen"), [(1, True), (2, True), (3, False), (4, False)]
)
def test_the_first_epochs_are_frozen(epoch, is_frozen):
    network = build_network(MLP, {}, (3,), [HeadSpec(1)])
    network.freeze_backbone(True)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    net = SimpleNamespace(history=[{}] * epoch, module_=network, optimizer_=optimizer)
    Thaw(2).on_epoch_begin(net)

    weights = list(network.backbone.parameters())
    assert [each.requires_grad for each in weights] == [not is_frozen] * len(weights)
    assert network.backbone.training is not is_frozen
