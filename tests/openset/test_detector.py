"""The detector of a table."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from open_problems import known_points, point_estimator, unknown_points
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from mtlearn import Classification, Tasks
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.openset import OpenSetDetector

X, Y = known_points(120)
FAR = unknown_points(20)


@pytest.mark.parametrize("scores", ["auto", "knn", "mahalanobis"])
def test_far_points_are_outliers(scores):
    detector = OpenSetDetector(scores=scores, quantile=0.9, random_state=0).fit(X, Y)
    assert_array_equal(detector.predict(FAR), [-1] * 20)
    assert (detector.predict(X) == 1).mean() > 0.8
    found = detector.decision_function(FAR)
    assert_array_equal(found, detector.score_samples(FAR) - detector.offset_)


def test_classes_make_it_finer():
    between = np.full((5, 3), 4 / 3)  # the mean of all classes
    one = OpenSetDetector(scores="mahalanobis", quantile=0.9).fit(X)
    three = OpenSetDetector(scores="mahalanobis", quantile=0.9).fit(X, Y)
    assert (one.predict(between) == 1).all()
    assert (three.predict(between) == -1).all()


def test_coverage_of_further_rows():
    rng, kept = np.random.default_rng(0), []
    for seed in range(60):
        detector = OpenSetDetector(quantile=0.9, random_state=seed)
        detector.fit(rng.normal(2, 1, size=(99, 2)))
        kept.append((detector.predict(rng.normal(2, 1, size=(400, 2))) == 1).mean())
    assert 0.88 < np.mean(kept) < 0.94


def test_before_and_after_a_fit():
    detector = OpenSetDetector()
    for method in (detector.predict, detector.score_samples):
        with pytest.raises(NotFittedError):
            method(X)
    with pytest.raises(NotFittedError):
        detector.set_quantile(0.5)
    with pytest.raises(InvalidParameterError, match="'quantile' parameter of OpenSetD"):
        OpenSetDetector(quantile=0).fit(X)


def test_rows_without_a_label_are_not_known():
    tasks = Tasks(kind=Classification())
    inside = point_estimator(tasks, max_epochs=1).fit(X, Y)
    y = np.full(120, np.nan)
    y[:2] = 0, 1
    detector = OpenSetDetector(inside, quantile=0.5, scores="energy").fit(X, y)
    assert len(detector.calibration_scores_) == 2
    y[1] = np.nan
    with pytest.raises(InvalidDataError, match=r"label of 'kind'\. Got 1: pass"):
        detector.fit(X, y)


def test_its_tags():
    assert get_tags(OpenSetDetector()).estimator_type == "outlier_detector"
