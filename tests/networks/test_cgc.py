"""Experts and gates, against the same by hand."""

import pytest
import torch

from mtlearn import Partial
from mtlearn.exceptions import InvalidParameterError, NetworkError
from mtlearn.networks import (
    CGC,
    MLP,
    HeadSpec,
    ResNet,
    build_network,
    for_inference,
    load_weights,
    save_weights,
)
from tiny_problems import make_table, table_estimator

X = torch.arange(12.0).reshape(4, 3) / 6 - 1


def dense(layers, x):
    """Compute layers by hand: linear ones, each with a ReLU behind it."""
    for layer in layers:
        if isinstance(layer, torch.nn.Linear):
            x = (x @ layer.weight.T + layer.bias).clamp(min=0)
    return x


def by_hand(backbone, x, task):
    experts = [*backbone.own[task], *backbone.shared]
    found = [dense(expert, x) for expert in experts]
    scores = x @ backbone.mixers[task].weight.T + backbone.mixers[task].bias
    gate = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
    return sum(gate[:, [k]] * each for k, each in enumerate(found)), gate


@pytest.mark.parametrize(("n_own", "n_shared"), [(1, 3), (0, 2), (2, 0)])
def test_features_are_the_experts_mean_by_the_gate(n_own, n_shared):
    torch.manual_seed(0)
    backbone = CGC(2, 3, hidden=(5, 4), n_own=n_own, n_shared=n_shared)
    features, gates = backbone(X), backbone.gate_weights(X)
    assert len(features) == len(gates) == 2
    for task in range(2):
        expected, gate = by_hand(backbone, X, task)
        torch.testing.assert_close(features[task], expected)
        torch.testing.assert_close(gates[task], gate)
    assert not torch.equal(features[0], features[1])
    names = [f"own {k + 1}" for k in range(n_own)]
    assert backbone.experts == (*names, *[f"shared {k + 1}" for k in range(n_shared)])


def test_an_own_expert_learns_from_its_task_alone():
    torch.manual_seed(0)
    backbone = CGC(2, 3, hidden=(4,), n_own=1, n_shared=1)
    backbone(X)[0].sum().backward()
    assert backbone.own[1][0][0].weight.grad is None
    for part in (backbone.own[0][0], backbone.shared[0]):
        assert part[0].weight.grad.abs().sum() > 0
    assert backbone.mixers[0].weight.grad.abs().sum() > 0
    assert backbone.mixers[1].weight.grad is None


def test_the_trunk_and_shared_experts_are_shared():
    backbone = CGC(2, 3, trunk="mlp", trunk_params={"hidden": (6,)}, n_shared=2)
    network = build_network(
        CGC,
        {"trunk": "mlp", "trunk_params": {"hidden": (6,)}, "n_shared": 2},
        (3,),
        [HeadSpec(2), HeadSpec(1)],
    )
    assert set(network.shared_parameters()) == {
        f"{name}.{kind}"
        for name in ("trunk.layers.0", "shared.0.0", "shared.1.0")
        for kind in ("weight", "bias")
    }
    assert network.per_task
    found = backbone.trunk(X)
    torch.testing.assert_close(backbone(X)[1], by_hand(backbone, found, 1)[0])


def test_images_have_a_residual_trunk():
    params = {"trunk_params": {"widths": (4,), "n_blocks": 1, "n_features": 6}}
    network = build_network(CGC, params, (2, 8, 8), [HeadSpec(2), HeadSpec(1)])
    assert isinstance(network.backbone.trunk, ResNet)
    network.eval()
    x = torch.rand(3, 2, 8, 8)
    copy = for_inference(network)
    for one, other in zip(network(x), copy(x), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(network.gate_weights(x), copy.gate_weights(x), strict=True):
        torch.testing.assert_close(one, other)


def test_weights_in_a_file(tmp_path):
    trained, other = (CGC(2, 3, hidden=(4,)) for _ in range(2))
    save_weights(trained, tmp_path / "cgc.safetensors")
    load_weights(other, tmp_path / "cgc.safetensors")
    begun = CGC(2, 3, hidden=(4,), weights=tmp_path / "cgc.safetensors")
    for found in (other, begun):
        torch.testing.assert_close(found(X), trained(X), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden": ()}, r"'hidden' parameter of CGC must .* Got \(\) instead"),
        ({"n_shared": 0, "n_own": 0}, "'n_shared' and 'n_own' .* Got 0 and 0"),
        ({"n_shared": -1}, "'n_shared' and 'n_own' .* Got -1 and 1"),
        ({"trunk": "resent"}, "'trunk' .* 'resnet_v2'. Got 'resent' .* 'resnet'"),
        ({"trunk": MLP}, "'trunk' parameter of CGC must be None or one of"),
        ({"trunk_params": {"hidden": (3,)}}, "needs a trunk, such as trunk='mlp'"),
        ({"trunk": "mlp", "trunk_params": {"weights": "a"}}, "takes no 'weights'"),
    ],
)
def test_what_is_wrong_is_named(params, message):
    with pytest.raises(InvalidParameterError, match=message):
        CGC(2, 3, **params)


def test_an_estimator_names_it_too():
    X, y = make_table(20)
    estimator = table_estimator(backbone=Partial(CGC, n_shared=0, n_own=0))
    with pytest.raises(NetworkError, match="'n_shared' and 'n_own' parameters of CGC"):
        estimator.fit(X, y)
    estimator.set_params(backbone="cgc").fit(X, y)
    assert isinstance(estimator.net_.module_.backbone, CGC)
