import dataclasses
import pickle

import pytest
import torch
from torch import nn

from mtlearn.networks import Dropout, HeadSpec, make_head


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_default_head():
    head = make_head(8, 3)
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU, Dropout, nn.Linear]
    assert [type(module) for module in head] == kinds
    assert head[0].bias is None
    assert head[0].out_features == 64
    assert head[3].p == 0.3
    assert head[4].bias is not None
    assert head(torch.zeros(2, 8)).shape == (2, 3)


def test_two_hidden_layers_without_extras():
    head = make_head(8, 3, hidden=(5, 4), dropout=0, batch_norm=False)
    kinds = [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [type(module) for module in head] == kinds
    widths = [(m.in_features, m.out_features) for m in head[::2]]
    assert widths == [(8, 5), (5, 4), (4, 3)]
    assert all(m.bias is not None for m in head[::2])


def test_no_hidden_layer_is_linear():
    head = make_head(8, 3, hidden=())
    assert [type(module) for module in head] == [nn.Linear]


def test_spec_agrees_with_make_head():
    spec = dataclasses.asdict(HeadSpec(3))
    assert repr(make_head(8, **spec)) == repr(make_head(8, 3))


def test_spec_is_frozen_and_picklable():
    spec = HeadSpec(3, hidden=(5,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.dropout = 0.1
    assert pickle.loads(pickle.dumps(spec)) == spec
