"""Modules in another type."""

import pytest
import torch
from torch import nn

from mtlearn.networks import cast_module


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float32, torch.complex64), (torch.float64, torch.complex128)],
)
def test_each_number_keeps_its_kind(dtype, expected):
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    turns = torch.polar(torch.ones(3), torch.arange(3.0))
    module[0].register_buffer("turns", turns.clone())
    assert cast_module(module, dtype) is module
    types = {name: value.dtype for name, value in module.state_dict().items()}
    assert types.pop("1.num_batches_tracked") == torch.int64
    assert types.pop("0.turns") == expected
    assert set(types.values()) == {dtype}
    assert module[0].turns.to(torch.complex64).equal(turns)
    assert cast_module(module, dtype, "meta")[0].turns.is_meta
