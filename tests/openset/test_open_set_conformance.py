"""scikit-learn's whole check suite, as a classifier and as a detector of outliers."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from checked_estimators import TASKS, table_estimator
from mtlearn import OpenSetClassifier
from mtlearn.openset import OpenSetDetector

SCORES = ["auto", "knn", "mahalanobis"]


def classifier(tasks):
    inner = table_estimator(tasks).set_params(random_state=0)
    # Some of the checks have a class -1.
    return OpenSetClassifier(inner, unknown_label=-2, random_state=0)


# The checks have too few rows to promise 99 %, so that none of theirs is rejected.
@pytest.mark.filterwarnings("ignore:quantile=0.99 needs 99 known samples")
@parametrize_with_checks([classifier(TASKS[1]), classifier(TASKS[3])])
def test_classifier(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:quantile=0.99 needs 99 known samples")
@parametrize_with_checks([OpenSetDetector(scores=score) for score in SCORES])
def test_detector(estimator, check):
    check(estimator)
