import itertools
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import HeadSpec, MultiTaskNetwork, ResNet, build_network

SMALL = {"widths": (4, 6), "n_blocks": 1, "n_features": 5}


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small_resnet(**params):
    return ResNet(**{**SMALL, **params})


def reference_network():
    heads = [
        HeadSpec(10, hidden=(64,)),
        HeadSpec(32, hidden=(64,)),
        HeadSpec(1, hidden=(32,)),
    ]
    return build_network(ResNet, {}, (1, 32, 32), heads)


def count(module, kind):
    return sum(
        parameter.numel()
        for child in module.modules()
        if isinstance(child, kind)
        for parameter in child.parameters()
    )


def test_number_of_parameters_of_the_reference():
    network = reference_network()
    trainable = [p.numel() for p in network.parameters() if p.requires_grad]
    assert sum(trainable) == 734_955
    backbone = network.backbone
    assert count(backbone, nn.Conv2d) == 692_512
    assert count(backbone, nn.BatchNorm2d) == 2_240
    assert count(backbone, nn.Linear) == 16_384
    assert count(backbone, nn.BatchNorm1d) == 256
    heads = [sum(p.numel() for p in head.parameters()) for head in network.heads]
    assert heads == [8_192 + 128 + 650, 8_192 + 128 + 2_080, 4_096 + 64 + 33]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (9, 16), (32, 32)])
def test_any_image_size(size, training):
    backbone = small_resnet(in_channels=2).train(training)
    features = backbone(torch.ones(3, 2, *size))
    assert features.shape == (3, 5)
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_moments_tell_how_much_and_where(dtype):
    backbone = small_resnet(moments=True, in_channels=1).to(dtype).eval()
    backbone.dense = nn.Identity()
    backbone.stem = nn.Identity()
    backbone.stages = nn.Sequential(nn.AdaptiveMaxPool2d(1))
    image = torch.zeros(1, 1, 2, 5, dtype=dtype)
    image[0, 0, 1, 4], image[0, 0, 0, 1] = 4, 2
    # Rows lie at -1/2 and 1/2, columns at -4/5, -2/5, 0, 2/5 and 4/5.
    down, across = (4 - 2) / 2 / 10, (4 * 0.8 - 2 * 0.4) / 10
    expected = torch.tensor([[4, 6 / 10, down, across]])
    seen = backbone(image)
    assert seen.dtype == dtype
    # Rounded once, at the end.
    expected = expected.to(dtype).float()
    torch.testing.assert_close(seen.float(), expected, rtol=0, atol=1e-6)


def test_moments_of_the_stem_reach_the_dense_layer():
    backbone = small_resnet(moments=True)
    assert backbone.dense[0].in_features == 6 + 3 * 4
    assert small_resnet().dense[0].in_features == 6
    assert backbone(torch.ones(2, 1, 1, 1)).shape == (2, 5)
    halved = backbone.to(torch.bfloat16)
    assert halved(torch.ones(2, 1, 3, 2, dtype=torch.bfloat16)).shape == (2, 5)


def test_layout_of_the_default():
    backbone = reference_network().backbone
    stem = backbone.stem[0]
    assert (stem.kernel_size, stem.stride, stem.padding) == ((3, 3), (1, 1), (1, 1))
    assert [len(stage) for stage in backbone.stages] == [2, 2, 2]
    strides = [[block.residual[0].stride[0] for block in s] for s in backbone.stages]
    assert strides == [[1, 1], [2, 1], [2, 1]]
    second = {block.residual[3].stride for s in backbone.stages for block in s}
    assert second == {(1, 1)}
    projections = [[len(block.shortcut) for block in s] for s in backbone.stages]
    assert projections == [[0, 0], [2, 0], [2, 0]]
    shortcut = backbone.stages[1][0].shortcut
    assert (shortcut[0].kernel_size, shortcut[0].stride) == ((1, 1), (2, 2))
    assert isinstance(shortcut[1], nn.BatchNorm2d)


def test_each_new_stage_halves_the_resolution():
    backbone = small_resnet(widths=(2, 3, 4)).eval()
    x = backbone.stem(torch.ones(1, 1, 8, 6))
    shapes = [tuple((x := stage(x)).shape) for stage in backbone.stages]
    assert shapes == [(1, 2, 8, 6), (1, 3, 4, 3), (1, 4, 2, 2)]


def test_a_stage_of_equal_width_still_projects():
    backbone = small_resnet(widths=(4, 4))
    assert len(backbone.stages[1][0].shortcut) == 2


def test_n_blocks_per_stage():
    backbone = small_resnet(n_blocks=(1, 3))
    assert [len(stage) for stage in backbone.stages] == [1, 3]


def test_numbers_of_numpy():
    backbone = small_resnet(n_blocks=np.int64(2), widths=np.array([2, 3]))
    assert [len(stage) for stage in backbone.stages] == [2, 2]
    assert backbone(torch.ones(2, 1, 4, 4)).shape == (2, 5)


def test_a_block_adds_its_shortcut():
    block = small_resnet().stages[1][0].eval()
    x = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.relu(block.residual(x) + block.shortcut(x[..., ::2, ::2]))
    torch.testing.assert_close(block(x), expected)
    # The activations change in place, but never the input of the block.
    before = x.clone()
    block(x)
    assert torch.equal(x, before)


def test_a_batch_norm_never_follows_a_bias():
    leaves = [m for m in reference_network().modules() if not list(m.children())]
    pairs = itertools.pairwise(leaves)
    in_front = [first for first, then in pairs if isinstance(then, _BatchNorm)]
    assert len(in_front) == 15 + 1 + 3  # convolutions, shared layer, heads
    assert all(layer.bias is None for layer in in_front)


def test_without_batch_norm_all_layers_have_a_bias():
    backbone = small_resnet(batch_norm=False)
    assert not any(isinstance(m, _BatchNorm) for m in backbone.modules())
    layers = [m for m in backbone.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 1 + 2 + 3 + 1
    assert all(layer.bias is not None for layer in layers)
    assert backbone(torch.ones(1, 1, 4, 4)).shape == (1, 5)


def test_dropout():
    assert not any(isinstance(m, nn.Dropout) for m in small_resnet().modules())
    backbone = small_resnet(dropout=0.5)
    dropouts = [m for m in backbone.modules() if isinstance(m, nn.Dropout)]
    assert [m.p for m in dropouts] == [0.5]


def test_convolutions_are_drawn_with_he_deviation():
    for module in reference_network().backbone.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 2_000:
            fan_out = module.out_channels * math.prod(module.kernel_size)
            deviation = module.weight.std().item()
            assert deviation == pytest.approx(math.sqrt(2 / fan_out), rel=0.1)


@pytest.mark.parametrize("n_blocks", [(1, 2, 3), (1,), (1, 0), 0, -1])
def test_wrong_n_blocks(n_blocks):
    with pytest.raises(InvalidParameterError, match=r"each of the 2 widths\. Got"):
        ResNet(widths=(4, 6), n_blocks=n_blocks)


def test_no_width():
    with pytest.raises(InvalidParameterError, match="'widths' parameter of ResNet"):
        ResNet(widths=())


def test_pickle():
    network = MultiTaskNetwork(small_resnet(), [nn.Linear(5, 1)]).eval()
    again = pickle.loads(pickle.dumps(network))
    x = torch.ones(2, 1, 6, 6)
    assert torch.equal(again(x)[0], network(x)[0])


def test_a_pickle_from_before_there_were_moments():
    backbone = small_resnet().eval()
    again = pickle.loads(pickle.dumps(backbone))
    del again.moments
    x = torch.ones(2, 1, 6, 6)
    assert torch.equal(pickle.loads(pickle.dumps(again))(x), backbone(x))


def test_the_options_change_nothing_unless_they_are_used():
    # The layers in the order in which they draw, and the names that files hold.
    shapes = [(1, 4, 3), (4, 4, 3), (4, 4, 3), (4, 6, 3), (6, 6, 3), (4, 6, 1)]
    torch.manual_seed(3)
    layers = [nn.Conv2d(*shape, bias=False) for shape in shapes]
    dense = nn.Linear(6, 5, bias=False)
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    torch.manual_seed(3)
    backbone = small_resnet()
    names = [
        "stem.0",
        *(f"stages.{i}.0.residual.{j}" for i in (0, 1) for j in (0, 3)),
        "stages.1.0.shortcut.0",
    ]
    state = backbone.state_dict()
    assert list(state) == list(names_of_weights(names))
    for name, layer in zip(names, layers, strict=True):
        assert state[f"{name}.weight"].equal(layer.weight)
    assert state["dense.0.weight"].equal(dense.weight)


NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def names_of_weights(layers):
    """Give the names in a file: of each layer, and of the batch norm behind it."""
    for name in [*layers, "dense.0"]:
        yield f"{name}.weight"
        front, _, number = name.rpartition(".")
        yield from (f"{front}.{int(number) + 1}.{part}" for part in NORM)


def test_the_features_are_those_of_the_mean_map():
    backbone = small_resnet(dropout=0.0, batch_norm=False)
    x = torch.randn(2, 1, 6, 6)
    maps = backbone.stages(torch.relu(backbone.stem[0](x)))
    expected = torch.relu(backbone.dense[0](maps.mean((2, 3))))
    assert backbone(x).equal(expected)
    assert backbone.n_features == 5
