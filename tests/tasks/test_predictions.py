"""read_predictions: each task's column out of what predict returned."""

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import read_predictions


def test_an_array_has_the_claimed_columns_in_the_order_of_y():
    tasks = Tasks(b=Classification(column=-1), a=Regression(column=1))
    y = np.zeros((2, 4))
    (b, a), _ = read_predictions(np.array([[0.5, 3], [0.7, 4]]), y, tasks)
    assert (b.tolist(), a.tolist()) == ([3, 4], [0.5, 0.7])


def test_a_slice_dict_says_the_order_by_its_names():
    tasks = Tasks(b=Classification(), a=Regression())
    y = SliceDict(a=np.zeros(2), other=np.zeros(2), b=np.array(["x", "x"]))
    predicted = np.array([[0.5, "x"], [0.7, "y"]], dtype=object)
    (b, a), _ = read_predictions(predicted, y, tasks)
    assert (b.tolist(), a.tolist()) == (["x", "y"], [0.5, 0.7])
    assert a.dtype == np.float64


def test_a_frame_is_read_by_name_also_for_columns_given_by_position():
    tasks = Tasks(b=Classification(column=2), a=Regression())
    y = pd.DataFrame({"other": [0], "a": [0.0], "kind": ["x"]})
    predicted = pd.DataFrame({"kind": ["y"], "a": [0.5]})
    (b, a), _ = read_predictions(predicted, y, tasks)
    assert (b.tolist(), a.tolist()) == (["y"], [0.5])


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        (np.zeros(2), "1 columns for 2 tasks"),
        (np.array([[0, 1], [0, np.nan]]), "Row 1 of the predictions .* 'b'"),
        (pd.DataFrame({"a": [0, 0], "b": [0, 0]}), "both be DataFrames, or neither"),
    ],
)
def test_what_does_not_fit(predicted, message):
    tasks = Tasks(a=Classification(), b=Regression())
    with pytest.raises(InvalidDataError, match=message):
        read_predictions(predicted, np.zeros((2, 2)), tasks)


def test_a_frame_lacks_a_column():
    tasks = Tasks(a=Classification())
    y = pd.DataFrame({"a": [1]})
    with pytest.raises(InvalidDataError, match=r"no column 'a'.* are: b"):
        read_predictions(y.rename(columns={"a": "b"}), y, tasks)
