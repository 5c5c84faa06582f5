"""Every kind in a ConformalPredictor: sets, intervals or neither, also from a file."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator

from mtlearn import (
    Classification,
    ConformalPredictor,
    Count,
    MultiLabel,
    Ordinal,
    Reconstruction,
    Regression,
    Tasks,
    load,
    save,
)
from mtlearn.tasks import kinds
from shaped_kinds import Echo, Flags, Vector
from tiny_problems import table_estimator

KINDS = {
    "classification": (Classification(3), "set"),
    "count": (Count(), "interval"),
    "flags": (Flags(2), None),
    "multi-label": (MultiLabel(2), "set"),
    "ordinal": (Ordinal(3), "set"),
    "regression": (Regression(), "interval"),
    "vector": (Vector(2), None),
}


def data(kind):
    """Return rows, and labels of a kind beside a value, some of them missing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    own = {
        "classification": np.digitize(X[:, 0], [-0.5, 0.5]),
        "count": np.round(np.exp(X[:, 0])),
        "ordinal": np.digitize(X[:, 1], [-0.5, 0.5]),
        "regression": X[:, 0] * 3 + 10,
    }.get(kind, X[:, :2] > 0.2)
    y = np.column_stack([own, X.sum(axis=1)]).astype(float)
    y[rng.random(y.shape) < 0.1] = np.nan
    return X, y


def test_there_is_a_sample_of_every_kind():
    assert set(KINDS) == {each.kind for each in [*kinds(), Flags, Vector]} - {
        "reconstruction"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_regions_hold_as_many_as_their_rank(kind, tmp_path):
    (X, y), (task, region) = data(kind), KINDS[kind]
    tasks = Tasks(own=task, size=Regression(), echo=Echo(3), row=Reconstruction())
    fitted = table_estimator(tasks).fit(X, y)
    found = ConformalPredictor(FrozenEstimator(fitted), 0.8).fit(X, y)
    assert list(found.quantiles_) == ["own", "size"][region is None :]
    assert (hasattr(found, "predict_set")) == (region == "set")
    sets = found.predict_set(X) if region == "set" else [None, None]
    intervals = found.predict_interval(X)
    assert sets[1] is None
    assert len(intervals[1]) == 60
    assert [sets[0] is not None, intervals[0] is not None] == [
        region == "set",
        region == "interval",
    ]
    if region is not None:
        held = (found.misfits_["own"] <= found.quantiles_["own"]).sum(axis=0)
        n = np.asarray(found.n_calibration_["own"])
        assert (held >= (n + 1) * 0.8).all()
        known = ~np.isnan(y[:, : task.n_columns])
        assert_array_equal(n, known.sum(axis=0) if n.ndim else known.sum())
    save(found, tmp_path / "sets.mtl")
    custom = {each.__name__: each for each in (Echo, Flags, Vector)}
    again = load(tmp_path / "sets.mtl", custom_objects=custom)
    assert_array_equal(again.predict_interval(X)[1], intervals[1])
    for name, quantile in found.quantiles_.items():
        assert_array_equal(again.quantiles_[name], quantile)
