"""What a network sees of samples, on the way to its predictions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator

from mtlearn import (
    Classification,
    ConformalPredictor,
    OpenSetClassifier,
    Reconstruction,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.training import MultiTaskNet
from open_problems import known_points, point_estimator, unknown_points

X, Y = known_points()
BOTH = np.vstack([X, unknown_points()])
SETTINGS = {"quantile": 0.9, "calibration": 0.2, "random_state": 0}


def with_rows():
    tasks = Tasks(kind=Classification(), rows=Reconstruction())
    return point_estimator(tasks, max_epochs=3)


@pytest.mark.parametrize(
    "score",
    ["auto", "energy", ["knn", "reconstruction_logit"], "max_probability"],
)
@pytest.mark.parametrize("around", ["nothing", "temperature", "seeds"])
def test_one_run_of_each_network_predicts_and_scores(monkeypatch, score, around):
    inside, runs = with_rows(), 1
    if around != "nothing":
        inside = TemperatureScaled(inside, random_state=0)
    if around == "seeds":
        inside, runs = SeedEnsemble(inside, 2, random_state=0), 2
    open_set = OpenSetClassifier(inside, score=score, **SETTINGS).fit(X, Y)
    counted, iterate = [], MultiTaskNet.get_iterator
    monkeypatch.setattr(
        MultiTaskNet,
        "get_iterator",
        lambda net, *args, **kwargs: (
            counted.append(net) or iterate(net, *args, **kwargs)
        ),
    )
    predicted = open_set.predict(BOTH)
    assert len(counted) == runs
    chances = open_set.predict_proba(BOTH, include_unknown=True)
    assert len(counted) == 2 * runs
    monkeypatch.undo()
    known = open_set.estimator_.predict(BOTH)
    unknown = open_set.score_samples(BOTH) < open_set.offset_
    assert_array_equal(predicted, np.where(unknown, -1, known))
    expected = open_set.estimator_.predict_proba(BOTH)
    assert_allclose(chances[:, :3].argmax(axis=1), expected.argmax(axis=1))


@pytest.mark.parametrize("around", [None, ConformalPredictor])
def test_labels_are_those_before_a_temperature(around):
    inside = with_rows().fit(X, Y)
    scaled = TemperatureScaled(FrozenEstimator(inside)).fit(X, Y)
    # So high that all probabilities are alike.
    scaled.temperatures_["kind"] = 1e30
    assert np.ptp(scaled.predict_proba(X)) == 0
    known = FrozenEstimator(scaled)
    if around is not None:
        known = FrozenEstimator(around(known).fit(X, Y))
    open_set = OpenSetClassifier(known, score="max_probability", **SETTINGS)
    open_set.fit(X, Y)
    open_set.detector_.offset_ = -np.inf
    assert_array_equal(open_set.predict(BOTH), inside.predict(BOTH))
