"""Which labels rows have: what displays are given is checked."""

import numpy as np
import pytest
from label_problems import NAMES, NAN, fitted_table
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import MultiLabel, MultiTaskEstimator
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection import LabelwiseDisplay, PrecisionRecallDisplay

Y = [[1, 0], [0, NAN]]


@pytest.mark.parametrize(
    ("args", "params", "message"),
    [
        (([[2, 0]], [[1, 0]]), {}, "y_true must be 1 .* Got 2 in row 0, column 0"),
        ((Y, [[1, 0], [0, 0.5]]), {}, "y_pred must be 1 .* Got 0.5 in row 1, column 1"),
        ((Y, [[1, 0]]), {}, r"y_pred must have the shape of y_true, \(2, 2\)"),
        ((Y, Y), {}, "Input y_pred contains NaN"),
        ((Y, [[1, 0], [0, 0]]), {"labels": ["a"]}, "labels must name each of the 2"),
        ((Y, [[1, 0], [0, 0]]), {"thresholds": [0.5]}, "one for each of 2 labels"),
        (
            (Y, [[1, 0], [0, 0]]),
            {"sample_weight": [-1, 1]},
            "finite and not negative",
        ),
        ((Y, [[1, 0], [0, 0]]), {"sample_weight": np.ones((2, 3))}, "must have the sh"),
    ],
)
def test_what_is_given_is_checked(args, params, message):
    with pytest.raises((InvalidDataError, ValueError), match=message):
        LabelwiseDisplay.from_predictions(*args, **params)


def test_weights_of_cells():
    weight = [[2, 1], [0, 5]]
    display = LabelwiseDisplay.from_predictions(
        Y, [[1, 0], [1, 0]], sample_weight=weight
    )
    rows = display.rows[""]
    assert rows.weight.tolist() == [[2, 1], [0, 0]]
    assert rows.prevalence.tolist() == [1, 0]


def test_labels_that_come_as_sets():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    there = X > 0.2
    y = np.empty(40, dtype=object)
    y[:] = [tuple(np.array(["sea", "sun"])[row]) for row in there]
    y[3] = None
    estimator = MultiTaskEstimator(MultiLabel(), max_epochs=2, random_state=0)
    estimator = make_pipeline(StandardScaler(), estimator).fit(X, y)
    display = PrecisionRecallDisplay.from_estimator(estimator, X, y)
    (rows,) = display.rows.values()
    assert rows.labels.tolist() == ["sea", "sun"]
    assert_array_equal(rows.rows, np.delete(np.arange(40), 3))
    assert_array_equal(rows.true, there[rows.rows])
    found = [set(own) for own in estimator.predict(X)[rows.rows]]
    assert found == [set(rows.labels[own]) for own in rows.predicted]


def test_a_line_in_a_notebook():
    estimator, X, y = fitted_table()
    display = LabelwiseDisplay.from_estimator(estimator, X, y)
    assert repr(display) == "<LabelwiseDisplay of tags; plot() draws it>"
    assert display.rows["tags"].labels.tolist() == NAMES[:3]
