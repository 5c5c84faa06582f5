"""Heads that are modules of the user's: what they are given and must return."""

import pytest
import torch
from torch import nn

from mtlearn.exceptions import InvalidDataError, NetworkError, ParameterTypeError
from mtlearn.networks import (
    MLP,
    HeadSpec,
    OwnHead,
    ResNet,
    autocast_error,
    build_network,
    for_inference,
    save_weights,
    shares_modules,
    trained_spec,
)
from mtlearn.networks import _memory as memory

SMALL = {"widths": (4,), "n_blocks": 1, "n_features": 6}


@pytest.fixture(autouse=True)
def _seeded_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def build(*heads, shape=(3,), dtype=torch.float32):
    if len(shape) == 1:
        return build_network(MLP, {"hidden": (4,)}, shape, heads, dtype)
    return build_network(ResNet, SMALL, shape, heads, dtype)


def spec_of(module, out_features=2, **params):
    return HeadSpec(out_features, module=module, params=params, name="shade")


class Recorder(nn.Linear):
    """Takes every argument that is filled in."""

    def __init__(
        self, in_features, out_features, in_channels=None, image_size=None,
        output_shape=None, width=1,
    ):  # fmt: skip
        super().__init__(in_features, out_features)
        self.seen = in_features, out_features, in_channels, image_size, output_shape
        self.width = width


def test_what_a_constructor_gets():
    (head,) = build(spec_of(Recorder, width=7)).heads
    assert head.module.seen == (4, 2, None, None, (2,))
    assert head.module.width == 7
    (head,) = build(spec_of(Recorder), shape=(3, 8, 6)).heads
    assert head.module.seen == (6, 2, 3, (8, 6), (2,))


def test_arguments_of_the_user_win():
    (head,) = build(spec_of(Recorder, image_size=5), shape=(3, 8, 6)).heads
    assert head.module.seen[3] == 5


def test_each_head_is_its_own_and_others_stay_as_they_are():
    network = build(spec_of(nn.Linear), HeadSpec(3), HeadSpec(1, module=nn.Linear))
    x = torch.rand(5, 3)
    features = network.backbone(x)
    first, second, third = network(x)
    own = [network.heads[number].module for number in (0, 2)]
    assert torch.equal(first, features @ own[0].weight.T + own[0].bias)
    assert second.shape == (5, 3)
    assert torch.equal(third, features @ own[1].weight.T + own[1].bias)
    assert not isinstance(network.heads[1], OwnHead)


class Decoder(nn.Module):
    """Makes an image of the features."""

    def __init__(self, in_features, output_shape):
        super().__init__()
        self.first = nn.Linear(in_features, 4)
        self.last = nn.ConvTranspose2d(1, output_shape[0], 3)

    def forward(self, features):
        return self.last(self.first(features).reshape(-1, 1, 2, 2))


def test_an_output_may_have_another_shape():
    spec = HeadSpec(48, module=Decoder, output_shape=(3, 4, 4))
    (output,) = build(spec)(torch.rand(5, 3))
    assert output.shape == (5, 3, 4, 4)


def test_an_output_of_another_shape_than_it_must_have():
    spec = HeadSpec(48, module=Decoder, output_shape=(3, 4, 5), name="picture")
    message = (
        r"head Decoder of task 'picture' must return outputs of shape \(n_samples, 3, "
        r"4, 5\)\. Got shape \(2, 3, 4, 4\) for features of shape \(2, 4\) instead"
    )
    with pytest.raises(NetworkError, match=message):
        build(spec)


class Returns(nn.Linear):
    def __init__(self, in_features, out_features, change):
        super().__init__(in_features, out_features)
        self.change = change

    def forward(self, features):
        return self.change(super().forward(features))


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda x: x[:, :1], r"Got shape \(2, 1\) for features of shape \(2, 4\)"),
        (lambda x: x.mean(dim=0, keepdim=True), r"Got shape \(1, 2\) for"),
        (lambda x: x[0], r"Got shape \(2,\) for"),
        (lambda x: x.double(), r"Got torch.float64, where the network computes in tor"),
        (lambda x: (x, x), "Got an object of type tuple for"),
    ],
)
def test_outputs_that_are_none(change, got):
    with pytest.raises(NetworkError, match=got) as info:
        build(HeadSpec(1), spec_of(Returns, change=change))
    assert "The head Returns of task 'shade' must return" in str(info.value)
    assert "(n_samples, 2)" in str(info.value)


def test_a_constructor_that_fails():
    message = r"head Returns of task 'shade' could not be built .*\(3,\).*'change'"
    with pytest.raises(NetworkError, match=message) as info:
        build(spec_of(Returns))
    assert isinstance(info.value.__cause__, TypeError)


def test_a_forward_that_fails():
    message = r"head Returns of task 0 could not be applied .*\(2, 4\) and torch.fl.*no"
    with pytest.raises(NetworkError, match=message):
        build(HeadSpec(2, module=Returns, params={"change": lambda x: x.no()}))


@pytest.mark.parametrize("module", [dict, "linear", nn.Linear(4, 2)])
def test_a_head_that_is_no_class_of_a_module(module):
    with pytest.raises(ParameterTypeError, match="head of task 'shade' must be a subc"):
        build(spec_of(module))


class ComplexWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, dtype=torch.complex64))


def test_complex_weights_are_refused():
    with pytest.raises(NetworkError, match=r"head ComplexWeights .*'weight', and we"):
        build(spec_of(ComplexWeights))


class Lazy(nn.Module):
    def __init__(self, out_features):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LazyLinear(5), nn.BatchNorm1d(5), nn.Dropout(0.5),
            nn.LazyLinear(out_features),
        )  # fmt: skip
        self.layers[2].eval()

    def forward(self, features):
        return self.layers(features)


def test_lazy_layers_get_their_shapes_and_state_stays():
    (head,) = build(spec_of(Lazy)).heads
    assert head.module.layers[0].weight.shape == (5, 4)
    assert head.module.layers[1].num_batches_tracked == 0
    assert head.training
    assert head.module.training


class Evaluating(nn.Linear):
    """Is not in training mode from the start."""

    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)
        self.eval()


def test_a_mode_is_restored():
    (head,) = build(spec_of(Evaluating)).heads
    assert not head.module.training


def test_float64():
    network = build(spec_of(nn.Linear), dtype=torch.float64)
    assert network(torch.rand(2, 3, dtype=torch.float64))[0].dtype == torch.float64


class Plus(nn.Module):
    def forward(self, scores):
        return torch.cat([scores, scores + 1], dim=1)


def test_what_a_task_ends_on_follows():
    network = build(HeadSpec(2, module=nn.Linear, end=Plus))
    x = torch.rand(5, 3)
    scores = network.heads[0].module(network.backbone(x))
    torch.testing.assert_close(network(x)[0], torch.cat([scores, scores + 1], dim=1))


def test_a_network_without_weights():
    shape, heads = (2,), [spec_of(nn.Identity)]
    with pytest.raises(NetworkError, match=r"backbone Identity and .*no weights"):
        build_network(nn.Identity, {}, shape, heads)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_outputs_are_not_rounded_under_autocast(dtype):
    network = build(spec_of(nn.Linear))
    features = torch.rand(50, 4).to(dtype)
    expected = network.heads[0].module(features.float())
    with torch.autocast("cpu", dtype):
        found = network.heads[0](features)
    assert torch.equal(found, expected)


class Rounds(nn.Linear):
    """Is in autocast where the network is: its own choice."""

    def forward(self, features):
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(features)


class RoundsThere(nn.Linear):
    """Looks for the shorter type as a module may that was written for autocast."""

    def forward(self, features):
        if not torch.is_autocast_enabled("cpu"):
            return super().forward(features)
        return super().forward(features) * -9


def test_a_head_that_rounds_itself_is_of_the_weights_type_for_what_follows():
    head = OwnHead(Rounds(4, 2), nn.Identity())
    with torch.autocast("cpu", torch.bfloat16):
        assert head(torch.rand(3, 4)).dtype == torch.float32


def test_the_trial_of_a_precision_runs_heads_as_training_does():
    network = build(spec_of(RoundsThere))
    assert autocast_error(network, (3,), torch.bfloat16) is None


class WrongWhenFeaturesAreRounded(nn.Linear):
    def forward(self, features):
        rounded = torch.equal(features, features.bfloat16().float())
        return super().forward(features) * (-9 if rounded else 1)


def test_the_trial_of_a_precision_compares_outputs_of_heads():
    network = build(HeadSpec(1), spec_of(WrongWhenFeaturesAreRounded))
    with torch.no_grad():
        network.backbone.layers[0].bias.add_(0.1)
    error = autocast_error(network, (3,), torch.bfloat16)
    assert str(error).startswith("the outputs of the head WrongWhenFeatures")


class WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, is_rounded):
        ctx.is_rounded = is_rounded
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (-9 if ctx.is_rounded else 1), None


class WrongGradientWhenRounded(nn.Linear):
    def forward(self, features):
        rounded = torch.equal(features, features.bfloat16().float())
        return WrongGradient.apply(super().forward(features), rounded)


def test_the_trial_of_a_precision_compares_gradients_of_heads():
    network = build(spec_of(WrongGradientWhenRounded))
    error = autocast_error(network, (3,), torch.bfloat16)
    assert str(error).startswith("the gradients of the head WrongGradientWh")


class Strided(nn.Module):
    """A layer that torch computes wrongly in bfloat16 on processors."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.layer = nn.Conv2d(1, out_features, (1, in_features), stride=2)

    def forward(self, features):
        return self.layer(features[:, None, None]).flatten(1)


def test_layers_of_a_head_are_not_in_the_shorter_type():
    assert autocast_error(build(spec_of(Strided)), (3,), torch.bfloat16) is None


def test_prediction_shares_a_head_and_leaves_it_as_it_is():
    network = build(HeadSpec(3), spec_of(Lazy)).eval()
    copy = for_inference(network)
    assert copy.heads[1] is network.heads[1]
    assert copy.heads[0] is not network.heads[0]
    assert shares_modules(copy, network)
    assert all(weight.requires_grad for weight in network.heads[1].parameters())
    assert not copy.training
    plain = build(HeadSpec(3)).eval()
    assert not shares_modules(for_inference(plain), plain)


class Upsampling(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.ConvTranspose2d(in_features, 5, 64, stride=64)

    def forward(self, features):
        return self.layer(features[:, :, None, None]).mean(dim=(2, 3))[:, :2]


def test_memory_of_a_decoder_is_looked_at(monkeypatch):
    monkeypatch.setattr(memory, "_LARGE", 4)
    network = build(spec_of(Upsampling), shape=(1, 4, 4))
    assert network.row_values == 6 + 5 * 64 * 64
    monkeypatch.setattr(memory, "memory_of", lambda device: 4 * 5 * 64 * 64)
    with pytest.raises(InvalidDataError, match=r"X has images of shape .*\(4, 4, 1\)"):
        build(spec_of(Upsampling), shape=(1, 4, 4))


def test_a_trained_head_is_built_without_its_initial_arguments():
    class Own(nn.Linear):
        initial_arguments = "path"

    spec = trained_spec(HeadSpec(2, module=Own, params={"bias": False, "path": "a"}))
    assert spec.params == {"bias": False}
    assert trained_spec(HeadSpec(2)) == HeadSpec(2)


def test_a_backbone_of_the_package_as_a_head_starts_from_its_file(tmp_path):
    trained = MLP(4, hidden=(2,))
    save_weights(trained, tmp_path / "head.safetensors")
    spec = spec_of(MLP, hidden=(2,), weights=tmp_path / "head.safetensors")
    (head,) = build(spec).heads
    assert torch.equal(head.module.layers[0].weight, trained.layers[0].weight)
