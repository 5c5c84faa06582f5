"""Rows that a backbone sees before the first step."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from mtlearn import Partial, Regression, SeedEnsemble, Tasks
from mtlearn.networks import MLP, TabM, save_weights
from mtlearn.training import _first_rows
from tiny_datasets import Pairs
from tiny_problems import make_table, table_estimator

TABM = Partial(TabM, n_members=2, hidden=(3,), n_bins=3, width=2)


class Seeing(MLP):
    """Keeps what it is shown; a module of the user's."""

    def fit_inputs(self, x):
        assert not torch.is_grad_enabled()
        self.shown = x.clone()


def shown(*data, **params):
    estimator = table_estimator(backbone=Partial(Seeing, hidden=(3,)), **params)
    return estimator.fit(*data).net_.module_.backbone.shown.numpy()


def test_all_training_rows_and_none_to_validate_on():
    X, y = make_table(50)
    assert_array_equal(shown(X, y, max_epochs=1), X)
    found = shown(X, y, max_epochs=2, early_stopping=True, validation_fraction=0.2)
    assert len(found) == 40
    assert {*map(tuple, found)} < {*map(tuple, X)}


def test_rows_of_a_dataset():
    X, y = make_table(12)
    assert_array_equal(shown(Pairs(X, y), max_epochs=1), X)


def test_rows_that_count_for_no_task_are_left_out():
    X, y = make_table(20)
    y[:4] = np.nan
    y[4:8, 0] = np.nan
    weight = np.r_[np.ones(15), np.zeros(5)]
    assert_array_equal(shown(X, y, weight, max_epochs=1), X[4:15])


def test_of_many_rows_some_that_are_always_the_same(monkeypatch):
    X, y = make_table(50)
    monkeypatch.setattr(_first_rows, "_MOST_ROWS", 20)
    found = shown(X, y, max_epochs=1)
    assert len({*map(tuple, found)} & {*map(tuple, X)}) == 20
    assert_array_equal(found, shown(X, y, max_epochs=1, random_state=5))
    monkeypatch.setattr(_first_rows, "_MOST_VALUES", 40)
    assert len(shown(X, y, max_epochs=1)) == 10  # of four columns


def edges(estimator):
    return estimator.net_.module_.backbone.columns.edges.numpy()


def test_bins_are_quantiles_of_the_rows():
    X, y = make_table(60)
    estimator = table_estimator(backbone=TABM, max_epochs=1).fit(X, y)
    expected = np.quantile(X, np.linspace(0, 1, 4), axis=0).T
    assert_allclose(edges(estimator), expected, rtol=1e-12)


def test_more_training_keeps_the_bins():
    X, y = make_table(60)
    estimator = table_estimator(backbone=TABM, max_epochs=1, warm_start=True)
    estimator.partial_fit(X[:30], y[:30])
    first = edges(estimator).copy()
    expected = np.quantile(X[:30], np.linspace(0, 1, 4), axis=0).T
    assert_allclose(first, expected, rtol=1e-12)
    estimator.partial_fit(10 * X, y)
    assert_array_equal(edges(estimator), first)
    estimator.fit(10 * X, y)
    assert_array_equal(edges(estimator), first)
    estimator.set_params(warm_start=False).fit(10 * X, y)
    assert_allclose(edges(estimator)[:, -1], 10 * X.max(axis=0), rtol=1e-12)


def test_weights_of_a_file_keep_its_bins(tmp_path):
    X, y = make_table(60)
    trained = table_estimator(backbone=TABM, max_epochs=1).fit(X, y)
    path = tmp_path / "tabm.safetensors"
    save_weights(trained.net_.module_.backbone, path)
    begun = Partial(TABM.cls, **TABM.kwargs, weights=path)
    other = table_estimator(backbone=begun, max_epochs=1).fit(5 * X + 1, y)
    assert_array_equal(edges(other), edges(trained))
    assert_array_equal(edges(other.fit(X, y)), edges(trained))


@pytest.mark.parametrize("n_rows", [1, 2])
def test_a_row_or_two(n_rows):
    X, y = make_table(n_rows)
    estimator = table_estimator(Tasks(size=Regression()), backbone=TABM)
    found = estimator.fit(X, y[:, 1]).predict(X)
    assert np.isfinite(found).all()


def test_members_of_an_ensemble_have_bins_of_their_own_rows():
    X, y = make_table(40)
    base = table_estimator(backbone=TABM, max_epochs=1)
    ensemble = SeedEnsemble(base, 2, bootstrap=True, random_state=0).fit(X, y)
    one, other = map(edges, ensemble.estimators_)
    assert not np.array_equal(one, other)
