"""Average precision and the area under the ROC curve, against scikit-learn's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, roc_auc_score

from mtlearn.tasks._ranking_figures import areas_under_roc, average_precisions


@pytest.mark.parametrize("digits", [1, 8])  # with ties, and without
@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_scikit_learn_on_the_cells_that_are_known(digits, seed):
    rng = np.random.default_rng(seed)
    scores = rng.random((60, 4)).round(digits)
    truth = rng.random((60, 4)) < scores**2
    weight = rng.uniform(0.1, 2, (60, 4)) * (rng.random((60, 4)) < 0.7)
    columns = zip(truth.T, scores.T, weight.T, strict=True)
    expected = [
        [
            figure(true[known], found[known], sample_weight=weights[known])
            for figure in (average_precision_score, roc_auc_score)
        ]
        for true, found, weights in columns
        for known in [weights > 0]
    ]
    found = average_precisions(truth, scores, weight)
    assert_allclose(found, [each[0] for each in expected])
    found = areas_under_roc(truth, scores, weight)
    assert_allclose(found, [each[1] for each in expected])


def test_by_hand():
    scores = np.array([[0.9], [0.5], [0.5], [0.1]])
    truth = np.array([[1], [1], [0], [1]]) > 0
    weight = np.ones((4, 1))
    # A third of the positives at 1 of 1, at 2 of 3, and at 3 of 4.
    assert_allclose(average_precisions(truth, scores, weight), (1 + 2 / 3 + 3 / 4) / 3)
    # Of the three, one lies above the negative, one is tied with it, one is below.
    assert_allclose(areas_under_roc(truth, scores, weight), 1.5 / 3)
    weight[0] = 0  # nobody knows
    assert_allclose(average_precisions(truth, scores, weight), (1 / 2 + 2 / 3) / 2)
    assert_allclose(areas_under_roc(truth, scores, weight), 0.5 / 2)


def test_what_a_label_lacks():
    scores = np.tile([[0.9], [0.5]], 3)
    truth = np.array([[1, 0, 1], [1, 0, 0]]) > 0
    weight = np.array([[1.0, 1, 1], [1, 1, 0]])
    found = average_precisions(truth, scores, weight)
    assert_allclose(found, [1, np.nan, 1])
    assert np.isnan(areas_under_roc(truth, scores, weight)).all()
