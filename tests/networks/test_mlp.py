import pickle

import pytest
import torch
from torch import nn

from mtlearn.networks import MLP


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def linear_layers(module):
    return [m for m in module.modules() if isinstance(m, nn.Linear)]


def test_output_is_the_formula():
    mlp = MLP(3, hidden=(4, 2))
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    first, second = linear_layers(mlp)
    hidden = (x @ first.weight.T + first.bias).clamp(min=0)
    expected = (hidden @ second.weight.T + second.bias).clamp(min=0)
    torch.testing.assert_close(mlp(x), expected)


def test_default_has_neither_dropout_nor_batch_norm():
    kinds = {type(m) for m in MLP(3).layers}
    assert kinds == {nn.Linear, nn.ReLU}
    assert [layer.out_features for layer in linear_layers(MLP(3))] == [64, 64]


def test_no_hidden_layer_is_the_identity():
    x = torch.tensor([[-1.0, 2.0]])
    assert torch.equal(MLP(2, hidden=())(x), x)


def test_batch_norm_takes_the_bias():
    mlp = MLP(3, hidden=(4, 2), dropout=0.1, batch_norm=True)
    assert all(layer.bias is None for layer in linear_layers(mlp))
    assert sum(isinstance(m, nn.BatchNorm1d) for m in mlp.modules()) == 2
    assert sum(isinstance(m, nn.Dropout) for m in mlp.modules()) == 2


def test_float64():
    mlp = MLP(3, hidden=(4,)).double()
    assert mlp(torch.zeros(2, 3, dtype=torch.float64)).dtype == torch.float64


def test_pickle():
    mlp = MLP(3, hidden=(4,))
    x = torch.ones(2, 3)
    assert torch.equal(pickle.loads(pickle.dumps(mlp))(x), mlp(x))
