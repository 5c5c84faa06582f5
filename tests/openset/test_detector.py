"""The detector of a table."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from mtlearn import Classification, Tasks
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.openset import OpenSetDetector
from open_problems import known_points, point_estimator, two_columns, unknown_points

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


@pytest.mark.parametrize(
    "y",
    [
        np.where(Y == 2, np.nan, Y),
        np.where(Y == 2, None, np.array(list("abc"), dtype=object)[Y]),
        pd.Series(Y, dtype="Int64").mask(Y == 2),
        pd.DataFrame({"kind": np.where(Y == 2, np.nan, Y)}),
    ],
)
def test_rows_of_a_table_without_a_label_are_not_known(y):
    params = {"scores": "mahalanobis", "quantile": 0.5, "random_state": 0}
    found = OpenSetDetector(**params).fit(X, y)
    expected = OpenSetDetector(**params).fit(X[Y != 2], Y[Y != 2])
    assert_array_equal(found.score_samples(FAR), expected.score_samples(FAR))
    assert found.offset_ == expected.offset_


def test_a_label_for_each_row_of_a_table():
    with pytest.raises(InvalidDataError, match="X has 120 samples, and y has 119"):
        OpenSetDetector().fit(X, Y[1:])
    with pytest.raises(ValueError, match="y should be a 1d array"):
        OpenSetDetector().fit(X, np.column_stack([Y, Y]))


def test_a_label_for_each_row_that_an_estimator_sees():
    inside = point_estimator(max_epochs=1).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"inconsistent numbers of samples: \[120, 119"
    ):
        OpenSetDetector(inside, quantile=0.5).fit(X, Y[1:])


@pytest.mark.parametrize("n_labels", [0, 1])
def test_distances_to_classes_need_some_of_each_task(n_labels):
    labels, tasks = two_columns(Y)
    inside = point_estimator(tasks, max_epochs=1).fit(X, labels)
    y = labels.astype(float)
    y[n_labels:, 1] = np.nan
    with pytest.raises(InvalidDataError, match="score='mahalanobis' needs the classes"):
        OpenSetDetector(inside, quantile=0.5).fit(X, y)
    # Neighbours have no class.
    detector = OpenSetDetector(inside, scores="knn", quantile=0.5).fit(X, y)
    assert len(detector.calibration_scores_) == 120


def test_what_is_set_after_a_fit_counts_from_the_next_one():
    inside = point_estimator(max_epochs=1).fit(X, Y)
    detector = OpenSetDetector(inside, quantile=0.5).fit(X, Y)
    expected = detector.score_samples(FAR)
    detector.set_params(scores="energy", task="task_0", quantile=0.9)
    assert_array_equal(detector.score_samples(FAR), expected)
    assert detector.n_features_in_ == 3


def test_rows_of_a_class_that_the_estimator_does_not_know_are_left_out():
    some = Y < 2
    inside = point_estimator(max_epochs=1).fit(X[some], Y[some])
    params = {"scores": "mahalanobis", "quantile": 0.5, "random_state": 0}
    found = OpenSetDetector(inside, **params).fit(X, Y)
    expected = OpenSetDetector(inside, **params).fit(X[some], Y[some])
    assert len(found.calibration_scores_) == some.sum()
    assert_allclose(found.score_samples(FAR), expected.score_samples(FAR))


def test_its_tags():
    assert get_tags(OpenSetDetector()).estimator_type == "outlier_detector"
