"""The order of images in memory: channels-last, where the backbone can work on it."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from mtlearn import Classification, Head, MultiTaskImageEstimator, Regression, Tasks
from mtlearn.networks import (
    MLP,
    HeadSpec,
    MultiTaskNetwork,
    ResNet,
    ResNetV2,
    build_network,
    make_head,
)

LAST, CONTIGUOUS = torch.channels_last, torch.contiguous_format
SMALL = {"widths": (4, 6), "n_blocks": 1, "n_features": 5}
HEADS = [HeadSpec(2, hidden=()), HeadSpec(1, hidden=())]


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


class Flat(nn.Module):
    """Flattens by a view, which channels-last memory has none of."""

    def __init__(self, in_channels, image_size):
        super().__init__()
        height, width = image_size
        self.convolution = nn.Conv2d(in_channels, 4, 3, padding=1)
        self.dense = nn.Linear(4 * height * width, 5)

    def forward(self, x):
        x = self.convolution(x)
        return self.dense(x.view(len(x), -1))


class EachChannel(nn.Module):
    """Joins rows and channels by a view, which one row alone has in any order."""

    def __init__(self, in_channels):
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, 4, 3, padding=1)

    def forward(self, x):
        x = self.convolution(x)
        n_rows, n_channels, height, width = x.shape
        x = x.view(n_rows * n_channels, height, width)
        return x.mean(dim=(1, 2)).reshape(n_rows, n_channels)


class Picky(nn.Module):
    """Has an exception of its own for memory that it does not like."""

    def __init__(self, in_channels):
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, 4, 3, padding=1)

    def forward(self, x):
        x = self.convolution(x)
        if not x.is_contiguous():
            raise ValueError("contiguous memory, please")
        return x.mean(dim=(2, 3))


class Volumes(nn.Module):
    """Treats the channels as depth."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv3d(1, 4, 3, padding=1)
        self.flat = nn.Conv2d(4, 5, 1)

    def forward(self, x):
        x = self.convolution(x[:, None]).mean(dim=2)
        return self.flat(x).mean(dim=(2, 3))


def outputs_seen(network, x):
    """Run a network and return what comes out of each of its convolutions."""
    seen = []
    hooks = [
        part.register_forward_hook(lambda *args: seen.append(args[-1]))
        for part in network.modules()
        if isinstance(part, nn.Conv2d)
    ]
    network(x)
    for hook in hooks:
        hook.remove()
    return seen


def assert_channels_last(network, x):
    seen = outputs_seen(network, x)
    assert len(seen) == 6
    for output in seen:
        assert output.is_contiguous(memory_format=LAST)
        assert not output.is_contiguous()
    weights = [w for w in network.parameters() if w.ndim == 4 and w.shape[2:] != (1, 1)]
    assert len(weights) == 5
    for weight in weights:
        assert weight.is_contiguous(memory_format=LAST)
        assert not weight.is_contiguous()


def reload(network):
    return pickle.loads(pickle.dumps(network))


@pytest.mark.parametrize("copied", [lambda network: network, copy.deepcopy, reload])
def test_a_resnet_works_channels_last(copied):
    network = copied(build_network(ResNet, SMALL, (3, 8, 6), HEADS))
    assert network.memory_format is LAST
    assert all(part.training for part in network.modules())
    x = torch.rand(4, 3, 8, 6)
    for batch in (x, x.contiguous(memory_format=LAST)):
        assert_channels_last(network.train(), batch)
        assert_channels_last(network.eval(), batch)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 1, 1), (1, 1, 1), (3, 7, 1)])
def test_shapes_that_look_alike_in_both_orders(shape):
    network = build_network(ResNet, SMALL, shape, HEADS)
    outputs = network(torch.rand(4, *shape))
    assert [output.shape for output in outputs] == [(4, 2), (4, 1)]


@pytest.mark.parametrize("training", [True, False])
def test_results_are_those_of_the_other_order(training):
    params = {**SMALL, "dropout": 0.0}
    network = build_network(ResNet, params, (3, 8, 6), HEADS, torch.float64)
    other = MultiTaskNetwork(
        copy.deepcopy(network.backbone), copy.deepcopy(network.heads), CONTIGUOUS
    )
    for weight in other.parameters():
        weight.data = weight.data.contiguous()
    x = torch.rand(4, 3, 8, 6, dtype=torch.float64)
    network.train(training)
    other.train(training)
    assert not any(output.is_contiguous() for output in outputs_seen(network, x))
    assert all(output.is_contiguous() for output in outputs_seen(other, x))
    for one, another in zip(network(x), other(x), strict=True):
        torch.testing.assert_close(one, another, rtol=1e-10, atol=1e-10)
        assert one.std() > 0
    sum(output.sum() for output in network(x)).backward()
    sum(output.sum() for output in other(x)).backward()
    for one, another in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, another.grad, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("backbone", "n_channels"),
    [(Flat, 3), (EachChannel, 3), (Picky, 3), (Flat, 1), (EachChannel, 1)],
)
def test_a_backbone_that_needs_the_other_order(backbone, n_channels):
    network = build_network(backbone, {}, (n_channels, 6, 5), HEADS)
    assert network.memory_format is CONTIGUOUS
    assert all(part.training for part in network.modules())
    assert all(weight.is_contiguous() for weight in network.parameters())
    x = torch.rand(4, n_channels, 6, 5)
    expected = network(x)
    # Images come with the channels behind, which of one only the strides show.
    images = x.permute(0, 2, 3, 1).flatten(1).view(4, 6, 5, n_channels)
    found = network(images.permute(0, 3, 1, 2))
    for one, another in zip(found, expected, strict=True):
        assert one.equal(another)


def test_three_dimensional_convolutions():
    network = build_network(Volumes, {}, (3, 6, 5), HEADS)
    assert network.memory_format is LAST
    x = torch.rand(4, 3, 6, 5)
    expected = network.backbone(x)
    torch.testing.assert_close(network.features(x), expected)


def test_tables_have_no_order():
    network = build_network(MLP, {}, (3,), HEADS)
    assert network.memory_format is None
    assert [output.shape for output in network(torch.rand(4, 3))] == [(4, 2), (4, 1)]


def test_a_network_of_ones_own_takes_batches_as_they_come():
    seen = []
    backbone = ResNet(3, **SMALL)
    backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    x = torch.rand(4, 3, 6, 5)
    MultiTaskNetwork(backbone, [make_head(5, 1)])(x)
    assert seen[0] is x


def make_problem(n_channels=3):
    rng = np.random.default_rng(0)
    X = rng.random((24, 6, 5, n_channels), dtype=np.float32)
    light = X.mean(axis=(1, 2, 3))
    return X, np.column_stack([light > np.median(light), light])


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("backbone", [Flat, EachChannel, Volumes])
def test_fit_and_predict(backbone, precision):
    X, y = make_problem()
    plain = Head(hidden=())
    estimator = MultiTaskImageEstimator(
        Tasks(kind=Classification(2, head=plain), size=Regression(head=plain)),
        backbone=backbone,
        max_epochs=2,
        batch_size=8,
        precision=precision,
        random_state=0,
    ).fit(X, y)
    assert estimator.predict(X).shape == (24, 2)
    expected = estimator.predict_proba(X)
    # The order in memory of the images has no say.
    found = estimator.predict_proba(np.asfortranarray(X))
    for one, another in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, another)
    loaded = reload(estimator)
    assert loaded.net_.module_.memory_format is estimator.net_.module_.memory_format
    assert loaded.partial_fit(X, y).n_iter_ == 3


@pytest.mark.parametrize("backbone", [Flat, EachChannel])
def test_grey_images(backbone):
    X, y = make_problem(n_channels=1)
    tasks = Tasks(kind=Classification(2), size=Regression())
    estimator = MultiTaskImageEstimator(
        tasks, backbone=backbone, max_epochs=1, random_state=0
    ).fit(X, y)
    assert estimator.net_.module_.memory_format is CONTIGUOUS
    found = estimator.predict(X[..., 0])
    np.testing.assert_array_equal(found, estimator.predict(X))


def test_the_log_says_why(caplog):
    caplog.set_level("INFO", "mtlearn")
    build_network(ResNet, SMALL, (3, 6, 5), HEADS)
    assert caplog.records == []
    build_network(Flat, {}, (3, 6, 5), HEADS)
    (record,) = caplog.records
    assert "backbone Flat works on the contiguous memory format" in record.getMessage()
    assert "view size is not compatible" in record.getMessage()


@pytest.mark.parametrize("n_rows", [1, 2])
@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_no_memory_is_no_fault_of_the_backbone(n_rows, error):
    class TooLarge(nn.Module):
        def forward(self, x):
            if len(x) == n_rows:
                raise error("no more")
            return x.mean(dim=(2, 3))

    with pytest.raises(error, match="no more"):
        build_network(TooLarge, {}, (3, 6, 5), HEADS)


class OneLayer(nn.Module):
    """Has one convolution."""

    def __init__(self, in_channels, settings):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, 4, **settings)

    def forward(self, x):
        return self.layer(x).mean(dim=(2, 3))


@pytest.mark.parametrize(
    ("n_channels", "settings", "expected"),
    [
        (15, {"kernel_size": 1, "stride": 2}, CONTIGUOUS),
        (16, {"kernel_size": 1, "stride": 2}, LAST),
        (4, {"kernel_size": 1, "stride": (1, 2)}, CONTIGUOUS),
        (16, {"kernel_size": 1, "stride": (2, 1), "groups": 2}, CONTIGUOUS),
        (4, {"kernel_size": 1}, LAST),
        (4, {"kernel_size": 3, "stride": 2}, LAST),
    ],
)
def test_layers_that_end_the_process_work_contiguous(n_channels, settings, expected):
    # The gradient of a strided 1x1 convolution of less than 16 channels writes into
    # memory that is not its own on some processors, in channels-last order only.
    params = {"settings": settings}
    network = build_network(OneLayer, params, (n_channels, 8, 8), HEADS)
    assert network.memory_format is expected
    network(torch.rand(4, 8, 8, n_channels).permute(0, 3, 1, 2))


@pytest.mark.parametrize(("width", "stride"), [(15, 1), (16, 2)])
@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
def test_narrow_shortcuts_have_no_stride(backbone, width, stride):
    params = {**SMALL, "widths": (width, 6)}
    network = build_network(backbone, params, (3, 9, 6), HEADS)
    assert network.memory_format is LAST
    shortcut = dict(network.backbone.stages.named_modules())["1.0.shortcut"]
    layer = next(each for each in shortcut.modules() if isinstance(each, nn.Conv2d))
    assert layer.stride == (stride, stride)


@pytest.mark.parametrize("width", [15, 16])
def test_a_shortcut_sees_every_second_pixel(width):
    params = {"widths": (width, 6), "n_blocks": 1, "batch_norm": False}
    block = ResNet(3, **params).double().stages[1][0]
    x, seen = torch.rand(2, width, 9, 6, dtype=torch.float64), []
    block.shortcut.register_forward_hook(lambda *args: seen.append(args[-1]))
    block(x)
    weight, bias = block.shortcut[0].weight[:, :, 0, 0], block.shortcut[0].bias
    by_hand = torch.einsum(
        "ncyx,oc->noyx", x[:, :, [0, 2, 4, 6, 8]][..., [0, 2, 4]], weight
    )
    torch.testing.assert_close(seen[0], by_hand + bias[:, None, None])
