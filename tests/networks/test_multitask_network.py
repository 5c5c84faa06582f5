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
