"""Weights in a frame are those of the columns that they name."""

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from mtlearn import Regression, Tasks
from mtlearn.tasks import label_weights, read_targets


def test_a_name_is_first_that_of_a_column_of_y():
    y = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    tasks = Tasks(b=Regression(column="a"), a=Regression(column="b"))
    weights = pd.DataFrame({"b": [5.0, 6.0], "a": [7.0, 8.0]})
    found = label_weights(read_targets(y, tasks), weights)
    assert_array_equal(found, [[7, 5], [8, 6]])  # of columns a and b


def test_numbered_columns_are_in_the_order_of_y():
    tasks = Tasks(b=Regression(column=1), a=Regression(column=0))
    columns = read_targets(np.ones((2, 2)), tasks)
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    for given in (weights, pd.DataFrame(weights)):
        assert_array_equal(label_weights(columns, given), [[2, 1], [4, 3]])
