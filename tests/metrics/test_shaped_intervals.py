"""Figures of kinds of several columns: intervals, confidences and unknown labels."""

import numpy as np
import pytest

from mtlearn.metrics import ScoredOutputs, calibration_error
from mtlearn.metrics._intervals import Resampling, bootstrap_intervals
from mtlearn.tasks import ScoredLabels
from shaped_kinds import Flags, exactness


def test_intervals_draw_rows_with_all_their_cells():
    rng = np.random.default_rng(0)
    true = rng.integers(2, size=(30, 2)).astype(float)
    predicted = rng.integers(2, size=(30, 2)).astype(float)
    weight = rng.uniform(0.5, 2, size=(30, 2)) * (rng.random((30, 2)) < 0.7)
    weight[:, 0] += 0.1  # each row has a label
    labels = ScoredLabels(true, predicted, weight)
    found = bootstrap_intervals(
        labels, {"exactness": exactness}, Resampling(50, 0.8, 3), discrete=False
    )
    random = np.random.RandomState(3)
    drawn = []
    for _ in range(50):
        rows = random.randint(30, size=30)
        right = (true == predicted)[rows]
        drawn.append((right * weight[rows]).sum() / weight[rows].sum())
    assert found["exactness"] == pytest.approx(np.quantile(drawn, [0.1, 0.9]))


def test_confidences_are_of_the_cells_that_are_there():
    task = Flags(2)
    output = np.array([[0.9, 0.2], [0.4, 0.7]])
    true = np.array([[1.0, 1.0], [0.0, np.nan]])
    weight = np.array([[1.0, 2.0], [1.0, 0.0]])
    scored = ScoredOutputs(task, np.ones(2, bool), true, output, weight)
    sure, right, weights = scored.confidences()
    np.testing.assert_allclose(sure, [0.9, 0.8, 0.6])
    assert right.tolist() == [True, False, True]
    # Each in a bin of its own: |0.1| * 1, |-0.8| * 2 and |0.4| * 1, of a weight of 4.
    assert calibration_error(sure, right, weights) == pytest.approx(2.1 / 4)
