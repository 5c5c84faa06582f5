"""Validation rows of members that train on resamples."""

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from mtlearn import SeedEnsemble, TemperatureScaled, VotingEnsemble
from tiny_problems import make_table, table_estimator

N_SAMPLES = 60


class Split(Callback):
    """Keeps the rows of both sides of the split, by their first column."""

    def on_train_begin(self, net, X, **kwargs):
        self.sides_ = [samples.X[samples.rows, 0].copy() for samples in X]
        self.n_rows_ = len(X[0].X)


class Scaled(TemperatureScaled):
    """Keeps what it was scaled on."""

    def _keep(self, fitted, X, y, sample_weight):
        super()._keep(fitted, X, y, sample_weight)
        self.held_out_ = X[:, 0].copy()


@pytest.fixture(scope="module")
def numbered():
    X, y = make_table(N_SAMPLES)
    X[:, 0] = np.arange(N_SAMPLES)
    return X, y


def estimator(**params):
    return table_estimator(
        early_stopping=True,
        validation_fraction=0.3,
        max_epochs=1,
        random_state=None,
        callbacks=[Split()],
        **params,
    )


def assert_no_row_is_on_both_sides(member):
    last = getattr(member, "estimator_", member)
    last = last[-1] if hasattr(last, "steps") else last
    (split,) = last.callbacks
    train, valid = split.sides_
    assert len(train) + len(valid) == split.n_rows_
    assert len(np.unique(train)) < len(train)  # a resample, with copies
    assert len(np.unique(valid)) >= 0.3 * len(np.unique(np.r_[train, valid])) - 1
    assert abs(len(valid) - 0.3 * split.n_rows_) <= 2
    assert not np.intersect1d(train, valid).size
    return train, valid


@pytest.mark.parametrize("backend", ["sequential", "threading"])
@pytest.mark.parametrize(
    "make",
    [
        estimator,
        lambda: make_pipeline(StandardScaler(), estimator()),
        lambda: Scaled(estimator(), validation_fraction=0.25),
    ],
    ids=["plain", "pipeline", "scaled"],
)
def test_no_row_is_on_both_sides(numbered, make, backend):
    ensemble = SeedEnsemble(make(), 3, bootstrap=True, random_state=0)
    with joblib.parallel_config(backend, n_jobs=2):
        ensemble.fit(*numbered)
    for member in ensemble.estimators_:
        sides = assert_no_row_is_on_both_sides(member)
        if isinstance(member, Scaled):
            inside, held_out = np.concatenate(sides), member.held_out_
            assert len(inside) + len(held_out) == N_SAMPLES
            assert not np.intersect1d(inside, held_out).size


def test_ensembles_inside_of_a_resample(numbered):
    inner = [
        SeedEnsemble(estimator(), 2),
        VotingEnsemble([("a", estimator()), ("b", estimator())]),
        SeedEnsemble(estimator(), 2, bootstrap=True),
    ]
    for each in inner:
        ensemble = SeedEnsemble(each, 2, bootstrap=True, random_state=0)
        ensemble.fit(*numbered)
        for outer in ensemble.estimators_:
            for member in outer.estimators_:
                assert_no_row_is_on_both_sides(member)


def test_without_resamples_members_split_as_by_themselves(numbered):
    ensemble = SeedEnsemble(estimator(), 1, seeds=[7]).fit(*numbered)
    alone = estimator().set_params(random_state=7).fit(*numbered)
    (got,), (expected,) = ensemble.estimators_[0].callbacks, alone.callbacks
    for side in (0, 1):
        np.testing.assert_array_equal(got.sides_[side], expected.sides_[side])
