"""Bad y and weights: which row or column, what was expected, what came."""

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import DataTypeError, InvalidDataError, InvalidParameterError
from tiny_problems import make_table, table_estimator


def changed(row, column, value):
    y = make_table()[1].astype(object)
    y[row, column] = value
    return y


BAD_Y = [
    (changed(7, 0, 9), r"Row 7 of y has the label 9\.?0? for task 'kind'.*\[0, 1, 2\]"),
    (changed(7, 0, "x"), r"mixes labels of the types float, str"),
    (changed(7, 1, np.inf), "contains infinity: row 7 of column 1"),
    (changed(slice(None), 0, None), "Task 'kind' has no label"),
    (changed(slice(None), 1, np.nan), "Task 'size' has no label"),
    (np.zeros((40, 3)), r"y has 3 columns for 2 tasks \(kind, size\)"),
    (np.zeros(40), "y has 1 columns, and task 'size' is number 2"),
    (np.zeros((40, 2, 2)), r"got an array of shape \(40, 2, 2\) instead"),
    (None, "requires y to be passed, but the target y is None"),
    (pd.DataFrame({"kind": [0] * 40}), "y has no column 'size'. Its columns are: kind"),
    (
        pd.DataFrame(np.zeros((40, 3)), columns=["kind", "size", "kind"]),
        "duplicate column names",
    ),
    (SliceDict(kind=np.zeros(40), shade=np.ones(40)), "y has no column 'size'"),
]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("y", "message"), BAD_Y, ids=[case[1][:25] for case in BAD_Y])
def test_labels_that_cannot_be_fitted(method, y, message):
    with pytest.raises(InvalidDataError, match=message):
        getattr(table_estimator(), method)(make_table()[0], y)


def test_labels_of_a_type_that_cannot_be_read():
    X, y = make_table()
    with pytest.raises(DataTypeError, match="y is a dict, which cannot be"):
        table_estimator().fit(X, {"kind": y[:, 0], "size": y[:, 1]})
    with pytest.raises(InvalidDataError, match="Complex data not supported: column 0"):
        table_estimator().fit(X, y.astype(complex))


def test_a_target_outside_its_bounds():
    X, y = make_table()
    tasks = Tasks(kind=Classification(3), size=Regression(bounds=(0, 11)))
    y[:, 1] = 5.0
    y[13, 1] = 11.5
    message = r"Row 13 of y has the value 11\.5 for task 'size', outside its bounds"
    with pytest.raises(InvalidDataError, match=message):
        table_estimator(tasks).fit(X, y)


def test_real_values_for_a_classification():
    X, y = make_table()
    with pytest.raises(InvalidDataError, match=r"Unknown label type.*'task_0' is a cl"):
        table_estimator(Classification()).fit(X, y[:, 1])


def test_words_for_a_regression():
    X, _ = make_table()
    with pytest.raises(InvalidDataError, match="labels that are not numbers"):
        table_estimator(Regression()).fit(X, ["a", "b"] * 20)


def test_two_tasks_that_read_one_column():
    X, y = make_table()
    tasks = Tasks(kind=Classification(3), size=Regression(column=0))
    with pytest.raises(InvalidParameterError, match="read the same column 0 of y"):
        table_estimator(tasks).fit(X, y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(40), r"Row 0 of sample_weight is negative \(-1\.0\)"),
        (np.full(40, np.nan), "sample_weight contains NaN"),
        (np.full(40, np.inf), "sample_weight contains infinity"),
        (np.ones(39), r"shape \(39,\); expected \(40,\) or \(40, 2\), one column a"),
        (np.ones((40, 3)), r"shape \(40, 3\); expected \(40,\) or \(40, 2\)"),
        (np.zeros(40), "Task 'kind' has no label: .* or has a sample weight of zero"),
        (np.eye(2)[np.zeros(40, int)], "Task 'size' has no label"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_weights(weights, message, method):
    X, y = make_table()
    with pytest.raises(ValueError, match=message):
        getattr(table_estimator(), method)(X, y, weights)


def test_bad_data_leave_an_earlier_fit_usable():
    X, y = make_table()
    estimator = table_estimator().fit(X, y)
    expected = estimator.predict(X)
    with pytest.raises(InvalidDataError):
        estimator.fit(X, changed(7, 0, 9))
    np.testing.assert_array_equal(estimator.predict(X), expected)
