"""Masked arrays that hide something are refused."""

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn._utils._dataset_items import label_of
from mtlearn._utils._masks import refuse_mask
from mtlearn.exceptions import DataTypeError
from mtlearn.inspection import ConfusionDisplay, ResidualsDisplay
from mtlearn.metrics import expected_calibration_error
from mtlearn.tasks import Classification, Regression, Tasks, fit_codec

ROW = np.ma.array([1.0, 2.0], mask=[False, True])
OPEN = np.ma.array([1.0, 2.0], mask=False)


def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


HIDING = {
    "array": (np.ma.array([[1, 2]], mask=[[0, 1]]), "It is a masked array"),
    "all of it": (np.ma.masked_all(3), "It is a masked array"),
    "list": ([OPEN, ROW], "It holds a masked array"),
    "list of lists": ([[1.0, 2.0], [1.0, np.ma.masked]], "It holds a masked array"),
    "tuple": ((ROW,), "It holds"),
    "objects": (objects(OPEN, ROW), "It holds"),
    "series": (pd.Series([OPEN, ROW]), "It holds"),
}
HIDES_NOTHING = {
    "array": OPEN,
    "nomask": np.ma.array([1.0, 2.0]),
    "list": [OPEN, OPEN],
    "objects": objects(OPEN, "text", None),
    "one object": np.array(None, dtype=object),
    "frame": pd.DataFrame({"a": ["x", "y"]}),
    "text": "text",
    "nothing": None,
}


@pytest.mark.parametrize(("value", "message"), HIDING.values(), ids=HIDING)
def test_what_is_masked_is_refused(value, message):
    with pytest.raises(DataTypeError, match=f"^{message}.* would be lost. Do so.$"):
        refuse_mask(value, "It", "Do so.")


@pytest.mark.parametrize("value", HIDES_NOTHING.values(), ids=HIDES_NOTHING)
def test_a_mask_that_hides_nothing_passes(value):
    refuse_mask(value, "It", "Do so.")


TASKS = Tasks(kind=Classification([1, 2]), size=Regression())
Y = {"kind": np.array([1, 2, 1]), "size": np.array([1.0, 2.0, 4.0])}


def hide(values):
    return np.ma.array(values, mask=[False, False, True])


def put(change, container):
    columns = {name: change(each) for name, each in Y.items()}
    if container == "dict":
        return SliceDict(**columns)
    stacked = np.ma.stack(list(columns.values()), axis=1)
    return stacked if container == "array" else list(stacked)


@pytest.mark.parametrize("container", ["array", "dict", "rows"])
def test_y(container):
    message = r"^y (is|holds) a masked .* with NaN: y\.astype\(float\)"
    with pytest.raises(DataTypeError, match=message):
        fit_codec(TASKS, put(hide, container))
    shown = put(lambda values: np.ma.array(values, mask=False), container)
    assert fit_codec(TASKS, shown).tasks["size"].mean_ == pytest.approx(7 / 3)


@pytest.mark.parametrize("n_columns", [1, 2])
def test_sample_weight(n_columns):
    y = np.column_stack(list(Y.values()))
    weight = np.ones((3, n_columns)).squeeze()
    hidden = np.ma.array(weight, mask=np.zeros_like(weight))
    expected = fit_codec(TASKS, y).tasks["size"].mean_
    assert fit_codec(TASKS, y, hidden).tasks["size"].mean_ == expected
    hidden[2] = np.ma.masked
    with pytest.raises(
        DataTypeError, match=r"^sample_weight is .*_weight\.filled\(0\)"
    ):
        fit_codec(TASKS, y, hidden)
    with pytest.raises(DataTypeError, match=r"^sample_weight holds a masked"):
        fit_codec(TASKS, y, list(hidden))


@pytest.mark.parametrize("label", [np.ma.masked, ROW, {"a": np.ma.masked}], ids=repr)
def test_labels_of_items(label):
    with pytest.raises(
        DataTypeError, match=r"The y of item 3 of the dataset .* masked"
    ):
        label_of(label, 3)


HIDDEN = np.ma.array([0, 1, 1], mask=[0, 0, 1])
PROBABILITIES = np.eye(2)[[0, 1, 1]]


@pytest.mark.parametrize("name", ["y_true", "y_pred", "sample_weight"])
def test_labels_and_predictions_by_hand(name):
    def given(*names):
        plain = {each: np.array([0, 1, 1]) for each in names}
        return {**plain, name: HIDDEN} if name in names else plain

    message = f"^{name} is a masked array.* Leave what is masked out"
    with pytest.raises(DataTypeError, match=message):
        ConfusionDisplay.from_predictions(**given("y_true", "y_pred", "sample_weight"))
    if name != "sample_weight":
        with pytest.raises(DataTypeError, match=message):
            ResidualsDisplay.from_predictions(**given("y_true", "y_pred"))
    if name != "y_pred":
        rows = given("y_true", "sample_weight")
        with pytest.raises(DataTypeError, match=message):
            expected_calibration_error(y_prob=PROBABILITIES, **rows)
    hidden = np.ma.array(PROBABILITIES, mask=PROBABILITIES > 0)
    with pytest.raises(DataTypeError, match=r"^y_prob is a masked"):
        expected_calibration_error([0, 1, 1], hidden)
