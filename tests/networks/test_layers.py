"""Which weights are in which layer, counted by hand."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from mtlearn.networks import MLP, ResNet, ResNetV2, layer_numbers


def layers(module):
    """Return the names of each layer's weights."""
    numbers = layer_numbers(module)
    assert numbers.keys() == dict(module.named_parameters()).keys()
    found = [[] for _ in set(numbers.values())]
    for name, number in numbers.items():
        found[number].append(name)
    return found


def starts(module, n_parts):
    """Return what the names of each layer's weights begin with."""
    return [
        sorted({".".join(name.split(".")[:n_parts]) for name in names})
        for names in layers(module)
    ]


def both(name):
    return [f"{name}.weight", f"{name}.bias"]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_each_layer_of_an_mlp_has_its_norm(batch_norm):
    found = starts(MLP(3, hidden=(5, 4, 2), batch_norm=batch_norm), 2)

    if batch_norm:
        wanted = [["0", "1"], ["3", "4"], ["6", "7"]]
    else:
        wanted = [["0"], ["2"], ["4"]]
    assert found == [[f"layers.{n}" for n in numbers] for numbers in wanted]


def test_an_mlp_without_layers():
    assert layer_numbers(MLP(3, hidden=())) == {}


@pytest.mark.parametrize("attention", [None, "se", "cbam"])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("cls", [ResNet, ResNetV2])
def test_a_residual_network_has_a_stem_and_its_blocks(cls, batch_norm, attention):
    network = cls(
        3,
        widths=(8, 16),
        n_blocks=(1, 2),
        batch_norm=batch_norm,
        attention=attention,
        drop_block=0.1,
    )
    first, *blocks, last = starts(network, 3)

    assert {name.split(".")[0] for name in first} == {"stem"}
    assert blocks == [["stages.0.0"], ["stages.1.0"]]
    # What follows the last block is in its layer.
    rest = {name.split(".")[0] for name in last}
    normed = {"activation"} if cls is ResNetV2 and batch_norm else set()
    assert rest == {"stages", "dense"} | normed
    assert [name for name in last if "stages" in name] == ["stages.1.1"]


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3)
        self.norm1 = nn.BatchNorm2d(2)
        self.conv2 = nn.Conv2d(2, 2, 3)
        self.norm2 = nn.LayerNorm([2, 4, 4])
        self.last = nn.Linear(32, 3)


def test_layers_without_blocks():
    assert starts(Plain(), 1) == [["conv1", "norm1"], ["conv2", "norm2"], ["last"]]


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()),
            nn.Sequential(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2), nn.ReLU()),
        )
        self.dense = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.plain = Plain()


def test_what_wraps_layers_is_none():
    first, *others = starts(Wrapped(), 2)

    assert first == ["plain.conv1", "plain.norm1", "scale"]
    assert others == [["plain.conv2", "plain.norm2"], ["plain.last"]]


def test_lists_of_simple_layers_are_opened():
    wanted = [["features.0"], ["features.1"], ["dense.0"], ["dense.2"]]
    assert starts(Parts(), 2) == wanted


def test_a_sequence_in_a_sequence():
    conv = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.ReLU()]
    inner = nn.Sequential(*conv)
    assert starts(nn.Sequential(nn.Sequential(inner)), 3) == [["0.0.0"], ["0.0.2"]]
    # Stages, each of several layers, are blocks.
    other = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3))
    assert starts(nn.Sequential(inner, nn.Flatten(), other), 1) == [["0"], ["2"]]


class Block(nn.Module):
    """Two layers and a third in a list, as of a branch."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2)
        self.norm = nn.LayerNorm(4)
        self.mlp = nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4))


class Embedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = nn.Parameter(torch.zeros(1, 5, 4))
        self.layer = nn.Linear(3, 4)


class Encoder(nn.Module):
    """Tokens of the module itself, an embedding, stages of blocks, norm and pooler."""

    def __init__(self, kind=nn.ModuleList):
        super().__init__()
        self.embedding = Embedding()
        stages = [nn.ModuleList([Block(), Block()]), nn.Sequential(Block())]
        if kind is nn.ModuleDict:
            self.stages = kind({str(i): stage for i, stage in enumerate(stages)})
        else:
            self.stages = kind(stages) if kind is nn.ModuleList else kind(*stages)
        self.norm = nn.LayerNorm(4)
        self.pool = nn.MultiheadAttention(4, 2)
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.scale = nn.Parameter(torch.ones(4))


WANTED = [
    ["embedding", "scale", "token"],
    ["stages.0.0"],
    ["stages.0.1"],
    ["norm", "pool", "stages.1.0"],
]


def shortened(module, prefix=""):
    return [
        sorted(
            {
                ".".join(
                    name.removeprefix(prefix).split(".")[: 3 if "stages" in name else 1]
                )
                for name in names
            }
        )
        for names in layers(module)
    ]


@pytest.mark.parametrize("kind", [nn.ModuleList, nn.Sequential, nn.ModuleDict])
def test_lists_of_lists_of_blocks(kind):
    assert shortened(Encoder(kind)) == WANTED


class Adapter(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norm = nn.BatchNorm1d(3) if norm else nn.Identity()
        self.wrapped = nn.Sequential(Encoder())


@pytest.mark.parametrize("norm", [False, True])
def test_what_wraps_a_network_is_no_layer(norm):
    first, *others = shortened(Adapter(norm), "wrapped.0.")

    assert first == sorted([*WANTED[0], *["norm"] * norm])
    assert others == WANTED[1:]


class Same(nn.Module):
    """One block that is run three times, with the weight of the first layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        block = Block()
        self.blocks = nn.ModuleList([block, block, block, Block()])
        self.last = nn.Linear(4, 4)
        self.last.weight = self.first.weight


def test_a_weight_of_several_modules_counts_for_the_first():
    assert [len(each) for each in layers(Same())] == [2, 10, 11]
    assert layer_numbers(Same())["last.bias"] == 2


def test_the_layers_of_torchs_transformer():
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    found = starts(nn.TransformerEncoder(layer, 3, nn.LayerNorm(4)), 2)
    wanted = [["layers.0"], ["layers.1"], ["layers.2", "norm.bias", "norm.weight"]]
    assert found == wanted


class Own(nn.Module):
    """Weights of the module itself, and of no layer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 2))
        self.bias = nn.Parameter(torch.ones(2))


def test_a_module_of_weights_alone():
    assert layers(Own()) == [["weight", "bias"]]
    assert starts(nn.Sequential(Own(), nn.Linear(2, 2)), 1) == [["0"], ["1"]]
    assert layers(nn.BatchNorm1d(3)) == [["weight", "bias"]]
    assert layers(nn.Linear(3, 2)) == [["weight", "bias"]]
    assert layer_numbers(nn.Identity()) == {}


def test_simple_layers_among_blocks_begin_none():
    start = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
    end = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
    blocks = Block(), Block(), *end, Block(), Block(), nn.BatchNorm2d(2)

    wanted = [["0", "1"], ["2"], ["3"], ["4", "5", "6"], ["7", "8"]]
    assert starts(nn.Sequential(*start, *blocks), 1) == wanted


def test_a_mapping_of_blocks():
    blocks = nn.ModuleDict({"one": Block(), "two": Block()})
    network = nn.Sequential(nn.Linear(3, 4), blocks)
    assert starts(network, 2) == [["0.bias", "0.weight"], ["1.one"], ["1.two"]]


class LowRank(nn.Module):
    """A change of a matrix by two small ones."""

    def __init__(self):
        super().__init__()
        self.down = nn.Parameter(torch.zeros(1, 4))
        self.up = nn.Parameter(torch.zeros(4, 1))

    def forward(self, weight):
        return weight + self.up @ self.down


def low_rank(layer):
    return parametrize.register_parametrization(layer, "weight", LowRank())


@pytest.mark.parametrize(
    "computed",
    [parametrizations.weight_norm, parametrizations.spectral_norm, low_rank],
)
def test_a_weight_that_is_computed_is_one_matrix(computed):
    def dense():
        return nn.Linear(4, 4)

    some = nn.Sequential(computed(dense()), nn.ReLU(), dense(), nn.ReLU(), dense())
    assert starts(some, 1) == [["0"], ["2"], ["4"]]

    blocks = [nn.Sequential(computed(dense()), computed(dense())) for _ in range(2)]
    network = nn.Sequential(dense(), nn.ModuleList(blocks))
    assert starts(network, 2) == [["0.bias", "0.weight"], ["1.0"], ["1.1"]]

    assert len(layers(computed(dense()))) == 1
