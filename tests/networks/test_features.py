"""Backbones that give maps beside a vector, or features for each task."""

import pytest
import torch
from torch import nn

from mtlearn.exceptions import InvalidDataError, NetworkError
from mtlearn.networks import (
    Features,
    HeadSpec,
    autocast_error,
    build_network,
    features_of,
    for_inference,
    vector_of,
)
from mtlearn.networks import _memory as memory

SHAPE = (2, 8, 6)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Maps(nn.Module):
    """A convolution, and what `changed` makes of its maps."""

    def __init__(self, in_channels):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, 4, 3)

    def forward(self, x):
        maps = self.layer(x)
        return Features(maps.mean(dim=(2, 3)), maps)


class OfMaps(nn.Module):
    """A head that looks at the maps."""

    takes_maps = True

    def __init__(self, in_features, out_features, map_shape):
        super().__init__()
        self.seen = in_features, map_shape
        self.layer = nn.Conv2d(map_shape[0], out_features, map_shape[1:])

    def forward(self, features):
        return self.layer(features.maps).flatten(1) + features.vector[:, :1]


class OfVector(nn.Linear):
    def __init__(self, in_features, out_features, map_shape=None):
        super().__init__(in_features, out_features)
        self.map_shape = map_shape


def spec_of(module, out_features=2, **params):
    return HeadSpec(out_features, module=module, params=params, name="shade")


def test_heads_get_what_they_say_that_they_take():
    heads = [HeadSpec(3, hidden=()), spec_of(OfMaps), spec_of(OfVector)]
    network = build_network(Maps, {}, SHAPE, heads)
    linear, of_maps, of_vector = network.heads
    assert linear[0].in_features == 4
    assert of_maps.module.seen == (4, (4, 6, 4))
    assert of_vector.module.map_shape == (4, 6, 4)
    x = torch.rand(5, *SHAPE)
    vector, maps = network.features(x)
    first, second, third = network(x)
    assert torch.equal(first, linear(vector))
    expected = of_maps.module.layer(maps).flatten(1) + vector[:, :1]
    torch.testing.assert_close(second, expected)
    assert torch.equal(third, of_vector.module(vector))
    assert network.memory_format == torch.channels_last


def test_a_part_of_the_heads():
    heads = [HeadSpec(3), spec_of(OfMaps), HeadSpec(1)]
    network = build_network(Maps, {}, SHAPE, heads).eval()
    x = torch.rand(5, *SHAPE)
    features = network.features(x)
    for number, output in enumerate(network(x)):
        (one,) = network.outputs(features, [number])
        assert torch.equal(one, output)


def test_features_beside_the_outputs():
    network = build_network(Maps, {}, SHAPE, [HeadSpec(3)]).eval()
    x = torch.rand(5, *SHAPE)
    outputs, features = network(x, with_features=True)
    assert torch.equal(outputs[0], network(x)[0])
    assert torch.equal(features.maps, network.features(x).maps)


def test_weights_instead_of_its_own():
    network = build_network(Maps, {}, SHAPE, [HeadSpec(3)])
    x = torch.rand(5, *SHAPE)
    before = network.features(x)
    zeros = {"layer.weight": torch.zeros_like(network.backbone.layer.weight)}
    found = network.features(x, zeros)
    bias = network.backbone.layer.bias
    torch.testing.assert_close(found.vector, bias.expand(5, 4))
    assert torch.equal(network.features(x).vector, before.vector)


@pytest.mark.parametrize(
    ("head", "params"), [(OfMaps, {}), (OfMaps, {"map_shape": (1, 2, 2)})]
)
def test_a_head_that_takes_maps_where_there_are_none(head, params):
    message = r"OfMaps of task 'shade' takes maps .*Features\(vector, maps\)"
    with pytest.raises(NetworkError, match=message):
        build_network(nn.Flatten, {}, SHAPE, [spec_of(head, **params)])


class Chooses(OfVector):
    """Takes maps if an argument says so."""

    def __init__(self, in_features, out_features, takes_maps):
        super().__init__(in_features, out_features)
        self.takes_maps = takes_maps

    def forward(self, features):
        assert isinstance(features, Features) == self.takes_maps
        return super().forward(vector_of(features))


def test_an_object_may_say_that_it_takes_maps():
    for takes in (False, True):
        spec = spec_of(Chooses, takes_maps=takes)
        build_network(Maps, {}, SHAPE, [spec])
    with pytest.raises(NetworkError, match="Chooses of task 'shade' takes maps"):
        build_network(nn.Flatten, {}, SHAPE, [spec])


class Views(OfMaps):
    def forward(self, features):
        return features.maps.view(len(features.vector), -1)[:, :2]


class Thins(OfMaps):
    """Has a layer whose gradient is wrong on channels-last memory on processors."""

    def __init__(self, in_features, out_features, map_shape):
        super().__init__(in_features, out_features, map_shape)
        self.layer = nn.Conv2d(map_shape[0], out_features, 1, stride=(6, 4))


class ViewsVector(Thins):
    takes_maps = False

    def forward(self, vector):
        return self.layer(vector[:, :, None, None]).flatten(1)


@pytest.mark.parametrize("head", [Views, Thins])
def test_a_head_that_cannot_do_with_channels_last_memory(head):
    heads = [HeadSpec(1), spec_of(OfMaps), spec_of(head)]
    network = build_network(Maps, {}, SHAPE, heads)
    assert network.memory_format == torch.contiguous_format
    assert network.backbone.layer.weight.is_contiguous()
    x = torch.rand(3, *SHAPE).contiguous(memory_format=torch.channels_last)
    assert network.features(x).maps.is_contiguous()
    assert network(x)[2].shape == (3, 2)


def test_a_head_without_maps_has_nothing_to_do_with_their_memory():
    network = build_network(Maps, {}, SHAPE, [spec_of(ViewsVector)])
    assert network.memory_format == torch.channels_last


class FailsTwice(Views):
    def forward(self, features):
        raise ValueError("at any rate")


def test_a_head_that_fails_in_any_order_of_memory():
    message = (
        r"FailsTwice of .*\(2, 4\) with maps of shape \(2, 4, 6, 4\) .*at any rate"
    )
    with pytest.raises(NetworkError, match=message):
        build_network(Maps, {}, SHAPE, [spec_of(FailsTwice)])


class Split(nn.Module):
    """A layer that all tasks share, and one of its own for each."""

    def __init__(self, in_features, n_tasks, batch_norm=False):
        super().__init__()
        self.shared = nn.Linear(in_features, 5)
        self.norm = nn.BatchNorm1d(5) if batch_norm else nn.Identity()
        self.own = nn.ModuleList(
            nn.Sequential(nn.Linear(5, 2 + number), nn.Dropout(0.5))
            for number in range(n_tasks)
        )

    def forward(self, x):
        x = self.norm(self.shared(x)).relu()
        return tuple(layer(x) for layer in self.own)


def split(cls=Split, n_tasks=3, **params):
    heads = [HeadSpec(1, hidden=(), batch_norm=False) for _ in range(n_tasks)]
    return build_network(cls, params, (4,), heads)


def test_features_of_each_task():
    network = split().eval()
    assert [head[0].in_features for head in network.heads] == [2, 3, 4]
    x = torch.rand(6, 4)
    hidden = network.backbone.shared(x).relu()
    for number, output in enumerate(network(x)):
        features = network.backbone.own[number](hidden)
        assert torch.equal(features_of(network.features(x), number), features)
        assert torch.equal(output, network.heads[number](features))
        (one,) = network.outputs(network.features(x), [number])
        assert torch.equal(one, output)
    assert network.per_task
    assert for_inference(network).per_task
    assert not build_network(Maps, {}, SHAPE, [HeadSpec(1)]).per_task


def test_own_heads_get_the_width_of_their_task():
    heads = [spec_of(nn.Linear) for _ in range(3)]
    network = build_network(Split, {}, (4,), heads)
    assert [head.module.in_features for head in network.heads] == [2, 3, 4]


class MapsForTheFirst(Maps):
    def forward(self, x):
        vector, maps = super().forward(x)
        return [Features(vector, maps), vector[:, :3]]


def test_a_task_may_have_maps_and_another_one_none():
    heads = [spec_of(OfMaps), spec_of(nn.Linear)]
    network = build_network(MapsForTheFirst, {}, SHAPE, heads).eval()
    x = torch.rand(5, *SHAPE)
    maps = network.backbone.layer(x)
    vector = maps.mean(dim=(2, 3))
    first, second = network(x)
    expected = network.heads[0].module.layer(maps).flatten(1) + vector[:, :1]
    torch.testing.assert_close(first, expected)
    torch.testing.assert_close(second, network.heads[1].module(vector[:, :3]))
    assert autocast_error(network, SHAPE, torch.bfloat16) is None
    with pytest.raises(NetworkError, match="OfMaps of task 'shade' takes maps"):
        build_network(MapsForTheFirst, {}, SHAPE, heads[::-1])


def test_the_number_of_tasks_may_be_the_users():
    with pytest.raises(NetworkError, match="Got a tuple of 2 for 3 tasks for a batch"):
        build_network(Split, {"n_tasks": 2}, (4,), [HeadSpec(1)] * 3)


class Returns(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.output = output

    def forward(self, x):
        return self.output(x)


@pytest.mark.parametrize(
    ("output", "got"),
    [
        (lambda x: Features(None, x), "Got an object of type NoneType for a batch"),
        (lambda x: Features(x.flatten(1), [x]), "Got an object of type list for"),
        (lambda x: Features(x, x), r"Got shape \(1, 2, 8, 6\) for a batch"),
        (lambda x: Features(x.flatten(1), x[0]), r"Got maps of shape \(2, 8, 6\) for"),
        (lambda x: Features(x.flatten(1), x[:, :, :0]), r"Got maps of shape \(1, 2, 0"),
        (
            lambda x: Features(x.flatten(1), torch.cat([x, x])),
            r"Got maps of shape \(2, 2, 8, 6\)",
        ),
        (lambda x: Features(x.flatten(1), x.double()), "Got torch.float64, where the"),
        (lambda x: (x.flatten(1), x), r"Got shape \(1, 2, 8, 6\) for task 1 for a bat"),
        (lambda x: (x.flatten(1),) * 3, "Got a tuple of 3 for 2 tasks"),
        (lambda x: (x.flatten(1), None), "type NoneType for task 1"),
        (lambda x: (), "Got a tuple of 0 for 2 tasks"),
    ],
)
def test_features_that_are_none(output, got):
    with pytest.raises(NetworkError, match=got) as info:
        build_network(Returns, {"output": output}, SHAPE, [HeadSpec(1), HeadSpec(1)])
    assert "backbone Returns must return features of shape" in str(info.value)


def test_memory_of_a_head_of_maps(monkeypatch):
    class Upsampled(OfMaps):
        def __init__(self, map_shape):
            super().__init__(4, 2, map_shape)
            self.up = nn.ConvTranspose2d(4, 3, 64, stride=64)

        def forward(self, features):
            return self.up(features.maps).mean(dim=(2, 3))[:, :2]

    monkeypatch.setattr(memory, "_LARGE", 4)
    network = build_network(Maps, {}, SHAPE, [spec_of(Upsampled)])
    assert network.row_values == 4 * 6 * 4 + 3 * (6 * 64) * (4 * 64)
    monkeypatch.setattr(memory, "memory_of", lambda device: 4 * 6 * network.row_values)
    build_network(Maps, {}, SHAPE, [spec_of(Upsampled)])
    monkeypatch.setattr(memory, "memory_of", lambda device: 4 * network.row_values)
    with pytest.raises(InvalidDataError, match="A pass of 2 at once"):
        build_network(Maps, {}, SHAPE, [spec_of(Upsampled)])


class WrongMaps(Maps):
    """Maps that are wrong by a factor under autocast."""

    def forward(self, x):
        vector, maps = super().forward(x)
        factor = -9 if torch.is_autocast_enabled("cpu") else 1
        return Features(vector, maps * factor)


class WrongForTask(Split):
    def forward(self, x):
        first, *others = super().forward(x)
        factor = -9 if torch.is_autocast_enabled("cpu") else 1
        return (first, *(other * factor for other in others))


def test_the_trial_of_a_precision_compares_all_features():
    good = build_network(Maps, {}, SHAPE, [spec_of(OfMaps)])
    assert autocast_error(good, SHAPE, torch.bfloat16) is None
    assert autocast_error(split(), (4,), torch.bfloat16) is None
    wrong = build_network(WrongMaps, {}, SHAPE, [HeadSpec(1)])
    error = autocast_error(wrong, SHAPE, torch.bfloat16)
    assert str(error).startswith("the features of the backbone in torch.bfloat16")
    error = autocast_error(split(WrongForTask), (4,), torch.bfloat16)
    assert str(error).startswith("the features of the backbone in torch.bfloat16")


def test_maps_are_of_the_weights_type_in_a_head_under_autocast():
    network = build_network(Maps, {}, SHAPE, [spec_of(OfMaps)])
    features = Features(torch.rand(3, 4).bfloat16(), torch.rand(3, 4, 6, 4).bfloat16())
    whole = Features(features.vector.float(), features.maps.float())
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = network.outputs(features)
    assert torch.equal(found, network.heads[0].module(whole))


def test_a_graph_of_the_network_is_exported():
    torch._dynamo.reset()  # it counts how often other tests have compiled a network
    for backbone, heads, shape in (
        (Maps, [HeadSpec(2), spec_of(OfMaps)], SHAPE),
        (Split, [HeadSpec(2), spec_of(nn.Linear)], (4,)),
    ):
        network = build_network(backbone, {}, shape, heads).eval()
        x = torch.rand(3, *shape)
        program = torch.export.export(network, (x,)).module()
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        for one, two, three in zip(program(x), compiled(x), network(x), strict=True):
            torch.testing.assert_close(one, three)
            torch.testing.assert_close(two, three)
