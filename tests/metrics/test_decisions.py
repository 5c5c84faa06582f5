"""What is decided, and by which thresholds, whatever stands around a network."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import (
    Classification,
    MultiLabel,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TunedThresholds,
)
from mtlearn.metrics import scored_outputs
from tiny_problems import table_estimator


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    y = np.column_stack([X[:, :2] > [0.3, 0.9], X[:, 2] > 0, X[:, 3]]).astype(float)
    y[::7, 1] = np.nan
    return X, y


def made(**params):
    tasks = Tasks(
        tags=MultiLabel(2, pos_weight="sqrt"), kind=Classification(2), size=Regression()
    )
    return table_estimator(tasks, max_epochs=10, **params)


WHOLE = {
    "one": made,
    "pipeline": lambda: make_pipeline(StandardScaler(), made()),
    "seeds": lambda: SeedEnsemble(made(), 2, random_state=0),
    "tuned": lambda: TunedThresholds(made(), random_state=0),
    "scaled": lambda: TemperatureScaled(made(), random_state=0),
    "tuned, then scaled": lambda: TemperatureScaled(
        TunedThresholds(made(), random_state=0), random_state=0
    ),
}


@pytest.mark.parametrize("whole", WHOLE)
def test_thresholds_decide_what_is_predicted(whole, problem):
    X, y = problem
    estimator = WHOLE[whole]().fit(X, y)
    scored = scored_outputs(estimator, X, y)["tags"]
    found, cuts = scored.labels(), scored.task.decisions.own_thresholds()
    assert_array_equal(found.predicted, scored.output > cuts)
    assert_array_equal(found.predicted, estimator.predict(X)[:, :2])
    assert_array_equal(found.weight, np.isfinite(y[:, :2]))


def test_weights_and_rows_without_a_label(problem):
    X, y = problem
    estimator = TunedThresholds(FrozenEstimator(made().fit(X, y)), calibrate=False)
    estimator.fit(X, y)
    weight = np.where(np.arange(120) < 100, 2.0, 0.0)
    found = scored_outputs(estimator, X, y, weight)["kind"].labels()
    assert_array_equal(found.true, y[:100, 2])
    assert_array_equal(found.predicted, estimator.predict(X)[:100, 2])
    assert_array_equal(found.weight, np.full(100, 2.0))
