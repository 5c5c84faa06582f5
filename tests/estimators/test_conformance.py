"""scikit-learn's whole check suite, over tables and through the image path."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)

from checked_estimators import TASKS, image_estimator, table_estimator
from mtlearn import Classification, Regression, Tasks


@parametrize_with_checks([table_estimator(tasks) for tasks in TASKS])
def test_table_estimator(estimator, check):
    check(estimator)


@parametrize_with_checks([image_estimator(tasks) for tasks in TASKS])
def test_image_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("make", [table_estimator, image_estimator])
@pytest.mark.parametrize("tasks", TASKS, ids=str)
def test_column_names(make, tasks):
    # Not among the checks that parametrize_with_checks yields.
    estimator = make(tasks)
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)


@pytest.mark.parametrize("make", [table_estimator, image_estimator])
def test_tags(make):
    assert make(None).__sklearn_tags__().input_tags.two_d_array
    tags = [make(tasks).__sklearn_tags__() for tasks in TASKS]
    kinds = [each.estimator_type for each in tags]
    assert kinds == [None, *["classifier", "regressor"] * 2, *["classifier"] * 2]
    labels = [each.classifier_tags for each in tags if each.classifier_tags]
    assert [each.multi_label for each in labels] == [False, False, True, True]
    assert all(each.multi_class for each in labels)
    for each in tags[-2:]:
        assert each.target_tags.single_output
        assert each.target_tags.multi_output
    mixed = Tasks(label=Classification(), value=Regression())
    tags = make(mixed).__sklearn_tags__()
    assert tags.estimator_type is None
    assert tags.target_tags.multi_output
    assert not tags.target_tags.single_output
