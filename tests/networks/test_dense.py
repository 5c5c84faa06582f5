import pytest
import torch
from torch import nn

from mtlearn.networks import Dropout
from mtlearn.networks._dense import dense_layer


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize(
    ("dropout", "batch_norm", "kinds"),
    [
        (0.0, False, [nn.Linear, nn.ReLU]),
        (0.2, False, [nn.Linear, nn.ReLU, Dropout]),
        (0.0, True, [nn.Linear, nn.BatchNorm1d, nn.ReLU]),
        (0.2, True, [nn.Linear, nn.BatchNorm1d, nn.ReLU, Dropout]),
    ],
)
def test_modules_and_their_order(dropout, batch_norm, kinds):
    modules = dense_layer(3, 4, dropout=dropout, batch_norm=batch_norm)
    assert [type(module) for module in modules] == kinds
    assert (modules[0].bias is None) == batch_norm
    if dropout:
        assert modules[-1].p == dropout
