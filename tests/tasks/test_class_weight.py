"""Weights of classes: in balance, by a mapping, with the rows."""

import numpy as np
import pytest
from fitted_classification import fitted
from numpy.testing import assert_allclose
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import Classification, Tasks, fit_codec

LABELS = np.array(["b", "a", "c", "b", "b", "c"])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0, 3.0, 1.5])


@pytest.mark.parametrize("weights", [np.ones(6), WEIGHTS], ids=["equal", "weighted"])
def test_balanced_classes_are_those_of_scikit_learn(weights):
    task = fitted(LABELS, weights=weights, class_weight="balanced")

    expected = compute_class_weight(
        "balanced", classes=np.array(["a", "b", "c"]), y=LABELS, sample_weight=weights
    )
    assert_allclose(task.class_factors_, expected)
    factors = task.label_weight(task.encode(LABELS, np.arange(6), "a"))
    sums = [(weights * factors)[label == LABELS].sum() for label in "abc"]
    assert_allclose(sums, weights.sum() / 3)


def test_balanced_classes_leave_an_absent_one_alone():
    task = fitted([0, 2, 2], 4, class_weight="balanced")

    assert_allclose(task.class_factors_, [1.5, 1, 0.75, 1])


def test_a_mapping_of_class_weights_is_that_of_scikit_learn():
    mapping = {"a": 3.0, "b": 0.0, "c": 0.5}
    codec = fit_codec(Tasks(t=Classification(class_weight=mapping)), LABELS)

    encoded = codec.encode(LABELS, WEIGHTS)

    expected = WEIGHTS * compute_sample_weight(mapping, LABELS)
    assert_allclose(encoded.loss_weights[0], expected)
    assert encoded.weights[0].tolist() == WEIGHTS.tolist()


def test_a_class_weight_equals_repeated_rows():
    weighted = fit_codec(Tasks(t=Classification(class_weight={1: 3})), [0, 1, 0, 1])
    encoded = weighted.encode([0, 1, 0, 1])

    assert encoded.loss_weights[0].tolist() == [1, 3, 1, 3]


def test_class_weights_go_with_the_rows_and_are_nothing_without_any():
    tasks = Tasks(t=Classification(class_weight={1: 3}), u=Classification())
    y = np.array([[0, 1], [1, 0], [1, np.nan]])
    taken = fit_codec(tasks, y).encode(y).take(np.array([2, 0]))

    assert np.transpose(taken.loss_weights).tolist() == [[3, 0], [1, 1]]
    assert np.transpose(taken.weights).tolist() == [[1, 0], [1, 1]]
    plain = fit_codec(Tasks(t=Classification(), u=Classification()), y).encode(y)
    assert plain.class_weighted is None
    assert plain.loss_weights is plain.weights


def test_class_weights_may_name_a_class_that_a_fold_lacks():
    task = fitted([0, 0, 1], class_weight={0: 1, 1: 2, 2: 10})

    assert task.class_factors_.tolist() == [1, 2]


def test_class_weights_that_name_a_wrong_class():
    with pytest.raises(
        InvalidParameterError, match=r"names \['d'\], which are not among its classes"
    ):
        fitted(LABELS, class_weight={"d": 2.0})
