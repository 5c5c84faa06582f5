"""Whole networks in a shorter type: what is wrong, and that they stay as they are."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional

from mtlearn.exceptions import NetworkError
from mtlearn.networks import MLP, HeadSpec, ResNet, autocast_error, build_network
from mtlearn.networks import _autocast as module

SMALL = {"widths": (4, 6), "n_blocks": 1, "n_features": 5}
BFLOAT16 = torch.bfloat16


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def build(backbone, shape=(3, 8, 8), **params):
    return build_network(backbone, params, shape, [HeadSpec(2), HeadSpec(1)])


class Users(nn.Module):
    """Three features, of the kind that a subclass makes of the layer's."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.Linear(in_features, 3)
        self.spare = nn.Linear(2, 2)  # not used
        self.spare.bias.requires_grad_(False)

    def forward(self, x):
        return self.changed(self.layer(x))

    def changed(self, features):
        return features


class ByType(torch.autograd.Function):
    """Is wrong by a factor under autocast, forward or backward."""

    @staticmethod
    def forward(ctx, x, factor, is_wrong):
        ctx.factor = factor
        return x * factor if is_wrong else x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.factor, None, None


def by_type(factor, is_forward):
    class Backbone(Users):
        def changed(self, features):
            if not torch.is_autocast_enabled("cpu"):
                return features
            return ByType.apply(features, factor, is_forward)

    return Backbone


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (9, 2), (40, 1)])
def test_narrow_images(height, width):
    network = build(ResNet, (3, height, width), **SMALL)
    error = autocast_error(network, (3, height, width), BFLOAT16)
    assert isinstance(error, NetworkError)
    message = "the layer 'backbone.stages.1.0.residual.0', a conv2d of a batch of shape"
    assert str(error).startswith(message)
    assert "and stride (2, 2): " in str(error)
    assert autocast_error(network, (3, height, width), torch.float16) is None


@pytest.mark.parametrize(("height", "width"), [(1, 3), (2, 9), (8, 8)])
@pytest.mark.parametrize("dtype", [BFLOAT16, torch.float16], ids=str)
def test_images_that_are_wide_enough(height, width, dtype):
    network = build(ResNet, (3, height, width), **SMALL)
    assert autocast_error(network, (3, height, width), dtype) is None


@pytest.mark.parametrize("factor", [-3, 1e6, float("inf"), float("nan")])
@pytest.mark.parametrize(("name", "forward"), [("features", True), ("gradients", 0)])
def test_code_of_the_users_that_is_wrong(name, forward, factor):
    network = build(by_type(factor, forward), (4,))
    error = autocast_error(network, (4,), BFLOAT16)
    assert isinstance(error, NetworkError)
    message = f"the {name} of the backbone in torch.bfloat16 are not those in float32: "
    assert str(error).startswith(message)


def test_a_frozen_backbone_has_no_gradients_to_compare():
    network = build(by_type(1e6, False), (4,))
    network.freeze_backbone(True)
    assert autocast_error(network, (4,), BFLOAT16) is None


class Deep(nn.Sequential):
    """Rounding turns units of each layer on and off; gradients are off by a tenth."""

    def __init__(self, in_features):
        widths = [in_features, *[64] * 40]
        layers = [nn.Linear(*each, bias=False) for each in pairwise(widths)]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight)
        super().__init__(*(part for layer in layers for part in (layer, nn.ReLU())))


class Attention(nn.Module):
    # The gradient of the bias of its keys is zero but for rounding.
    def __init__(self, in_features):
        super().__init__()
        self.embed = nn.Embedding(2, 8)  # what random numbers must not leave
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x):
        return self.layer(self.embed(x.long()) + x[..., None]).mean(dim=1)


class Recurrent(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.LSTM(1, 6)

    def forward(self, x):
        return self.layer(x.T[..., None])[0][-1]


class Logarithm(Users):
    def changed(self, features):
        return features.exp().log1p()


class NotFinite(Users):
    def changed(self, features):
        return features / 0


@pytest.mark.parametrize(
    "backbone", [MLP, Users, Deep, Attention, Recurrent, Logarithm, NotFinite]
)
def test_rounding_is_no_fault(backbone):
    assert autocast_error(build(backbone, (7,)), (7,), BFLOAT16) is None


class Keeps(Users):
    """Writes into a buffer, puts another in the place of one, and has a batch norm."""

    def __init__(self, in_features):
        super().__init__(in_features)
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("count", torch.zeros(1))
        self.register_buffer("last", torch.zeros(0))

    def changed(self, features):
        self.count += 1
        self.last = features.detach().clone()
        return self.norm(features)


@pytest.mark.parametrize(
    ("backbone", "shape"), [(ResNet, (3, 2, 2)), (Keeps, (4,)), (by_type(-3, 1), (4,))]
)
def test_the_network_stays_as_it_is(backbone, shape):
    network = build(backbone, shape)
    network.backbone.eval()
    network.heads[0][0].weight.grad = torch.ones_like(network.heads[0][0].weight)
    state = {name: each.clone() for name, each in network.state_dict().items()}
    buffers = list(network.buffers())
    modes = [each.training for each in network.modules()]
    before = torch.get_rng_state()
    autocast_error(network, shape, BFLOAT16)
    assert torch.equal(torch.get_rng_state(), before)
    assert [each.training for each in network.modules()] == modes
    for one, other in zip(network.buffers(), buffers, strict=True):
        assert one is other
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name])
    grads = [each.grad for each in network.parameters() if each.grad is not None]
    assert len(grads) == 1
    assert grads[0].eq(1).all()
    assert not torch.is_autocast_enabled("cpu")


def raising(error, in_short):
    class Backbone(Users):
        tries = False

        def changed(self, features):
            if self.tries and torch.is_autocast_enabled("cpu") == in_short:
                raise error
            return features

    network = build(Backbone, (4,))
    network.backbone.tries = True
    return network


@pytest.mark.parametrize("error", [ValueError("mine"), RuntimeError("memory format")])
def test_an_error_of_the_users_code(error):
    assert autocast_error(raising(error, True), (4,), BFLOAT16) is error
    # One that does not come of the type is told where it matters.
    assert autocast_error(raising(error, False), (4,), BFLOAT16) is None


OUT_OF_MEMORY = [
    MemoryError("no more"),
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you"),
]


@pytest.mark.parametrize("in_short", [False, True])
@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda e: type(e).__name__)
def test_no_memory_is_no_answer(error, in_short):
    with pytest.raises(type(error)) as caught:
        autocast_error(raising(error, in_short), (4,), BFLOAT16)
    assert caught.value is error


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda e: type(e).__name__)
def test_no_memory_for_a_layer(monkeypatch, error):
    def no_memory(*args):
        raise error

    monkeypatch.setattr(module, "fault_of", no_memory)
    with pytest.raises(type(error)):
        autocast_error(build(MLP, (4,)), (4,), BFLOAT16)


def test_layers_in_code_have_no_name(monkeypatch):
    class Backbone(Users):
        def changed(self, features):
            return functional.linear(features, torch.ones(2, 3))

    def fault_of(call, device, dtype):
        return "is wrong" if call.shapes[1] == (2, 3) else None

    monkeypatch.setattr(module, "fault_of", fault_of)
    error = autocast_error(build(Backbone, (4,)), (4,), BFLOAT16)
    expected = (
        "a linear of a batch of shape (2, 3) with weights of shape (2, 3): is wro"
    )
    assert str(error).startswith(expected)


@pytest.mark.parametrize("dtype", [BFLOAT16, torch.float16], ids=str)
def test_an_autocast_around_it_changes_nothing(dtype):
    network = build(by_type(-3, True), (4,))
    with torch.autocast("cpu", dtype), torch.no_grad():
        error = autocast_error(network, (4,), BFLOAT16)
    assert str(error).startswith("the features of the backbone")


class NoGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("backward can only be called in training mode")


def test_layers_are_tried_where_a_backbone_has_gradients_in_training_only(monkeypatch):
    # As recurrent layers of cuDNN.
    class Backbone(Users):
        def changed(self, features):
            return NoGradient.apply(features)

    network = build(Backbone, (4,))
    assert autocast_error(network, (4,), BFLOAT16) is None
    monkeypatch.setattr(module, "fault_of", lambda call, device, dtype: "is wrong")
    error = autocast_error(network, (4,), BFLOAT16)
    assert str(error).startswith("the layer 'backbone.layer', a linear of a batch of")


def test_layers_of_heads_are_tried(monkeypatch):
    def fault_of(call, device, dtype):
        return "is wrong" if call.shapes[1] == (64, 3) else None

    monkeypatch.setattr(module, "fault_of", fault_of)
    error = autocast_error(build(Users, (4,)), (4,), BFLOAT16)
    assert str(error).startswith("the layer 'heads.0.0', a linear of a batch of shape")
