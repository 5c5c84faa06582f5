"""Batches in an order in memory, with its strides where two orders look alike."""

import pytest
import torch
from torch import nn

from mtlearn.networks._order import in_channels_last, in_order

CONTIGUOUS = torch.contiguous_format


@pytest.mark.parametrize("shape", [(4, 1, 6, 5), (4, 3, 1, 1), (4, 3, 6, 5)])
def test_layers_go_by_the_strides(shape):
    # As the convolutions of torch do, so that what is behind them has that order too.
    x = torch.rand(shape)
    layer = nn.Conv2d(shape[1], 4, 3, padding=2)
    for given in (x, in_channels_last(x)):
        assert given.equal(x)
        assert in_order(given, CONTIGUOUS).equal(x)
        assert layer(in_order(given, CONTIGUOUS)).is_contiguous()
        assert not layer(in_channels_last(given)).is_contiguous()
