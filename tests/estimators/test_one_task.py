"""One task is one output to scikit-learn, whatever holds its labels."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from skorch.helper import SliceDict

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.metrics import task_report
from mtlearn.model_selection import cross_val_predict

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
KIND = np.digitize(X[:, 0], [-0.4, 0.4])
HOLDERS = {
    "1d": lambda y: y,
    "frame": lambda y: pd.DataFrame({"a": y}),
    "SliceDict": lambda y: SliceDict(a=y),
}


def estimator(task=None):
    tasks = Tasks(a=Classification(3) if task is None else task)
    return MultiTaskEstimator(tasks, max_epochs=3, random_state=0)


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS.keys())
def test_probabilities_and_classes_are_arrays(hold):
    y = hold(KIND)
    fitted = estimator().fit(X, y)

    proba = fitted.predict_proba(X)
    assert proba.shape == (60, 3)
    assert fitted.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(proba, fitted.task("a").predict_proba(X))
    predicted = np.asarray(fitted.predict(X)).reshape(-1)
    np.testing.assert_array_equal(predicted, proba.argmax(axis=1))
    ensemble = SeedEnsemble(estimator(), 2, random_state=0).fit(X, y)
    assert ensemble.predict_proba(X).shape == ensemble.spread(X).shape == (60, 3)
    scaled = TemperatureScaled(estimator(), random_state=0).fit(X, y)
    assert scaled.predict_proba(X).shape == (60, 3)
    joined = cross_val_predict(estimator(), X, y, cv=3, method="predict_proba")
    assert joined.shape == (60, 3)
    assert {row["task"] for row in task_report(ensemble, X, y).rows} == {"a"}


def test_a_predicted_frame_stays_one():
    fitted = estimator().fit(X, pd.DataFrame({"a": KIND}))
    assert fitted.predict(X).columns.tolist() == ["a"]
    values = estimator(Regression()).fit(X, pd.DataFrame({"a": X[:, 0]}))
    assert values.predict(X).columns.tolist() == ["a"]


def test_scorers_of_probabilities():
    scores = [
        cross_val_score(estimator(), X, hold(KIND), cv=3, scoring="neg_log_loss")
        for hold in (HOLDERS["1d"], HOLDERS["frame"])
    ]
    np.testing.assert_array_equal(*scores)
    fitted = estimator().fit(X[20:], KIND[20:])
    by_hand = -log_loss(KIND[:20], fitted.predict_proba(X[:20]), labels=[0, 1, 2])
    first = cross_val_score(
        estimator(), X, pd.DataFrame({"a": KIND}), scoring="neg_log_loss",
        cv=[(np.arange(20, 60), np.arange(20))],
    )  # fmt: skip
    assert first[0] == pytest.approx(by_hand)


def test_calibration():
    y = pd.DataFrame({"a": KIND})
    calibrated = CalibratedClassifierCV(estimator(), cv=2)
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        calibrated.fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
