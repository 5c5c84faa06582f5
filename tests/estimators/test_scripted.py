"""Scripted networks: their random numbers come from the seed."""

import warnings

import torch
from torch import nn

from tiny_problems import assert_same_bits, make_table, table_estimator


class Scripted(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        layers = nn.Sequential(nn.Linear(in_features, 6), nn.Dropout(0.5))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch advises against it
            self.layers = torch.jit.script(layers)

    def forward(self, x):
        return self.layers(x)


def test_a_scripted_network_draws_from_the_seed():
    X, y = make_table()
    before = torch.get_rng_state()
    first = table_estimator(backbone=Scripted).fit(X, y)
    assert torch.get_rng_state().equal(before)
    with torch.random.fork_rng([]):
        torch.rand(3)
        assert_same_bits(first, table_estimator(backbone=Scripted).fit(X, y))
