"""Piecewise linear columns, against numpy and by hand."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import norm

from mtlearn.networks import PiecewiseLinear


def fitted(columns, n_bins, **params):
    made = PiecewiseLinear(columns.shape[1], n_bins=n_bins, **params).double()
    made.fit_inputs(torch.from_numpy(columns))
    return made


def test_edges_are_quantiles_and_shares_are_interpolated_between_them():
    rng = np.random.default_rng(0)
    X = rng.gamma(2.0, size=(200, 3))
    found = fitted(X, 5)
    edges = np.quantile(X, np.linspace(0, 1, 6), axis=0).T
    assert_allclose(found.edges, edges, rtol=1e-12)
    assert_allclose(found.center, X.mean(axis=0), rtol=1e-12)
    assert_allclose(found.scale, X.std(axis=0), rtol=1e-12)
    new = rng.gamma(2.0, size=(50, 3)) * 1.5 - 0.5  # some lie outside
    shares = found.shares(torch.from_numpy(new)).numpy()
    for column in range(3):
        # The edges' numbers, so that all shares together are the interpolated one.
        together = np.interp(new[:, column], edges[column], np.arange(6.0))
        assert_allclose(shares[:, column].sum(axis=1), together, atol=1e-12)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert (np.diff(shares, axis=2) <= 0).all()  # full ones come first


def test_a_column_of_few_values_has_few_bins():
    X = np.column_stack([np.repeat([0.0, 1.0], 5), np.full(10, 7.0)])
    found = fitted(X, 4, width=2)
    new = torch.tensor([[-1.0, 7.0], [0.25, 3.0], [2.0, 9.0]], dtype=torch.float64)
    shares = found.shares(new).numpy()
    # Between 0, 0.5 and 1, as quantiles are interpolated.
    assert_allclose(shares[:, 0].sum(axis=1), [0, 0.5, 2])
    assert not shares[:, 1].any()  # of one value: no bin
    assert_allclose(found.scale[1], 1.0)
    assert torch.isfinite(found(new)).all()


@pytest.mark.parametrize("n_rows", [3, 6, 7, 10])
def test_a_column_that_rounding_alone_makes_differ_is_not_blown_up(n_rows):
    # The mean of so many tenths is none.
    layer = fitted(np.full((n_rows, 1), 0.1), 3, width=1)
    assert_allclose(layer.scale, 1.0)


@pytest.mark.parametrize("middle", [0.5, 1e-300])
def test_values_between_two_that_are_next_to_each_other(middle):
    X = np.array([[0.0], [0.0], [middle], [1.0], [1.0]])
    shares = fitted(X, 4).shares(torch.from_numpy(X)).squeeze(1).numpy()
    assert np.isfinite(shares).all()
    assert_allclose(shares[[0, -1]].sum(axis=1), [0, 2])
    assert_allclose(shares[2].sum(), 1)


def test_vectors_are_linear_in_the_value_and_the_shares():
    rng = np.random.default_rng(1)
    X = rng.normal(3.0, 2.0, size=(30, 2))
    layer = fitted(X, 3, width=4)
    with torch.no_grad():
        layer.pieces.normal_()
    found = layer(torch.from_numpy(X)).detach().numpy().reshape(30, 2, 4)
    shares = layer.shares(torch.from_numpy(X)).numpy()
    slopes, biases, pieces = (
        each.detach().numpy() for each in (layer.slopes, layer.biases, layer.pieces)
    )
    for c in range(2):
        scaled = (X[:, c] - X[:, c].mean()) / X[:, c].std()
        expected = np.outer(scaled, slopes[c]) + biases[c] + shares[:, c] @ pieces[c]
        assert_allclose(found[:, c], expected, rtol=1e-10, atol=1e-12)


def test_pieces_begin_as_nothing_and_edges_as_those_of_a_normal_distribution():
    layer = PiecewiseLinear(2, n_bins=3)
    assert not layer.pieces.any()
    expected = norm.ppf([0.2, 0.4, 0.6, 0.8])
    assert_allclose(layer.edges, np.tile(expected, (2, 1)), rtol=1e-5)
    assert set(dict(layer.named_buffers())) == {"edges", "center", "scale"}
