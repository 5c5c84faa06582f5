import copy
import pickle

import pytest
import torch
from torch import nn

from mtlearn.networks import MLP, MultiTaskNetwork, ResNet, make_head, needs_batch


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class CountingBackbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return 2 * x


def test_outputs_come_in_task_order_from_one_run_of_the_backbone():
    heads = [nn.Linear(3, width) for width in (4, 1, 2)]
    network = MultiTaskNetwork(CountingBackbone(), heads)
    x = torch.ones(5, 3)
    outputs = network(x)
    assert isinstance(outputs, tuple)
    assert network.backbone.calls == 1
    for output, head in zip(outputs, heads, strict=True):
        assert torch.equal(output, head(2 * x))


def test_features_run_no_head():
    network = MultiTaskNetwork(CountingBackbone(), [nn.Linear(99, 1)])
    x = torch.ones(5, 3)
    assert torch.equal(network.features(x), 2 * x)


def test_parameters_of_backbone_and_heads_are_registered():
    network = MultiTaskNetwork(MLP(3, hidden=(2,)), [nn.Linear(2, 1)])
    names = {name.split(".")[0] for name, _ in network.named_parameters()}
    assert names == {"backbone", "heads"}
    assert len(list(network.parameters())) == 4


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (lambda: MLP(3), False),
        (lambda: MLP(3, batch_norm=True), True),
        (lambda: ResNet(widths=(2,), n_blocks=1), True),
        (lambda: ResNet(widths=(2,), n_blocks=1, batch_norm=False), False),
        (lambda: MultiTaskNetwork(MLP(3, hidden=()), [make_head(3, 1)]), True),
        (lambda: nn.Sequential(nn.LazyBatchNorm1d()), True),
        (lambda: nn.LayerNorm(3), False),
    ],
)
def test_needs_batch(network, expected):
    assert needs_batch(network()) is expected


def freezable():
    params = {"widths": (3,), "n_blocks": 1, "n_features": 4}
    return MultiTaskNetwork(ResNet(**params), [make_head(4, 2), make_head(4, 1)])


def train_a_step(network):
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    sum(output.square().sum() for output in network(torch.rand(6, 1, 5, 5))).backward()
    optimizer.step()


def state_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def is_same(module, before):
    return {
        name: value.equal(before[name]) for name, value in module.state_dict().items()
    }


def test_a_frozen_backbone_stays_while_the_heads_move():
    network = freezable()
    train_a_step(network)  # leaves gradients
    network.freeze_backbone(True)
    network.train()
    backbone, heads = state_of(network.backbone), state_of(network.heads)
    x = torch.rand(6, 1, 5, 5)
    features = network.features(x)
    train_a_step(network)
    assert all(is_same(network.backbone, backbone).values())
    assert not any(is_same(network.heads, heads).values())
    assert network.features(x).equal(features)  # nothing is dropped
    assert all(weight.grad is None for weight in network.backbone.parameters())
    modes = {part.training for part in network.backbone.modules()}
    assert modes == {False}
    assert all(part.training for part in network.heads.modules())


@pytest.mark.parametrize("training", [True, False])
def test_a_thawed_backbone_is_what_it_was(training):
    network = freezable().train(training)
    network.backbone.stem[0].weight.requires_grad_(False)
    asked = [weight.requires_grad for weight in network.parameters()]
    network.freeze_backbone(True)
    network.freeze_backbone(True)
    assert not any(weight.requires_grad for weight in network.backbone.parameters())
    assert all(weight.requires_grad for weight in network.heads.parameters())
    network.freeze_backbone(False)
    assert [weight.requires_grad for weight in network.parameters()] == asked
    assert all(part.training is training for part in network.modules())
    before = state_of(network.backbone)
    train_a_step(network.train())
    moved = {
        name for name, same in is_same(network.backbone, before).items() if not same
    }
    assert moved == before.keys() - {"stem.0.weight"}


def test_thawing_what_was_not_frozen_changes_nothing():
    network = freezable()
    network.backbone.eval()
    network.freeze_backbone(False)
    assert not network.backbone.training


def test_trainings_are_counted_while_the_backbone_is_frozen():
    network = freezable()
    network.freeze_backbone(True)
    before = network.n_trainings
    assert network.train() is network
    assert network.eval() is network
    assert network.n_trainings == before + 1


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_a_copy_of_a_frozen_backbone_is_frozen(copied):
    network = freezable()
    network.freeze_backbone(True)
    again = copied(network).train()
    assert not again.backbone.training
    again.freeze_backbone(False)
    assert all(part.training for part in again.modules())
    assert all(weight.requires_grad for weight in again.parameters())
