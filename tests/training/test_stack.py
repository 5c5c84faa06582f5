import copy

import pytest
import torch

from mtlearn.networks import MLP, MultiTaskNetwork, make_head
from mtlearn.training._stack import Stack, StackedOptimizer


def make_networks(n_networks=3, batch_norm=True):
    torch.manual_seed(0)
    return [
        MultiTaskNetwork(
            MLP(4, hidden=(3,), batch_norm=batch_norm),
            [make_head(3, 2, hidden=()), make_head(3, 1, hidden=())],
        )
        for _ in range(n_networks)
    ]


X = torch.rand(3, 6, 4, generator=torch.Generator().manual_seed(1))


def test_outputs_and_statistics_are_those_of_each_network():
    networks = make_networks()
    apart = copy.deepcopy(networks)
    stack = Stack(networks)
    outputs = stack(X)
    for network, x, *own in zip(apart, X, *outputs, strict=True):
        torch.testing.assert_close(tuple(own), network(x))
    for network in networks:  # which a stack only copies
        assert not network.get_buffer("backbone.layers.1.running_mean").any()
    stack.give_back()
    for network, expected in zip(networks, apart, strict=True):
        torch.testing.assert_close(network.state_dict(), expected.state_dict())


def test_dense_networks_need_no_vmap():
    networks = make_networks(batch_norm=False)
    stack = Stack(networks)
    assert stack.dense is not None
    assert Stack(make_networks()).dense is None
    for network, x, *own in zip(networks, X, *stack(X), strict=True):
        torch.testing.assert_close(tuple(own), network(x))
    network = networks[0]
    network.heads[1] = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Tanh())
    assert Stack([network]).dense is None


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (torch.optim.Adam, {"amsgrad": True, "weight_decay": 0.1}),
        (torch.optim.AdamW, {"fused": True}),
        (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (torch.optim.SGD, {}),
    ],
)
def test_steps_and_clipping_are_those_of_each_optimiser(cls, options):
    networks = make_networks()
    apart = copy.deepcopy(networks)
    for several, together in ((networks, True), (apart, False)):
        optimizers = [cls(each.parameters(), lr=0.1, **options) for each in several]
        for _ in range(2):  # the second one goes on with the states of the first
            if together:
                step_together(several, optimizers)
            else:
                step_apart(several, optimizers)
    for network, expected in zip(networks, apart, strict=True):
        torch.testing.assert_close(network.state_dict(), expected.state_dict())


def step_together(networks, optimizers):
    stack = Stack(networks)
    optimizer = StackedOptimizer(stack, optimizers)
    optimizer.optimizer.zero_grad()
    (3 * stack(X)[0].square()).sum().backward()
    optimizer.clip(0.5)
    optimizer.optimizer.step()
    stack.give_back()
    optimizer.give_back()


def step_apart(networks, optimizers):
    for network, optimizer, x in zip(networks, optimizers, X, strict=True):
        optimizer.zero_grad()
        (3 * network(x)[0].square()).sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()


def test_frozen_weights_stay():
    networks = make_networks()
    for network in networks:
        network.freeze_backbone(True)
    before = copy.deepcopy(networks)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in networks]
    step_together(networks, optimizers)
    for network, expected in zip(networks, before, strict=True):
        assert_same = torch.testing.assert_close
        assert_same(network.backbone.state_dict(), expected.backbone.state_dict())
        assert not torch.equal(network.heads[0][0].bias, expected.heads[0][0].bias)
