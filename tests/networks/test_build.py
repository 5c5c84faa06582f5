import pickle

import pytest
import torch
from torch import nn

from mtlearn.exceptions import (
    InvalidParameterError,
    NetworkError,
    ParameterTypeError,
)
from mtlearn.networks import MLP, HeadSpec, ResNet, build_network, make_head

HEADS = [HeadSpec(3, hidden=(4,)), HeadSpec(1, hidden=(), dropout=0, batch_norm=False)]


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def build(backbone, params=None, shape=(2, 5, 4)):
    return build_network(backbone, params or {}, shape, HEADS)


class Recorder(nn.Module):
    """Takes every argument that follows from the shape."""

    def __init__(self, in_channels=None, in_features=None, image_size=None):
        super().__init__()
        self.seen = (in_channels, in_features, image_size)

    def forward(self, x):
        return x.flatten(1)


class LazyBackbone(nn.Module):
    """Knows nothing of its input; has state that training would change."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(6), nn.BatchNorm1d(6), nn.Dropout(0.5)
        )

    def forward(self, x):
        return self.layers(x)


class Returns(nn.Module):
    """Returns what `output` makes of the batch."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, x):
        return self.output(x)


class Evaluating(nn.Module):
    """Is not in training mode from the start."""

    def __init__(self):
        super().__init__()
        self.eval()

    def forward(self, x):
        return x.flatten(1)


def test_resnet_gets_its_channels():
    params = {"widths": (3,), "n_blocks": 1, "n_features": 7}
    network = build(ResNet, params)
    assert network.backbone.stem[0].in_channels == 2
    assert network.heads[0][0].in_features == 7
    outputs = network(torch.zeros(4, 2, 5, 4))
    assert [tuple(output.shape) for output in outputs] == [(4, 3), (4, 1)]


def test_mlp_gets_its_columns():
    network = build(MLP, {"hidden": (8,)}, (5,))
    assert network.backbone.layers[0].in_features == 5
    assert network.heads[1][0].in_features == 8


def test_shape_arguments_of_images_and_tables():
    assert build(Recorder).backbone.seen == (2, None, (5, 4))
    assert build(Recorder, shape=(7,)).backbone.seen == (None, 7, None)


def test_arguments_of_the_user_win():
    assert build(Recorder, {"in_channels": 9}).backbone.seen == (9, None, (5, 4))


def test_heads_follow_their_spec():
    first, second = build(Recorder).heads
    assert repr(first) == repr(make_head(40, 3, hidden=(4,)))
    bare = {"hidden": (), "dropout": 0, "batch_norm": False}
    assert repr(second) == repr(make_head(40, 1, **bare))


def test_linear_layers_may_make_a_picture():
    spec = HeadSpec(24, hidden=(4,), output_shape=(2, 3, 4), end=nn.ReLU)
    network = build_network(MLP, {"hidden": (8,)}, (5,), [spec])
    x = torch.rand(6, 5)
    (output,) = network(x)
    head = network.heads[0]
    assert output.shape == (6, 2, 3, 4)
    assert head[-3].out_features == 24
    network.eval()
    numbers = head[:-2](network.backbone(x))
    assert torch.equal(network(x)[0], numbers.relu().reshape(6, 2, 3, 4))


def test_lazy_modules_are_initialised_and_untouched_otherwise():
    network = build(LazyBackbone)
    assert network.heads[0][0].in_features == 6
    assert network.backbone.layers[1].weight.shape == (6, 40)
    assert network.backbone.layers[2].num_batches_tracked == 0
    assert all(parameter.grad is None for parameter in network.parameters())


def test_training_mode_is_restored():
    assert all(module.training for module in build(LazyBackbone).modules())
    assert not build(Evaluating).backbone.training


@pytest.mark.parametrize("backbone", [ResNet, LazyBackbone])
def test_same_seed_same_weights(backbone):
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(build(backbone).state_dict())
    same = [[torch.equal(states[0][n], s[n]) for n in states[0]] for s in states]
    assert all(same[1])
    assert not all(same[2])


@pytest.mark.parametrize(
    ("output", "got"),
    [
        (lambda x: x, r"Got shape \(1, 2, 5, 4\) for"),
        (lambda x: x.mean(), r"Got shape \(\) for"),
        (lambda x: x.reshape(4, -1), r"Got shape \(4, 10\) for"),
        (lambda x: x.flatten(1)[:, :0], r"Got shape \(1, 0\) for"),
        (lambda x: {"features": x}, "Got an object of type dict for"),
    ],
)
def test_output_that_is_not_features(output, got):
    with pytest.raises(NetworkError, match=got) as info:
        build(Returns, {"output": output})
    assert "backbone Returns must return features" in str(info.value)
    assert "(n_samples, n_features)" in str(info.value)


def test_failing_constructor_is_the_cause():
    with pytest.raises(
        NetworkError, match=r"MLP could not be built .*\(2, 5, 4\)"
    ) as e:
        build(MLP)
    assert isinstance(e.value.__cause__, TypeError)
    assert "in_features" in str(e.value)


def test_misspelt_argument_is_named():
    with pytest.raises(NetworkError, match="'droput'"):
        build(ResNet, {"droput": 0.1})


def test_failing_forward_is_the_cause():
    with pytest.raises(NetworkError, match=r"ResNet could not .*\(1, 2, 5, 4\)") as e:
        build(ResNet, {"in_channels": 1})
    assert isinstance(e.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("backbone", "got"),
    [
        ("resnet", r"'resnet'"),
        (dict, r"<class 'dict'>"),
        (nn.Sequential(nn.Linear(2, 2)), "an object of type Sequential"),
    ],
)
def test_backbone_that_is_no_module_class(backbone, got):
    message = rf"must be a subclass of torch.*\. Got {got} instead\."
    with pytest.raises(ParameterTypeError, match=message):
        build(backbone)


@pytest.mark.parametrize("shape", [(), (3, 4)])
def test_shape_of_neither_image_nor_row(shape):
    with pytest.raises(InvalidParameterError, match="'input_shape' parameter"):
        build(MLP, shape=shape)


def test_pickle():
    network = build(LazyBackbone).eval()
    again = pickle.loads(pickle.dumps(network))
    x = torch.ones(2, 2, 5, 4)
    assert torch.equal(again(x)[0], network(x)[0])
