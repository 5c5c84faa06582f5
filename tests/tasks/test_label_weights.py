"""Weights in a frame are those of the columns that they name."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from skorch.helper import SliceDict

from mtlearn import Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import label_weights, read_targets


def test_a_name_is_first_that_of_a_column_of_y():
    y = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    tasks = Tasks(b=Regression(column="a"), a=Regression(column="b"))
    weights = pd.DataFrame({"b": [5.0, 6.0], "a": [7.0, 8.0]})
    found = label_weights(read_targets(y, tasks), weights)
    assert_array_equal(found, [[7, 8], [5, 6]])  # of columns a and b


def test_numbered_columns_are_in_the_order_of_y():
    tasks = Tasks(b=Regression(column=1), a=Regression(column=0))
    columns = read_targets(np.ones((2, 2)), tasks)
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    for given in (weights, pd.DataFrame(weights)):
        assert_array_equal(label_weights(columns, given), [[2, 4], [1, 3]])


def polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def slice_dict(columns):
    return SliceDict(**columns)


TWO = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "note": ["x", "y"]})
TASKS = Tasks(a=Regression(), b=Regression())


@pytest.mark.parametrize("hold", [pd.DataFrame, polars, slice_dict])
def test_a_name_of_nothing_is_an_error(hold):
    columns = read_targets(TWO, TASKS)
    weights = {"a": np.ones(2), "B": np.ones(2), "b": np.ones(2), "extra": np.ones(2)}
    message = r"has the columns \['B', 'extra'\], which are neither tasks nor columns"
    with pytest.raises(InvalidDataError, match=message):
        label_weights(columns, hold(weights))


def test_columns_of_y_that_no_task_reads_may_have_weights():
    weights = TWO.notna().astype(float)
    assert_array_equal(
        label_weights(read_targets(TWO, TASKS), weights), np.ones((2, 2))
    )
    # Of one task, those of another are not read.
    alone = read_targets(TWO, Tasks(b=Regression()))
    weights["b"] = [5.0, 6.0]
    assert_array_equal(label_weights(alone, weights), [[5, 6]])


@pytest.mark.parametrize("hold", [pd.DataFrame, polars])
def test_names_that_are_numbers(hold):
    numbered = TWO.set_axis([7, 8, 9], axis=1)
    read = read_targets(numbered, Tasks.from_mapping({"8": Regression()}))
    names = ["9", "8", "7"] if hold is polars else [9, 8, 7]
    given = hold(dict(zip(names, ([0, 0], [5.0, 6.0], [0, 0]), strict=True)))
    assert_array_equal(label_weights(read, given), [[5, 6]])


def test_weights_of_a_name_that_occurs_twice_are_an_error():
    weights = pd.DataFrame(np.ones((2, 3)), columns=["a", "b", "a"])
    message = r"has the columns \['a', 'b', 'a'\]; expected one for each task"
    with pytest.raises(InvalidDataError, match=message):
        label_weights(read_targets(TWO, TASKS), weights)
