"""Columns with categories and missing values, by hand and against scikit-learn."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import (
    MLP,
    BackboneOfEach,
    ColumnEncoder,
    HeadSpec,
    PiecewiseLinear,
    TabM,
    build_network,
    for_inference,
)

NAN = torch.nan
# Numbers, three categories, numbers that may be missing, two that may be.
COUNTS, GAPS = (0, 3, 0, 2), (False, False, True, True)
COLUMNS = {"n_categories": COUNTS, "has_missing": GAPS}
X = torch.tensor(
    [
        [0.5, 2.0, 1.0, 0.0],
        [-1.0, 0.0, NAN, 1.0],
        [2.0, 1.0, 4.0, NAN],
        [3.0, 0.0, 7.0, 1.0],
    ]
)
SMALL = {"n_members": 3, "hidden": (5,), "n_bins": 2, "width": 2, "dropout": 0.0}


def test_numbers_are_those_of_an_imputer_and_of_a_one_hot_encoder():
    encoder = ColumnEncoder(COUNTS, GAPS).double()
    encoder.fit_inputs(X.double())
    known = OneHotEncoder(
        categories=[[0, 1, 2], [0, 1]], handle_unknown="ignore", sparse_output=False
    )
    expected = make_column_transformer(
        (SimpleImputer(add_indicator=True), [0, 2]), (known, [1, 3])
    ).fit_transform(X.numpy().astype(np.float64))
    found = encoder(X.double()).numpy()
    assert encoder.n_features == found.shape[1] == 9
    # Beside it, where the category of the last column is missing.
    assert_allclose(found[:, [0, 1, 2, 4, 5, 6, 7, 8]], expected)
    assert_allclose(found[:, 3], [0, 0, 1, 0])


def test_what_was_not_there_has_no_column():
    encoder = ColumnEncoder((2, 0), (False, True))
    encoder.fit_inputs(torch.tensor([[1.0, NAN], [0.0, NAN]]))
    rows = torch.tensor([[NAN, NAN], [2.0, 3.0], [-1.0, 3.0], [0.5, 3.0], [1.0, 3.0]])
    expected = [[0, 1, 0, 0], *[[3, 0, 0, 0]] * 3, [3, 0, 0, 1]]
    assert_allclose(encoder(rows), expected)
    assert list(encoder.state_dict()) == ["center"]


@pytest.mark.parametrize(
    ("counts", "gaps", "match"),
    [
        ((0, 2), (True,), "'has_missing' .* ColumnEncoder .* each of 2 columns. Got 1"),
        ((-1,), (False,), "'n_categories' .* ColumnEncoder .* 0 or more .* Got -1"),
    ],
)
def test_columns_that_there_are_not(counts, gaps, match):
    with pytest.raises(InvalidParameterError, match=match):
        ColumnEncoder(counts, gaps)
    with pytest.raises(InvalidParameterError, match=r"'n_categories' .* TabM .* Got 1"):
        TabM(3, n_categories=(2,))


def filled(backbone):
    """Give every weight a value of its own, that of categories not seen too."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in backbone.parameters():
            weight.normal_()
    return backbone


def test_missing_numbers_have_a_vector_of_their_own():
    torch.manual_seed(0)
    layer = PiecewiseLinear(2, n_bins=2, width=3, has_missing=(False, True))
    begun = layer.missing.clone()
    layer.fit_inputs(X[:, [0, 2]])
    # Bins, mean and deviation are those of the values that there are: 1, 4 and 7.
    assert_allclose(layer.edges[1], [1, 4, 7])
    assert_allclose([layer.center[1], layer.scale[1]], [4, 6**0.5], rtol=1e-6)
    assert torch.equal(layer.missing[1], begun[1])
    assert not layer.missing[0].any()
    filled(layer)
    found = layer(X[:, [0, 2]])
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert_allclose(found[1, 3:].detach(), (layer.biases + layer.missing)[1].detach())
    assert all(torch.isfinite(each.grad).all() for each in layer.parameters())
    # Of one row alone, and no gradient of what has no part in it.
    assert_allclose(layer.missing.grad, [[0, 0, 0], [1, 1, 1]])
    plain = PiecewiseLinear(2, n_bins=2, width=3)
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if k[0] != "m"})
    assert torch.equal(plain(X[[0, 2, 3]][:, [0, 2]]), found[[0, 2, 3]])


def test_a_column_without_a_value():
    layer = PiecewiseLinear(1, n_bins=2, width=2, has_missing=(True,))
    layer.fit_inputs(torch.full((3, 1), NAN))
    assert torch.isfinite(layer(torch.tensor([[NAN], [2.0]]))).all()
    assert_allclose([layer.center.item(), layer.scale.item()], [0, 1])
    assert layer(torch.zeros(3, 1)).shape == (3, layer.n_features)


def test_categories_have_vectors():
    torch.manual_seed(0)
    backbone = TabM(4, **COLUMNS, **SMALL)
    backbone.fit_inputs(X)
    table = backbone.categories.vectors
    assert table.shape == (3 + 1 + 2 + 1, 2)
    # Of the first column, none is missing.
    assert table.ne(0).all(dim=1).tolist() == [True] * 3 + [False] + [True] * 3
    filled(backbone)
    rows = torch.cat([X, torch.tensor([[0.0, NAN, 0.0, 7.0], [0.0, -3.0, 0.0, 0.0]])])
    found = backbone._vectors(rows).reshape(6, 4, 2)
    places = [[2, 4], [0, 5], [1, 6], [0, 5], [3, 6], [3, 4]]
    assert torch.equal(found[:, 2:], table[torch.tensor(places)])
    assert torch.equal(found[:, :2].flatten(1), backbone.columns(rows[:, [0, 2]]))


def test_categories_alone_and_what_a_column_of_numbers_begins_with():
    torch.manual_seed(0)
    backbone = TabM(2, n_categories=(2, 3), **SMALL)
    backbone.fit_inputs(X[:, [3, 1]])
    assert backbone(X[:, [3, 1]]).shape == (4, 3, 5)
    torch.manual_seed(0)
    plain = TabM(2, **SMALL)
    torch.manual_seed(0)
    same = TabM(2, n_categories=(0, 0), has_missing=(False, False), **SMALL)
    for name, value in plain.state_dict().items():
        assert torch.equal(same.state_dict()[name], value)
    assert same.state_dict().keys() == plain.state_dict().keys()


def network_of(cls, /, **params):
    torch.manual_seed(0)
    heads = [HeadSpec(2, hidden=()), HeadSpec(1, hidden=())]
    return build_network(cls, params, (4,), heads, columns=COLUMNS)


class Sums(torch.nn.Module):
    """A network of someone's, which knows nothing of columns."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, 3)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("backbone", [MLP, Sums])
def test_a_backbone_without_a_way_of_its_own_gets_numbers(backbone):
    network = network_of(backbone).eval()
    network.fit_inputs(X)
    numbers = network.columns(X)
    assert numbers.shape == (4, 9)
    assert network.columns.center.tolist() == [1.125, 4.0]
    torch.testing.assert_close(network.features(X), network.backbone(numbers))
    weights = {k: v + 1 for k, v in network.backbone.named_parameters()}
    changed = network.features(X, weights)
    assert not torch.allclose(changed, network.features(X))
    for_prediction = for_inference(network)
    for found, expected in zip(for_prediction(X), network(X), strict=True):
        torch.testing.assert_close(found, expected)
    assert for_prediction.columns is not network.columns


def test_one_with_a_way_of_its_own_gets_rows():
    network = network_of(TabM, **SMALL).eval()
    assert network.columns is None
    network.fit_inputs(X)
    assert network.backbone.columns.center.tolist() == [1.125, 4.0]
    assert network(X)[0].shape == (4, 2)
    network.fit_inputs(X + 1, backbone=False)
    assert network.backbone.columns.center.tolist() == [1.125, 4.0]
    params = {"backbone": TabM, "params": SMALL, "which": (0, 1)}
    network = network_of(BackboneOfEach, **params)
    assert network.columns is None
    keys = network_of(TabM, **SMALL).backbone.state_dict().keys()
    assert network.backbone.parts[1].state_dict().keys() == keys
    params = {"backbone": MLP, "params": {"hidden": (3,)}, "which": (0, 1)}
    network = network_of(BackboneOfEach, **params)
    assert network.columns is not None
    assert network.eval()(X)[1].shape == (4, 1)


class Shown(Sums):
    def fit_inputs(self, x):
        self.shown = x


def test_what_is_shown_to_a_network():
    network = network_of(Shown)
    network.fit_inputs(X)
    assert torch.equal(network.backbone.shown, network.columns(X))


def test_columns_of_another_table():
    described = {"n_categories": COUNTS[1:], "has_missing": GAPS[1:]}
    match = "'n_categories' parameter of build_network .* each of 4 columns. Got 3"
    with pytest.raises(InvalidParameterError, match=match):
        build_network(MLP, {}, (4,), [HeadSpec(1)], columns=described)
