"""Labels that a task cannot have, and rows that errors name."""

import re

import numpy as np
import pytest
from sklearn.model_selection import KFold

from mtlearn import Classification, Regression, Tasks, report
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection import EmbeddingDisplay, TaskConflictDisplay, sharing_report
from mtlearn.model_selection import cross_val_predict
from tiny_problems import image_estimator, make_images, make_table, table_estimator


def test_a_label_without_a_loss_is_as_a_missing_one():
    X, y = make_table(60)
    tasks = Tasks(kind=Classification(3), size=Regression(bounds=(0, 20)))
    estimator = table_estimator(tasks).fit(X, y)
    odd, missing = y.copy(), y.copy()
    odd[0], odd[7, 1] = [9, 99.0], -1.0
    missing[0], missing[7, 1] = np.nan, np.nan
    found, expected, whole = (
        TaskConflictDisplay.from_estimator(estimator, X, each, random_state=0)
        for each in (odd, missing, y)
    )
    np.testing.assert_array_equal(found.cosines(), expected.cosines())
    assert found.norms() == expected.norms() != whole.norms()


def test_errors_name_rows_of_the_user():
    X, y = make_table(60)
    estimator = table_estimator().fit(X, y)
    infinite = y.copy()
    infinite[41, 1] = np.inf
    with pytest.raises(InvalidDataError, match="infinity: row 41 of column 1"):
        TaskConflictDisplay.from_estimator(estimator, X, infinite, max_samples=50)
    with pytest.raises(
        ValueError, match=r"inconsistent numbers of samples: \[60, 59\]"
    ):
        TaskConflictDisplay.from_estimator(estimator, X, y[:59])
    images, labels = make_images()
    estimator = image_estimator().fit(images, labels)
    images[17, 2, 3] = np.nan
    for display in (TaskConflictDisplay, EmbeddingDisplay):
        with pytest.raises(InvalidDataError, match="NaN: image 17, row 2, column 3"):
            display.from_estimator(
                estimator, images, labels, max_samples=23, random_state=0
            )


def test_folds_do_not_count_rows_by_themselves():
    X, y = make_table(40)
    y[33, 0] = 5
    tasks = Tasks(kind=Classification(3), size=Regression(bounds=(0, 20)))
    estimator = table_estimator(tasks, random_state=None)
    message = "Row 33 of y has the label 5.0 for task 'kind'"
    for tool in (cross_val_predict, sharing_report):
        with pytest.raises(InvalidDataError, match=message):
            tool(estimator, X, y, cv=2)
    y[33, 0], y[21, 1] = 1, -3.0
    message = "Row 21 of y has the value -3.0 for task 'size'"
    for tool in (cross_val_predict, sharing_report):
        with pytest.raises(InvalidDataError, match=message):
            tool(estimator, X, y, cv=2)
    # A weight of zero makes it absent.
    y[33, 0] = 5
    weight = np.ones(40)
    weight[[21, 33]] = 0
    params = {"sample_weight": weight}
    found = cross_val_predict(estimator, X, y, cv=KFold(2), params=params)
    assert found.shape == (40, 2)
    shared = sharing_report(estimator, X, y, cv=KFold(2), random_state=0, **params)
    assert len(shared.rows) == 2


def test_a_report_of_rows_with_labels_that_a_task_cannot_have():
    X, y = make_table(60)
    tasks = Tasks(kind=Classification(3), size=Regression(bounds=(0, 20)))
    estimator = table_estimator(tasks, max_epochs=15).fit(X, y)
    y[0, 0], y[50, 1] = 7, 25.5
    page = report(estimator, X, y, path=None, n_bootstraps=5)
    found = {each.task: each for each in page.findings if each.code == "MTL010"}
    assert found["kind"].message == "1 label is none of its classes: 7 in row 0"
    assert found["size"].message == "1 label is out of its bounds: 25.5 in row 50"
    assert re.search(r"3 of 3 classes; most .*; 1 of no class", page.html)
    assert "Cosines between gradients" in page.html
    y[0, 0], y[50, 1] = 1, 10.0
    page = report(estimator, X, y, path=None, n_bootstraps=5)
    assert "MTL010" not in [each.code for each in page.findings]
    assert "of no class" not in page.html
