"""Members with shared weights, against each member by hand."""

import pytest
import torch

from mtlearn.exceptions import InvalidParameterError, NetworkError
from mtlearn.networks import (
    MLP,
    Features,
    HeadSpec,
    TabM,
    build_network,
    for_inference,
    load_weights,
    save_weights,
)

X = torch.arange(12.0).reshape(4, 3) / 6 - 1
SMALL = {"n_members": 3, "hidden": (5, 4), "n_bins": 4, "width": 2}


def drawn(adapters, dropout=0.0):
    """Make one whose weights all differ from where they begin."""
    torch.manual_seed(0)
    backbone = TabM(3, adapters=adapters, dropout=dropout, **SMALL)
    with torch.no_grad():
        for weight in backbone.parameters():
            weight.normal_()
    return backbone


def member_by_hand(backbone, x, j):
    """Compute the features of a member with weights that are its own."""
    x = backbone.columns(x) * backbone.inputs[j].repeat_interleave(2)
    for layer in backbone.layers:
        if layer.inputs is not None:
            x = x * layer.inputs[j]
        x = x @ layer.weight.T
        if layer.factors is not None:
            x = x * layer.factors[j]
        x = (x + (layer.bias[j] if layer.bias.ndim == 2 else layer.bias)).clamp(min=0)
    return x * backbone.outputs[j]


@pytest.mark.parametrize("adapters", ["first", "all"])
def test_features_are_those_of_each_member(adapters):
    backbone = drawn(adapters)
    found = backbone(X)
    assert found.shape == (4, 3, 4)
    for j in range(3):
        expected = member_by_hand(backbone, X, j)
        torch.testing.assert_close(found[:, j], expected, rtol=1e-4, atol=1e-5)


def test_what_members_have_of_their_own():
    own = {name for name, each in drawn("first").named_parameters() if len(each) == 3}
    assert own - {"columns.slopes", "columns.biases", "columns.pieces"} == {
        "inputs",
        "outputs",
    }
    layers = drawn("all").layers
    assert [set(dict(each.named_parameters())) for each in layers] == [
        {"weight", "bias", "factors"},
        {"weight", "bias", "factors", "inputs"},
    ]
    assert [tuple(each.bias.shape) for each in layers] == [(3, 5), (3, 4)]


def test_members_begin_apart():
    torch.manual_seed(0)
    backbone = TabM(3, **SMALL)
    assert set(backbone.outputs.unique().tolist()) == {-1.0, 1.0}
    assert len(backbone.inputs.unique()) == 9


def test_dropout_is_of_training():
    backbone = drawn("first", dropout=0.5)
    assert not torch.equal(backbone(X), backbone(X))
    backbone.eval()
    torch.testing.assert_close(backbone(X), drawn("first")(X))


def network_of(backbone=TabM, params=SMALL, **spec):
    torch.manual_seed(0)
    heads = [HeadSpec(2, hidden=(), **spec), HeadSpec(1, hidden=(3,), dropout=0.0)]
    return build_network(backbone, params, (3,), heads)


def test_a_row_of_each_member_in_training_and_their_mean_in_prediction():
    network = network_of(mean=lambda outputs: outputs.amax(dim=1))
    network.backbone.dropout.p = 0.0
    network.heads[1].eval()  # its batch norm
    features = network.features(X)
    of_members = network.outputs(features)
    network.eval()
    for number, head in enumerate(network.heads):
        assert len(of_members[number]) == 12
        by_hand = torch.stack([head(features[:, j]) for j in range(3)], dim=1)
        expected = by_hand.amax(dim=1) if number == 0 else by_hand.mean(dim=1)
        if number == 0:
            rows = of_members[number].reshape(4, 3, -1)
            torch.testing.assert_close(rows, by_hand)
        torch.testing.assert_close(network(X)[number], expected)
        torch.testing.assert_close(network.outputs(features, [number])[0], expected)
        torch.testing.assert_close(for_inference(network)(X)[number], expected)


def test_a_file_of_weights_holds_the_bins(tmp_path):
    backbone = drawn("all")
    backbone.fit_inputs(X)
    save_weights(backbone, tmp_path / "tabm.safetensors")
    again = TabM(3, adapters="all", dropout=0.0, **SMALL)
    assert not torch.equal(again(X), backbone(X))
    load_weights(again, tmp_path / "tabm.safetensors")
    assert torch.equal(again.columns.edges, backbone.columns.edges)
    torch.testing.assert_close(again(X), backbone(X))
    path = tmp_path / "tabm.safetensors"
    given = TabM(3, adapters="all", dropout=0.0, weights=path, **SMALL)
    torch.testing.assert_close(given(X), backbone(X))


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"hidden": ()}, r"'hidden' parameter of TabM must have a width .* Got \(\)"),
        ({"adapters": "none"}, "'adapters' .* must be 'first' or 'all'. Got 'none'"),
        ({"n_members": 0}, "'n_members' parameter of TabM must be 1 or more. Got 0"),
        ({"n_bins": 0}, "'n_bins' parameter of TabM must be 1 or more. Got 0"),
        ({"width": -1}, "'width' parameter of TabM must be 1 or more. Got -1"),
    ],
)
def test_sizes_that_make_no_network(params, match):
    with pytest.raises(InvalidParameterError, match=match):
        TabM(3, **params)


class Twins(MLP):
    """Two members that are alike."""

    n_members = 2

    def forward(self, x):
        return super().forward(x).unsqueeze(1).expand(-1, 2, -1)


class Mapped(Twins):
    def forward(self, x):
        found = super().forward(x)
        return Features(found, found[..., None, None])


class Forgets(Twins):
    def forward(self, x):
        return super().forward(x)[:, 0]


def test_any_backbone_may_have_members():
    for cls in (Twins, Mapped):
        network = network_of(cls, {"hidden": (4,)}).eval()
        one = network_of(MLP, {"hidden": (4,)}).eval()
        one.load_state_dict(network.state_dict())
        for found, expected in zip(network(X), one(X), strict=True):
            torch.testing.assert_close(found, expected)


def test_a_backbone_that_does_not_return_its_members():
    with pytest.raises(NetworkError, match=r"n_members=2, n_features\), .* Got shape"):
        network_of(Forgets, {"hidden": (4,)})
