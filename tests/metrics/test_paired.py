"""Labels, predictions and weights of the same rows are vectors of one length."""

import numpy as np
import pandas as pd
import pytest

from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection import ClasswiseDisplay, ConfusionDisplay, ResidualsDisplay
from mtlearn.metrics import paired_columns

DISPLAYS = [ClasswiseDisplay, ConfusionDisplay, ResidualsDisplay]


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b", "b"],
        np.array([["a"], ["b"], ["b"]]),
        pd.Series(["a", "b", "b"], dtype="category"),
        pd.Series(["a", "b", "b"], dtype="string", index=[3, 2, 1]),
        pd.DataFrame({"kind": ["a", "b", "b"]}),
    ],
)
def test_a_column_is_a_vector(labels):
    true, predicted, weight = paired_columns(labels, ["b", "b", "a"])
    assert true.tolist() == ["a", "b", "b"]
    assert predicted.tolist() == ["b", "b", "a"]
    assert weight.tolist() == [1, 1, 1]
    matrix = ConfusionDisplay.from_predictions(labels, ["b", "b", "a"]).matrices[""]
    assert matrix.tolist() == [[0, 1], [1, 1]]


def test_residuals_of_a_column():
    display = ResidualsDisplay.from_predictions([[1.0], [2.0], [4.0]], [1, 1, 1])
    assert display.residuals().tolist() == [0, 1, 3]


@pytest.mark.parametrize("display", DISPLAYS)
def test_what_is_not_of_the_same_rows(display):
    for predicted in ([1], [1, 2], [1, 2, 3, 4]):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            display.from_predictions([1, 2, 3], predicted)
    with pytest.raises(ValueError, match="should be a 1d array"):
        display.from_predictions(np.ones((3, 2)), np.ones((3, 2)))


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_missing_labels(display, nothing):
    full = [1.5, 2.0, 3.0]
    hole = np.array([1.5, 2.0, nothing], dtype=object)
    with pytest.raises(InvalidDataError, match="Row 2 of y_true is missing: "):
        display.from_predictions(hole, full)
    with pytest.raises(InvalidDataError, match="Row 2 of y_pred is missing"):
        display.from_predictions(full, hole)
    with pytest.raises(InvalidDataError, match="Row 0 of y_true is missing: nan"):
        display.from_predictions([np.nan, 1.0, 2.0], full)


@pytest.mark.parametrize("display", DISPLAYS)
def test_no_rows(display):
    frame = display.from_predictions([], []).frame()
    assert len(frame) == 0


@pytest.mark.parametrize("display", DISPLAYS[:2])
def test_weights_that_are_not_of_the_same_rows(display):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        display.from_predictions([1, 2, 2], [1, 2, 1], sample_weight=[2.0])
    with pytest.raises(InvalidDataError, match="must not be negative"):
        display.from_predictions([1, 2], [1, 2], sample_weight=[1.0, -2.0])


@pytest.mark.parametrize("display", DISPLAYS[:2])
def test_labels_of_another_type(display):
    with pytest.raises(InvalidDataError, match="y_true is text, y_pred is numbers"):
        display.from_predictions(["0", "1"], [0, 1])
    true = np.array(["a", "b"], dtype=object)
    assert display.from_predictions(true, np.array(["a", "b"])).labels
    assert display.from_predictions([True, False], [1.0, 0.0]).labels
