"""What a pass needs at the least, and what there is."""

import os

import pytest
import torch
from torch import nn

from mtlearn.exceptions import InvalidDataError
from mtlearn.networks import MLP, ResNet, ResNetV2, build_network, check_memory
from mtlearn.networks import _memory as module
from mtlearn.networks._memory import memory_of, values_of_pass

CPU = torch.device("cpu")
LARGE = (1, 1024, 1024)
PIXELS = 2**20


class Pooled(nn.Module):
    """Reduces an image before its convolution."""

    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(2, 50, 1)  # made first, used last
        self.first = nn.Conv2d(1, 2, 3, stride=2, padding=1)

    def forward(self, x):
        x = self.first(nn.functional.avg_pool2d(x, 4))
        return self.last(x).mean(dim=(2, 3))


class Weightless(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


class LooksAtValues(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 9, 3)

    def forward(self, x):
        if x.max().item() > 1:
            x = x / 255
        return self.convolution(x).mean(dim=(2, 3))


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.LazyConv2d(9, 3)

    def forward(self, x):
        return self.convolution(x).mean(dim=(2, 3))


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        (ResNet(widths=(4, 8), n_blocks=1, n_features=4), 8 * PIXELS),
        (ResNet(), 64 * PIXELS),
        (ResNetV2(), 64 * PIXELS),
        (Pooled(), PIXELS),  # of the image: its maps are of 128 x 128
        (Weightless(), PIXELS),
        (LooksAtValues(), PIXELS),  # which torch cannot tell without values
        (Lazy(), PIXELS),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_largest_convolution_or_the_image(backbone, expected):
    assert values_of_pass(backbone, LARGE, torch.float32) == expected


@pytest.mark.parametrize("shape", [(3, 224, 224), (10**7,)])
def test_tables_and_usual_images_cost_nothing(shape):
    def fail(*args):
        raise AssertionError

    backbone = ResNet(3) if len(shape) == 3 else MLP(4)
    backbone.forward = fail
    assert values_of_pass(backbone, shape, torch.float32) == 0


@pytest.mark.parametrize("training", [True, False])
def test_the_backbone_stays_as_it_is(training):
    backbone = ResNet(widths=(4,), n_blocks=1, n_features=4).train(training)
    before = backbone.state_dict()
    values_of_pass(backbone, LARGE, torch.float32)
    after = backbone.state_dict()
    assert all(after[name].equal(value) for name, value in before.items())
    assert all(each.training is training for each in backbone.modules())
    assert not any(each._forward_hooks for each in backbone.modules())


def test_the_machine_has_memory():
    expected = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory_of(CPU) == expected
    assert expected > 2**28


def test_a_gpu_has_memory_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**30, 2**36))
    assert memory_of(torch.device("cuda")) == 2**36


@pytest.mark.parametrize("error", [AttributeError, ValueError, OSError])
def test_where_it_is_not_known_nothing_is_refused(monkeypatch, error):
    def unknown(name):
        raise error

    monkeypatch.setattr(os, "sysconf", unknown, raising=False)
    assert memory_of(CPU) is None
    assert memory_of(torch.device("meta")) is None
    check_memory(10**15, LARGE, 1, torch.float32, CPU)


@pytest.mark.parametrize(
    ("dtype", "n_rows", "fits"),
    [
        (torch.float32, 2, True),
        (torch.float32, 3, False),
        (torch.bfloat16, 4, True),
        (torch.float64, 2, False),
    ],
)
def test_the_limit(monkeypatch, dtype, n_rows, fits):
    monkeypatch.setattr(module, "memory_of", lambda device: 2 * 64 * PIXELS * 4)
    if fits:
        check_memory(64 * PIXELS, LARGE, n_rows, dtype, CPU)
        return
    with pytest.raises(InvalidDataError, match=f"A pass of {n_rows} at once"):
        check_memory(64 * PIXELS, LARGE, n_rows, dtype, CPU)


def test_what_is_said(monkeypatch):
    monkeypatch.setattr(module, "memory_of", lambda device: 2**34)
    with pytest.raises(InvalidDataError) as caught:
        check_memory(2**36, (3, 2**14, 2**13), 1, torch.float32, CPU, ", or wait")
    assert str(caught.value) == (
        "X has images of shape (height, width, n_channels) = (16384, 8192, 3), each of "
        "which takes 1.5 GiB in torch.float32. A pass of 1 at once through the network "
        "needs 256.0 GiB for its largest convolution alone, and the device 'cpu' has "
        "16.0 GiB. Resize or crop the images, or use a backbone that reduces them "
        "first, or wait."
    )


def test_a_network_knows_its_size():
    params = {"widths": (4,), "n_blocks": 1, "n_features": 4}
    assert build_network(ResNet, params, (1, 8, 8), []).row_values == 0
    stem = build_network(Pooled, {}, LARGE, [])
    assert stem.row_values == PIXELS
