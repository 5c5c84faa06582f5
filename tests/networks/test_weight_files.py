from copy import deepcopy

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mtlearn.exceptions import NetworkError, ParameterTypeError
from mtlearn.networks import (
    MLP,
    HeadSpec,
    ResNet,
    ResNetV2,
    build_network,
    load_weights,
    save_weights,
)

IMAGES = {"widths": (4, 6), "n_blocks": 1, "n_features": 5}
BACKBONES = pytest.mark.parametrize(
    ("backbone", "params"),
    [
        (ResNet, IMAGES),
        (ResNetV2, {**IMAGES, "attention": "cbam"}),
        (MLP, {"in_features": 3, "hidden": (4,), "batch_norm": True}),
    ],
)


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def mlp(**params):
    return MLP(3, **{"hidden": (4,), "batch_norm": True, **params})


def assert_same_state(module, other):
    state, others = module.state_dict(), other.state_dict()
    assert list(state) == list(others)
    for name, value in state.items():
        assert value.equal(others[name]), name


@BACKBONES
def test_a_backbone_starts_from_a_file(backbone, params, path):
    trained = backbone(**params)
    for buffer in trained.buffers():
        buffer.add_(1)
    save_weights(trained, path)
    assert not any(
        weight.equal(other)
        for weight, other in zip(
            trained.parameters(), backbone(**params).parameters(), strict=True
        )
        if weight.ndim > 1
    )
    for given in (path, str(path)):
        assert_same_state(backbone(**params, weights=given), trained)


@BACKBONES
def test_a_backbone_refuses_a_file_that_does_not_fit(backbone, params, path):
    save_weights(nn.Linear(2, 2), path)
    match = f"do not fit {backbone.__name__}: missing: "
    with pytest.raises(NetworkError, match=match):
        backbone(**params, weights=path)


def test_a_network_whose_weights_are_channels_last(path):
    heads = [HeadSpec(2)]
    networks = [build_network(ResNet, IMAGES, (1, 8, 8), heads) for _ in range(2)]
    weights = [network.backbone.stages[0][0].residual[0].weight for network in networks]
    save_weights(networks[0], path)
    load_weights(networks[1], path)
    assert_same_state(*networks)
    for weight in weights:
        assert not weight.is_contiguous()
        assert weight.is_contiguous(memory_format=torch.channels_last)


def test_the_file_is_plain_safetensors(path):
    module = mlp()
    save_weights(module, path)
    found = load_file(path)
    assert found.keys() == module.state_dict().keys()
    for name, value in module.state_dict().items():
        assert found[name].equal(value)


def test_shared_weights(path):
    layer = nn.Linear(2, 2)
    module, other = nn.Sequential(layer, layer), nn.Sequential(*[nn.Linear(2, 2)] * 2)
    save_weights(module, path)
    load_weights(other, path)
    assert_same_state(other, module)
    assert other[0].weight is other[1].weight


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_floats_are_cast_and_stay_in_place(dtype, path):
    trained, module = mlp(), mlp().to(dtype)
    before = list(module.parameters())
    save_weights(trained, path)
    load_weights(module, path)
    assert all(a is b for a, b in zip(module.parameters(), before, strict=True))
    for name, value in module.state_dict().items():
        expected = trained.state_dict()[name]
        assert value.equal(expected.to(value.dtype))
        assert value.dtype is (dtype if expected.is_floating_point() else torch.int64)


WRONG = {
    "missing": (lambda s: s.pop("layers.0.weight"), "missing: layers.0.weight. Build"),
    "unexpected": (lambda s: s.update(a=torch.ones(1)), "unexpected: a. Build"),
    "shape": (
        lambda s: s.update({"layers.0.weight": torch.ones(4, 2)}),
        r"layers.0.weight has shape \(4, 2\) instead of \(4, 3\). Build",
    ),
    "type": (
        lambda s: s.update({"layers.1.num_batches_tracked": torch.tensor(1.0)}),
        "layers.1.num_batches_tracked is of torch.float32 instead of torch.int64. B",
    ),
    "two": (
        lambda s: s.update(a=s.pop("layers.1.bias")),
        "missing: layers.1.bias; unexpected: a. Build",
    ),
    "many": (
        lambda s: s.update({f"{i}": torch.ones(1) for i in range(7)}),
        "unexpected: 0, 1, 2, 3, 4 and 2 more. Build",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_what_differs_is_named_before_a_weight_changes(change, message, path):
    state = mlp().state_dict()
    change(state)
    save_file(state, path)
    module = mlp()
    before = deepcopy(module)
    with pytest.raises(NetworkError, match=f"do not fit MLP: {message}"):
        load_weights(module, path)
    assert_same_state(module, before)


def test_no_such_file(path):
    with pytest.raises(NetworkError, match=r"weights.safetensors' cannot be read: "):
        load_weights(mlp(), path)
    with pytest.raises(NetworkError, match=r"weights.safetensors' cannot be read: "):
        build_network(MLP, {"weights": path}, (3,), [HeadSpec(1)])


@pytest.mark.parametrize("content", ["empty", "text", "half"])
def test_not_a_safetensors_file(content, path):
    save_weights(mlp(), path)
    half = path.read_bytes()[:-8]
    contents = {"empty": b"", "text": b"text" * 9, "half": half}
    path.write_bytes(contents[content])
    with pytest.raises(NetworkError, match="must be a whole file in the safetensors"):
        load_weights(mlp(), path)


class Extra(nn.Module):
    def get_extra_state(self):
        return {"anything": 1}

    def set_extra_state(self, state):
        raise AssertionError("never loaded")


@pytest.mark.parametrize(
    ("module", "got"),
    [
        (Extra(), "Got dict for '_extra_state'"),
        (nn.LazyLinear(2), "Got UninitializedParameter for 'weight'"),
    ],
)
def test_a_state_that_is_not_of_tensors(module, got, path):
    with pytest.raises(NetworkError, match=f"must be tensors with values. {got}"):
        save_weights(module, path)
    assert not path.exists()
    save_weights(mlp(), path)
    with pytest.raises(NetworkError, match=got):
        load_weights(module, path)


def test_what_is_no_module(path):
    with pytest.raises(
        ParameterTypeError, match=r"Got dict instead.*module_\.backbone"
    ):
        save_weights({}, path)


def test_the_first_byte_of_a_file_is_a_length(path):
    trained, other = mlp(), mlp()
    for n_letters in range(256):
        save_file(trained.state_dict(), path, metadata={"x": "x" * n_letters})
        if path.read_bytes()[0] == 0x80:  # as a pickle's
            break
    load_weights(other, path)
    assert path.read_bytes()[0] == 0x80
    assert_same_state(other, trained)


def wrapped(state, start):
    return {f"{start}{name}": value for name, value in state.items()}


CHECKPOINTS = {
    "weights": lambda state: state,
    "in a dict": lambda state: {"epoch": 3, "state_dict": state},
    "in another": lambda state: {"model": state, "optimizer": {"lr": 0.1}},
    "parallel": lambda state: {"model_state_dict": wrapped(state, "module.")},
    "compiled": lambda state: wrapped(state, "_orig_mod."),
}


@pytest.mark.parametrize("made", CHECKPOINTS.values(), ids=CHECKPOINTS)
@pytest.mark.parametrize("is_old", [False, True])
def test_a_checkpoint_of_torch(made, is_old, path):
    trained, other = mlp(), mlp()
    torch.save(
        made(trained.state_dict()), path, _use_new_zipfile_serialization=not is_old
    )
    load_weights(other, path)
    assert_same_state(other, trained)


class Runs:
    def __reduce__(self):
        return print, ("it has run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Runs(), "cannot be read as one of tensors alone"),
        ([1, 2], "must hold weights by their names.* Got list instead"),
        ({"epoch": 3}, "must hold weights by their names"),
    ],
)
def test_a_checkpoint_of_something_else(content, message, path, capsys):
    torch.save(content, path)
    with pytest.raises(NetworkError, match=message):
        load_weights(mlp(), path)
    assert capsys.readouterr().out == ""


def test_weights_are_a_part_of_a_file(path):
    trained, other = mlp(), mlp()
    state = wrapped(trained.state_dict(), "encoder.")
    save_file({**state, "head.weight": torch.ones(2)}, path)
    load_weights(other, path, prefix="encoder.")
    assert_same_state(other, trained)
    with pytest.raises(NetworkError, match=r"begins with the prefix 'decoder\.'"):
        load_weights(other, path, prefix="decoder.")


@pytest.mark.parametrize("skip", ["layers.0.", ["layers.0.", "gone"]])
def test_weights_that_are_skipped_stay(skip, path):
    trained, other = mlp(), mlp()
    before = deepcopy(other).state_dict()
    state = trained.state_dict()
    save_file({**state, "layers.0.weight": torch.ones(7)}, path)
    load_weights(other, path, skip=skip)
    for name, value in other.state_dict().items():
        is_skipped = name.startswith("layers.0.")
        assert value.equal(before[name] if is_skipped else state[name]), name


@pytest.mark.parametrize("skip", ["", [], [""]])
def test_nothing_is_skipped(skip, path):
    trained, other = mlp(), mlp()
    save_weights(trained, path)
    load_weights(other, path, skip=skip)
    assert_same_state(other, trained)
