import math

import pytest
import torch
from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import CBAM
from mtlearn.networks._residual import (
    blocks_per_stage,
    convolution,
    initialize_convolutions,
    make_stages,
)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_blocks_of_every_stage_or_of_each():
    assert list(blocks_per_stage((4, 6), 3, "Net")) == [3, 3]
    assert list(blocks_per_stage((4, 6), (1, 2), "Net")) == [1, 2]


def test_the_owner_is_named():
    with pytest.raises(InvalidParameterError, match="'widths' parameter of Net must"):
        blocks_per_stage((), 1, "Net")
    with pytest.raises(InvalidParameterError, match="'n_blocks' parameter of Net must"):
        blocks_per_stage((4,), 0, "Net")


def test_the_first_block_of_a_new_stage_changes_width_and_resolution():
    made = []

    def make_block(*args):
        made.append(args)
        return nn.Identity()

    stages = make_stages((4, 6), (1, 2), make_block)
    assert [len(stage) for stage in stages] == [1, 2]
    assert made == [(4, 4, 1), (4, 6, 2), (6, 6, 1)]


@pytest.mark.parametrize(("kernel_size", "padding"), [(1, 0), (3, 1), (5, 2)])
def test_a_convolution_keeps_the_resolution(kernel_size, padding):
    layer = convolution(2, 4, kernel_size, 1, bias=True, groups=2)
    assert layer.padding == (padding, padding)
    assert layer.groups == 2
    assert layer(torch.zeros(1, 2, 7, 6)).shape == (1, 4, 7, 6)
    assert convolution(2, 4, kernel_size, 1, bias=False).bias is None


def test_deviations_of_the_convolutions():
    full, depthwise = nn.Conv2d(20, 30, 3), nn.Conv2d(300, 300, 3, groups=300)
    initialize_convolutions(nn.Sequential(full, nn.Sequential(depthwise)))
    assert full.weight.std().item() == pytest.approx(math.sqrt(2 / 270), rel=0.05)
    assert depthwise.weight.std().item() == pytest.approx(math.sqrt(1 / 9), rel=0.05)


def test_attention_keeps_its_weights():
    attention = CBAM(4)
    before = attention.places.weight.clone()
    initialize_convolutions(nn.Sequential(attention))
    assert attention.places.weight.equal(before)
