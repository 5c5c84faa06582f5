"""The expected calibration error, against sums by hand."""

import numpy as np
import pytest

from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.metrics import expected_calibration_error


def by_hand(true, prob, labels, n_bins, weight):
    """Loop over bins as the paper defines them."""
    confidence, found = prob.max(axis=1), np.asarray(labels)[prob.argmax(axis=1)]
    error = 0.0
    for edge in range(n_bins):
        rows = (confidence > edge / n_bins) & (confidence <= (edge + 1) / n_bins)
        if weight[rows].sum():
            accuracy = np.average(found[rows] == true[rows], weights=weight[rows])
            mean = np.average(confidence[rows], weights=weight[rows])
            error += weight[rows].sum() / weight.sum() * abs(accuracy - mean)
    return error


@pytest.mark.parametrize("n_bins", [1, 7, 15])
@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"]])
def test_it_is_the_sum_over_bins(n_bins, labels):
    rng = np.random.default_rng(0)
    prob = rng.dirichlet([0.3] * 3, size=200)
    true = np.array(labels)[rng.integers(3, size=200)]
    for weight in (np.ones(200), rng.random(200)):
        expected = by_hand(true, prob, labels, n_bins, weight)
        found = expected_calibration_error(
            true, prob, n_bins=n_bins, sample_weight=weight
        )
        assert found == pytest.approx(expected)
    assert expected_calibration_error(true, prob, n_bins=n_bins) == pytest.approx(
        by_hand(true, prob, labels, n_bins, np.ones(200))
    )


def test_sure_and_right_and_sure_and_wrong():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert expected_calibration_error([0, 1], sure) == 0
    assert expected_calibration_error([1, 0], sure) == 1


def test_no_weight():
    assert np.isnan(expected_calibration_error([0, 1], np.eye(2), sample_weight=[0, 0]))


def test_labels_that_are_missing_from_y():
    prob = [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]
    with pytest.raises(InvalidDataError, match=r"3 columns for 2 labels: \[0, 1\]"):
        expected_calibration_error([0, 1], prob)
    found = expected_calibration_error([0, 1], prob, labels=[0, 1, 2])
    assert found == pytest.approx((0.5 + 0.2) / 2)


def test_bad_input():
    with pytest.raises(InvalidDataError, match="Row 1 of y_prob must have prob"):
        expected_calibration_error([0, 1], [[0.5, 0.5], [3.0, -2.0]])
    with pytest.raises(InvalidDataError, match="must not be negative"):
        expected_calibration_error([0, 1], np.eye(2), sample_weight=[1, -1])
    with pytest.raises(InvalidParameterError, match=r"'n_bins'.*not below 1"):
        expected_calibration_error([0, 1], np.eye(2), n_bins=0)
    with pytest.raises(ValueError, match="inconsistent"):
        expected_calibration_error([0, 1, 1], np.eye(2))


def test_labels_of_another_type():
    message = "none are equal: y_true is text, labels is numbers"
    with pytest.raises(InvalidDataError, match=message):
        expected_calibration_error(["0", "1"], np.eye(2), labels=[0, 1])
    assert expected_calibration_error([0.0, True], np.eye(2), labels=[0, 1]) == 0


def test_messages_do_not_grow_with_the_classes():
    prob = np.full((2, 5000), 1 / 5000)
    with pytest.raises(InvalidDataError, match="5000 columns for 2 labels") as info:
        expected_calibration_error([0, 1], prob)
    with pytest.raises(InvalidDataError, match="4999 columns for 5000 labels") as info:
        expected_calibration_error([0, 1], prob[:, 1:], labels=np.arange(5000))
    assert len(str(info.value)) < 500
    with pytest.raises(InvalidDataError, match="Row 0 of y_prob must have") as info:
        expected_calibration_error([0, 1], 2 * prob, labels=np.arange(5000))
    assert len(str(info.value)) < 1000
