import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import (
    HeadSpec,
    MultiTaskNetwork,
    ResNet,
    ResNetV2,
    build_network,
)

SMALL = {"widths": (4, 6), "n_blocks": 1, "n_features": 5}
HEADS = [HeadSpec(2, hidden=()), HeadSpec(1, hidden=())]
LAST, CONTIGUOUS = torch.channels_last, torch.contiguous_format
OPTIONS = {
    "plain": {},
    "not separable": {"separable": False},
    "no norm": {"batch_norm": False},
    "se": {"attention": "se"},
    "cbam": {"attention": "cbam"},
    "drop block": {"drop_block": 0.2},
}
options = pytest.mark.parametrize("params", OPTIONS.values(), ids=OPTIONS)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small(**params):
    return ResNetV2(**{**SMALL, **params})


def reference_network():
    heads = [
        HeadSpec(10, hidden=(128,)),
        HeadSpec(32, hidden=(256,), dropout=0.5),
        HeadSpec(1, hidden=(64,)),
    ]
    return build_network(ResNetV2, {}, (1, 32, 32), heads)


def test_number_of_parameters_of_the_reference():
    network = reference_network()
    weights = [p.numel() for p in network.parameters() if p.requires_grad]
    assert sum(weights) == 179_819
    assert 150_000 <= sum(weights) <= 200_000
    assert sum(p.numel() for p in network.backbone.parameters()) == 112_000


@options
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 16)])
def test_any_image_size(size, training, params):
    backbone = small(in_channels=2, **params).train(training)
    features = backbone(torch.ones(3, 2, *size))
    assert features.shape == (3, 5)
    assert torch.isfinite(features).all()


def test_layout_of_the_default():
    backbone = reference_network().backbone
    stem = backbone.stem
    assert (stem.kernel_size, stem.stride, stem.padding) == ((3, 3), (1, 1), (1, 1))
    assert [len(stage) for stage in backbone.stages] == [2, 2, 2]
    strides = [[block.residual[0].stride[0] for block in s] for s in backbone.stages]
    assert strides == [[1, 1], [2, 1], [2, 1]]
    projects = [[b.shortcut is not None for b in s] for s in backbone.stages]
    assert projects == [[False, False], [True, False], [True, False]]
    for block in itertools.chain(*backbone.stages):
        for depthwise, pointwise in (block.residual[:2], block.residual[4:]):
            assert depthwise.kernel_size == (3, 3)
            assert depthwise.groups == depthwise.in_channels == depthwise.out_channels
            assert (pointwise.kernel_size, pointwise.stride) == ((1, 1), (1, 1))
            assert pointwise.groups == 1


def batch_norm(x, norm):
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    x = (x - mean[:, None, None]) / torch.sqrt(variance + 1e-5)[:, None, None]
    return x * norm.weight[:, None, None] + norm.bias[:, None, None]


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_is_the_formula(stride):
    block = small().double().stages[stride - 1][0]
    norms = [part for part in block.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    x = torch.randn(3, 4, 6, 5, dtype=torch.float64)
    before = x.clone()
    layers = [part for part in block.residual if isinstance(part, nn.Conv2d)]
    wide, deep, wide2, deep2 = (layer.weight for layer in layers)
    active = functional.relu(batch_norm(x, norms[0]))
    y = functional.conv2d(active, wide, stride=stride, padding=1, groups=4)
    y = functional.relu(batch_norm(functional.conv2d(y, deep), norms[1]))
    y = functional.conv2d(y, wide2, padding=1, groups=y.shape[1])
    y = functional.conv2d(y, deep2)
    if stride == 1:
        expected = x + y
    else:
        expected = functional.conv2d(active, block.shortcut.weight, stride=2) + y
    torch.testing.assert_close(block(x), expected, rtol=1e-10, atol=1e-10)
    assert x.equal(before)


@options
def test_a_block_leaves_its_input(params):
    block = small(**params).stages[0][0]
    x = torch.randn(2, 4, 5, 5)
    before = x.clone()
    block(x)
    assert x.equal(before)


def test_a_network_ends_in_norm_and_mean():
    backbone = small(dropout=0.0, batch_norm=False)
    x = torch.randn(2, 1, 6, 6)
    maps = functional.relu(backbone.stages(backbone.stem(x)))
    expected = functional.relu(backbone.dense[0](maps.mean((2, 3))))
    torch.testing.assert_close(backbone(x), expected)
    assert [type(part) for part in small().activation] == [nn.BatchNorm2d, nn.ReLU]


def test_each_new_stage_halves_the_resolution():
    backbone = small(widths=(2, 3, 4)).eval()
    x = backbone.stem(torch.ones(1, 1, 8, 6))
    shapes = [tuple((x := stage(x)).shape) for stage in backbone.stages]
    assert shapes == [(1, 2, 8, 6), (1, 3, 4, 3), (1, 4, 2, 2)]


def test_with_batch_norm_no_convolution_has_a_bias():
    convolutions = [m for m in small().modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 1 + 2 * 4 + 1
    assert all(layer.bias is None for layer in convolutions)


def test_without_batch_norm_each_separable_convolution_has_one_bias():
    backbone = small(batch_norm=False)
    assert not any(isinstance(m, _BatchNorm) for m in backbone.modules())
    layers = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    assert all((layer.bias is None) == (layer.groups > 1) for layer in layers)


def test_plain_convolutions():
    backbone = small(separable=False)
    layers = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    assert len(layers) == 1 + 2 * 2 + 1
    assert all(layer.groups == 1 for layer in layers)


def test_numbers_of_numpy():
    backbone = small(n_blocks=np.int64(2), widths=np.array([2, 3]))
    assert [len(stage) for stage in backbone.stages] == [2, 2]
    assert backbone(torch.ones(2, 1, 4, 4)).shape == (2, 5)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"widths": ()}, "'widths' parameter of ResNetV2"),
        ({"n_blocks": (1, 0)}, "'n_blocks' parameter of ResNetV2"),
    ],
)
def test_wrong_parameters(params, match):
    with pytest.raises(InvalidParameterError, match=match):
        small(**params)


@options
def test_same_seed_same_weights_and_features(params):
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(small(**params)(torch.ones(2, 1, 8, 8).cumsum(3)))
    assert results[0].equal(results[1])
    assert not results[0].equal(results[2])


def test_deviations_of_the_convolutions():
    block = reference_network().backbone.stages[2][1]
    depthwise, pointwise = block.residual[:2]
    assert depthwise.weight.std().item() == pytest.approx(1 / 3, rel=0.1)
    assert pointwise.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.1)


def network_of(backbone, params):
    if backbone is ResNet:
        params = {name: params[name] for name in params if name != "separable"}
    return build_network(backbone, {**SMALL, **params}, (3, 8, 6), HEADS)


@options
@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
def test_it_works_channels_last(backbone, params):
    network = network_of(backbone, params)
    assert network.memory_format is LAST
    seen = []
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda *args: seen.append(args[-1]))
    network(torch.rand(4, 3, 8, 6))
    assert len(seen) >= 6
    for output in seen:
        assert output.is_contiguous(memory_format=LAST)
        assert not output.is_contiguous() or output.shape[1] == 1


@options
@pytest.mark.parametrize("training", [True, False])
def test_results_are_those_of_the_other_order(training, params):
    params = {**SMALL, "dropout": 0.0, **params}
    network = build_network(ResNetV2, params, (3, 8, 6), HEADS, torch.float64)
    other = MultiTaskNetwork(
        copy.deepcopy(network.backbone), copy.deepcopy(network.heads), CONTIGUOUS
    )
    for weight in other.parameters():
        weight.data = weight.data.contiguous()
    x, outputs = torch.rand(4, 3, 8, 6, dtype=torch.float64), []
    for each in (network, other):
        torch.manual_seed(1)  # for what is dropped
        outputs.append(each.train(training)(x))
        sum(output.sum() for output in outputs[-1]).backward()
    for one, another in zip(*outputs, strict=True):
        torch.testing.assert_close(one, another, rtol=1e-10, atol=1e-10)
        assert one.std() > 0
    for one, another in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, another.grad, rtol=1e-8, atol=1e-9)


@options
@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
def test_autocast(backbone, params):
    network = network_of(backbone, params)
    x = torch.rand(8, 3, 8, 6)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(x)
    torch.cat([output.float() for output in outputs], 1).square().sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters())
    network.eval()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(x)
    for one, another in zip(outputs, network(x), strict=True):
        assert one.dtype is torch.float32
        scale = another.abs().max().item()
        torch.testing.assert_close(one, another, rtol=0, atol=0.1 * scale)


def test_pickle():
    network = MultiTaskNetwork(small(attention="cbam"), [nn.Linear(5, 1)]).eval()
    again = pickle.loads(pickle.dumps(network))
    x = torch.ones(2, 1, 6, 6)
    assert torch.equal(again(x)[0], network(x)[0])


NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def names_of_a_block(block):
    for layer in ("activation.0", "residual.0", "residual.1", "residual.2"):
        is_norm = layer in ("activation.0", "residual.2")
        yield from (f"{block}.{layer}.{part}" for part in NORM[: 5 if is_norm else 1])
    yield from (f"{block}.residual.{number}.weight" for number in (4, 5))


def test_files_hold_the_layers_by_these_names_in_this_order():
    assert list(small().state_dict()) == [
        "stem.weight",
        *names_of_a_block("stages.0.0"),
        *names_of_a_block("stages.1.0"),
        "stages.1.0.shortcut.weight",
        *(f"activation.0.{part}" for part in NORM),
        "dense.0.weight",
        *(f"dense.1.{part}" for part in NORM),
    ]


def test_weights_are_drawn_in_the_order_of_the_layers():
    # Channels in and out, size, groups: the stem, two blocks, the last one's shortcut.
    wide = [(4, 4, 3, 4), (4, 4, 1, 1)]
    shapes = [(1, 4, 3, 1), *wide, *wide]
    shapes += [(4, 4, 3, 4), (4, 6, 1, 1), (6, 6, 3, 6), (6, 6, 1, 1), (4, 6, 1, 1)]
    torch.manual_seed(3)
    layers = [nn.Conv2d(*shape[:3], groups=shape[3], bias=False) for shape in shapes]
    dense = nn.Linear(6, 5, bias=False)
    for layer in layers:
        how = ("fan_in", "linear") if layer.groups > 1 else ("fan_out", "relu")
        nn.init.kaiming_normal_(layer.weight, mode=how[0], nonlinearity=how[1])
    torch.manual_seed(3)
    backbone = small()
    drawn = [m.weight for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    assert len(drawn) == len(layers)
    assert all(a.equal(b.weight) for a, b in zip(drawn, layers, strict=True))
    assert backbone.dense[0].weight.equal(dense.weight)
