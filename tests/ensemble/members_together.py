"""Small ensembles that are trained together, and apart."""

import numpy as np

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.networks import MLP

N_ROWS, SEEDS = 50, [3, 4, 5]
TASKS = Tasks(size=Regression(), kind=Classification(3, weight=2.0))
ROUNDING = {"rtol": 0, "atol": 1e-9}  # far below 1e-5


def make_rows(n_rows=N_ROWS):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    kind = rng.integers(3, size=n_rows).astype(float)
    y = np.column_stack([X @ rng.normal(size=5), kind])
    y[rng.random(y.shape) < 0.2] = np.nan
    return X, y, rng.uniform(0.5, 2.0, size=y.shape)


X, Y, WEIGHTS = make_rows()


def estimator(hidden=(6,), dropout=0.0, batch_norm=False, **params):
    backbone = Partial(MLP, hidden=hidden, dropout=dropout, batch_norm=batch_norm)
    given = {"backbone": backbone, "max_epochs": 3, "batch_size": 16, "lr": 1e-2}
    return MultiTaskEstimator(params.pop("tasks", TASKS), **{**given, **params})


def figures(member):
    rows = member[-1].history_ if hasattr(member, "steps") else member.history_
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def weights_of(member):
    inner = member[-1] if hasattr(member, "steps") else member
    return inner.net_.module_.state_dict()


def assert_equal_members(one, other):
    for a, b in zip(one.estimators_, other.estimators_, strict=True):
        for name, value in weights_of(a).items():
            np.testing.assert_allclose(weights_of(b)[name], value, **ROUNDING)
        for row, expected in zip(figures(b), figures(a), strict=True):
            assert row.keys() == expected.keys()
            np.testing.assert_allclose(
                list(row.values()), list(expected.values()), **ROUNDING
            )


def both(template, data=(X, Y), vectorized=True, **params):
    apart, joined = (
        SeedEnsemble(template, seeds=SEEDS, vectorized=each, **params).fit(*data)
        for each in (False, vectorized)
    )
    return apart, joined
