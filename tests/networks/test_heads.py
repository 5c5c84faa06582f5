import dataclasses
import pickle

import pytest
import torch
from torch import nn

from mtlearn.networks import MLP, Dropout, HeadSpec, MultiTaskNetwork, make_head
from mtlearn.networks._heads import OutputLayer


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_default_head():
    head = make_head(8, 3)
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU, Dropout, OutputLayer]
    assert [type(module) for module in head] == kinds
    assert head[0].bias is None
    assert head[0].out_features == 64
    assert head[3].p == 0.3
    assert head[4].bias is not None
    assert head(torch.zeros(2, 8)).shape == (2, 3)


def test_two_hidden_layers_without_extras():
    head = make_head(8, 3, hidden=(5, 4), dropout=0, batch_norm=False)
    kinds = [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, OutputLayer]
    assert [type(module) for module in head] == kinds
    widths = [(m.in_features, m.out_features) for m in head[::2]]
    assert widths == [(8, 5), (5, 4), (4, 3)]
    assert all(m.bias is not None for m in head[::2])


def test_no_hidden_layer_is_linear():
    head = make_head(8, 3, hidden=())
    assert [type(module) for module in head] == [OutputLayer]


def test_spec_agrees_with_make_head():
    spec = HeadSpec(3)
    layers = {name: getattr(spec, name) for name in ("hidden", "dropout", "batch_norm")}
    assert repr(make_head(8, 3, **layers)) == repr(make_head(8, 3))


def test_spec_is_frozen_and_picklable():
    spec = HeadSpec(3, hidden=(5,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.dropout = 0.1
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize("hidden", [(), (16,)], ids=["linear", "hidden"])
def test_outputs_are_not_rounded_to_bfloat16(hidden):
    head = make_head(8, 3, hidden=hidden, dropout=0, batch_norm=False)
    x = torch.rand(50, 8)
    before = head[:-1]  # empty where there is no hidden layer
    with torch.autocast("cpu", torch.bfloat16):
        output, shared = head(x), before(x)
    assert output.dtype == torch.float32
    assert shared.dtype == (torch.bfloat16 if hidden else torch.float32)
    weight, bias = head[-1].weight.double(), head[-1].bias.double()
    torch.testing.assert_close(output.double(), shared.double() @ weight.T + bias)
    assert not torch.equal(output, output.bfloat16().float())
    output.sum().backward()
    assert head[0].weight.grad.dtype == head[-1].weight.grad.dtype == torch.float32
    assert not torch.is_autocast_enabled("cpu")


def test_a_network_with_such_heads_is_one_graph():
    torch._dynamo.reset()  # it counts how often other tests have compiled a network
    network = MultiTaskNetwork(MLP(8, hidden=(16,)), [make_head(16, 3)]).eval()
    x = torch.rand(50, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        (expected,) = network(x)
        network.compile(backend="eager", fullgraph=True)
        (output,) = network(x)
    assert output.dtype == torch.float32
    assert torch.equal(output, expected)


def test_outputs_keep_their_type_without_autocast():
    head = make_head(2, 3, hidden=()).double()
    assert head(torch.ones(1, 2, dtype=torch.float64)).dtype == torch.float64


def test_names_of_weights():
    names = ["0.weight", "1.weight", "1.bias", "4.weight", "4.bias"]
    found = [name for name, _ in make_head(8, 3).named_parameters()]
    assert found == names


def test_a_head_may_end_on_a_module():
    head = make_head(8, 1, hidden=(4,), end=nn.Tanh)

    assert isinstance(head[-1], nn.Tanh)
    assert head[-2].out_features == 1
    x = torch.randn(5, 8)
    output = head.eval()(x)
    torch.testing.assert_close(output, torch.tanh(head[:-1](x)))
