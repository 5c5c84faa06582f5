"""The network for prediction: batch norms folded, the original untouched."""

from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mtlearn.networks import (
    MLP,
    DropBlock2d,
    HeadSpec,
    MultiTaskNetwork,
    ResNet,
    ResNetV2,
    build_network,
    fingerprint,
    for_inference,
    make_head,
)

RESNET = {"widths": (4, 6), "n_blocks": (1, 2), "n_features": 5}
HEADS = [HeadSpec(3, hidden=(7, 4)), HeadSpec(1, hidden=()), HeadSpec(2, dropout=0.0)]


class Own(nn.Module):
    """A backbone of the user's, with a layer that only looks like a chain."""

    def __init__(self, in_features):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(in_features, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)
        )

    def forward(self, x):
        return self.layers(x) + self.layers[0](x)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def randomize(network):
    """Give batch norms statistics and weights that do something."""
    for part in network.modules():
        if isinstance(part, _BatchNorm):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.2, 3.0)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return network


def image_network(batch_norm=True, backbone=ResNet, **params):
    heads = [HeadSpec(h.out_features, h.hidden, batch_norm=batch_norm) for h in HEADS]
    params = {**RESNET, "batch_norm": batch_norm, **params}
    network = build_network(backbone, params, (3, 6, 5), heads, torch.float64)
    return randomize(network).eval(), torch.rand(9, 3, 6, 5, dtype=torch.float64)


def table_network(batch_norm=True, backbone=MLP, **params):
    heads = [HeadSpec(h.out_features, h.hidden, batch_norm=batch_norm) for h in HEADS]
    if backbone is MLP:
        params = {"hidden": (8, 5), "dropout": 0.3, "batch_norm": batch_norm, **params}
    network = build_network(backbone, params, (4,), heads, torch.float64)
    return randomize(network).eval(), torch.randn(9, 4, dtype=torch.float64)


def modules_of(network, kinds):
    return [part for part in network.modules() if isinstance(part, kinds)]


EVERY = {
    "resnet": image_network,
    "resnet, no norm": partial(image_network, batch_norm=False),
    "resnet, no dropout": partial(image_network, dropout=0.0),
    "resnet, se": partial(image_network, attention="se"),
    "resnet, cbam": partial(image_network, attention="cbam"),
    "resnet, drop block": partial(image_network, drop_block=0.2),
    "mlp": table_network,
    "mlp, no norm": partial(table_network, batch_norm=False),
    "mlp, no layer": partial(table_network, hidden=()),
    "own": partial(table_network, backbone=Own),
}
every = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
second = partial(image_network, backbone=ResNetV2)
SECOND = {
    "plain": second,
    "not separable": partial(second, separable=False),
    "no norm": partial(second, batch_norm=False),
    "se": partial(second, attention="se"),
    "cbam, drop block": partial(second, attention="cbam", drop_block=0.2),
}


@every
def test_it_predicts_the_same(make):
    network, x = make()
    folded = for_inference(network)
    torch.testing.assert_close(
        folded.features(x), network.features(x), rtol=1e-10, atol=1e-10
    )
    for one, other in zip(folded(x), network(x), strict=True):
        assert other.std() > 0
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@every
def test_no_batch_norm_and_no_dropout_is_left(make):
    network, _ = make()
    folded = for_inference(network)
    ours = [folded.heads]
    if type(network.backbone) is not Own:
        ours.append(folded.backbone)
    for part in ours:
        kinds = (_BatchNorm, nn.Dropout, DropBlock2d, nn.Identity)
        assert modules_of(part, kinds) == []
        assert not any(weight.requires_grad for weight in part.parameters())
    kinds = (nn.Linear, nn.Conv2d)
    assert len(modules_of(folded, kinds)) == len(modules_of(network, kinds))
    assert not any(part.training for part in folded.modules())


@pytest.mark.parametrize("make", SECOND.values(), ids=SECOND)
def test_norms_behind_additions_are_left(make):
    network, x = make()
    folded = for_inference(network)
    blocks = [block for stage in folded.backbone.stages for block in stage]
    norms = modules_of(folded, _BatchNorm)
    before = modules_of(network.backbone, nn.BatchNorm2d)
    assert len(norms) == (len(blocks) + 1 if before else 0)
    assert modules_of(folded, (nn.Dropout, DropBlock2d, nn.Identity)) == []
    for one, other in zip(folded(x), network(x), strict=True):
        assert other.std() > 0
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@every
def test_the_original_is_untouched(make):
    network, x = make()
    text, outputs = repr(network), network(x)
    before = deepcopy(network.state_dict())
    folded = for_inference(network, torch.bfloat16)
    with torch.no_grad():
        for weight in folded.heads.parameters():
            weight.fill_(7)
    assert repr(network) == text
    assert network.state_dict().keys() == before.keys()
    for name, value in network.state_dict().items():
        assert value.dtype == before[name].dtype
        assert value.equal(before[name]), name
    assert all(weight.requires_grad for weight in network.parameters())
    for one, other in zip(network(x), outputs, strict=True):
        assert one.equal(other)


def test_the_memory_format_stays():
    network, x = image_network()
    folded, seen = for_inference(network), []
    assert folded.memory_format is network.memory_format is torch.channels_last
    for layer in modules_of(folded, nn.Conv2d):
        layer.register_forward_hook(lambda *args: seen.append(args[-1]))
    folded(x)
    assert len(seen) == len(modules_of(network, nn.Conv2d))
    for output in seen:
        assert output.is_contiguous(memory_format=torch.channels_last)


def test_a_backbone_of_the_users_is_shared():
    network, _ = table_network(backbone=Own)
    before = deepcopy(network.backbone.state_dict())
    folded = for_inference(network, torch.bfloat16)
    assert folded.backbone is network.backbone
    assert len(modules_of(folded.backbone, nn.BatchNorm1d)) == 1
    for name, value in folded.backbone.state_dict().items():
        assert value.dtype == before[name].dtype
        assert value.equal(before[name])
    assert modules_of(folded.heads, _BatchNorm) == []
    for head in folded.heads:
        hidden = modules_of(head[:-1], nn.Linear)
        assert {layer.weight.dtype for layer in hidden} <= {torch.bfloat16}
        assert head[-1].weight.dtype == torch.float64


def test_a_subclass_of_ours_is_the_users():
    class Wider(MLP):
        def forward(self, x):
            return 2 * super().forward(x)

    backbone = randomize(Wider(4, hidden=(3,), batch_norm=True))
    network = MultiTaskNetwork(backbone, [make_head(3, 1)]).eval()
    folded = for_inference(network)
    x = torch.randn(5, 4)
    assert folded.backbone is backbone
    torch.testing.assert_close(folded(x)[0], network(x)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_modes_of_the_original_stay(training):
    for backbone in (MLP, Own):
        network, _ = table_network(backbone=backbone)
        network.train(training)
        for_inference(network)
        assert all(part.training is training for part in network.modules())


def assert_close_in_bfloat16(folded, network, x):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        outputs = folded(x)
    for one, other in zip(outputs, network(x), strict=True):
        scale = other.abs().max().item()
        torch.testing.assert_close(one.float(), other, rtol=0, atol=0.1 * scale)


@pytest.mark.parametrize("make", [image_network, table_network])
def test_weights_are_cast_where_a_type_is_given(make):
    network, x = make()
    network, x = network.float(), x.float()
    folded = for_inference(network, torch.bfloat16)
    layers = modules_of(folded, (nn.Linear, nn.Conv2d))
    last = [head[-1] for head in folded.heads]
    short = [layer for layer in layers if layer not in last]
    assert {layer.weight.dtype for layer in short} == {torch.bfloat16}
    assert {layer.weight.dtype for layer in last} == {torch.float32}
    assert len(layers) == len(modules_of(network, (nn.Linear, nn.Conv2d)))
    assert_close_in_bfloat16(folded, network, x)


@pytest.mark.parametrize("attention", ["se", "cbam"])
@pytest.mark.parametrize("backbone", [ResNet, ResNetV2])
def test_weights_of_attention_are_cast(backbone, attention):
    network, x = image_network(backbone=backbone, attention=attention)
    network, x = network.float(), x.float()
    folded = for_inference(network, torch.bfloat16)
    layers = modules_of(folded, (nn.Linear, nn.Conv2d))
    shared = modules_of(folded.backbone, (nn.Linear, nn.Conv2d))
    assert {layer.weight.dtype for layer in shared} == {torch.bfloat16}
    assert len(layers) == len(modules_of(network, (nn.Linear, nn.Conv2d)))
    assert_close_in_bfloat16(folded, network, x)


def test_a_head_of_another_kind_is_copied():
    class Double(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, x):
            return 2 * self.layer(x)

    network = MultiTaskNetwork(MLP(4, hidden=(3,)), [Double(), nn.Identity()]).eval()
    folded, x = for_inference(network), torch.randn(5, 4)
    assert folded.heads[0] is not network.heads[0]
    for one, other in zip(folded(x), network(x), strict=True):
        torch.testing.assert_close(one, other)


def test_a_batch_norm_without_statistics_is_left():
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    head = nn.Sequential(nn.Linear(3, 4), norm, nn.Linear(4, 1))
    network = MultiTaskNetwork(MLP(4, hidden=(3,)), [head]).eval()
    folded, x = for_inference(network), torch.randn(5, 4)
    assert len(modules_of(folded, nn.BatchNorm1d)) == 1
    torch.testing.assert_close(folded(x)[0], network(x)[0])


def test_a_fingerprint_stays_while_nothing_changes():
    network, x = table_network()
    before = fingerprint(network)
    network(x)
    network.eval()
    for_inference(network)
    assert fingerprint(network).is_same(before)
    assert not fingerprint(deepcopy(network)).is_same(before)


@pytest.mark.parametrize("name", ["backbone.layers.0.weight", "heads.0.1.running_var"])
def test_a_fingerprint_changes_with_a_tensor(name):
    network, _ = table_network()
    before = fingerprint(network)
    with torch.no_grad():
        network.state_dict(keep_vars=True)[name].add_(0.1)
    assert not fingerprint(network).is_same(before)


def test_a_fingerprint_changes_with_a_part():
    network, _ = table_network()
    before = fingerprint(network)
    network.backbone.layers[2] = nn.Tanh().eval()
    assert not fingerprint(network).is_same(before)
    network.backbone.layers.append(nn.Identity().eval())
    assert not fingerprint(network).is_same(before)


def test_a_fingerprint_changes_with_training():
    network, _ = table_network()
    before = fingerprint(network)
    network.train().eval()
    assert not fingerprint(network).is_same(before)


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part.train(),
        lambda part: part.register_forward_hook(print),
        lambda part: part.register_forward_pre_hook(print),
    ],
    ids=["training mode", "hook", "pre-hook"],
)
def test_no_copy_does_the_same(change):
    for path in ("backbone.layers.2", "heads.0", ""):
        network, _ = table_network()
        assert fingerprint(network) is not None
        change(network.get_submodule(path))
        assert fingerprint(network) is None
