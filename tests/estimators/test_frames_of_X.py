"""X in frames of other libraries, beside that of pandas."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from mtlearn import Regression
from mtlearn.exceptions import DataTypeError
from tiny_problems import assert_same_bits, table_estimator

COLUMNS = {
    "colour": ["red", "blue", None, "green"] * 6,
    "number": np.linspace(-1, 1, 24).tolist(),
    "gap": [None if i % 5 == 0 else i / 24 for i in range(24)],
    "whole": [1, None, 3] * 8,
    "flag": [True, None, False, True] * 6,
}
Y = np.linspace(0, 3, 24)
FRAME = pd.DataFrame(COLUMNS)


def fitted(X):
    return table_estimator(Regression(), max_epochs=2).fit(X, Y)


def polars(**types):
    library = pytest.importorskip("polars")
    frame = library.DataFrame(COLUMNS)
    if types.get("colour") == "enum":
        types = {"colour": library.Enum(["x", "red", "green", "blue"])}
    elif types:
        types = {name: getattr(library, each) for name, each in types.items()}
    return frame.cast(types)


def pyarrow():
    return pytest.importorskip("pyarrow").table(COLUMNS)


@pytest.mark.parametrize(
    "make",
    [
        polars,
        lambda: polars(colour="Categorical"),
        lambda: polars(colour="enum"),
        pyarrow,
    ],
    ids=["polars", "categorical", "enum", "pyarrow"],
)
def test_frames_of_other_libraries(make):
    X, expected = make(), fitted(FRAME)
    model = fitted(X)
    assert_same_bits(model, expected)
    assert model.categories_[0].tolist() == ["blue", "green", "red"]
    assert_array_equal(model.feature_names_in_, list(COLUMNS))
    for rows in (X, FRAME):
        assert_array_equal(model.predict(rows), expected.predict(FRAME))


def test_numbers_alone_and_what_is_none():
    frame = polars()[["number", "gap"]]
    assert_same_bits(fitted(frame), fitted(FRAME[["number", "gap"]]))
    assert fitted(frame).categories_ is None
    dates = frame.with_columns(day=date(2020, 1, 1))
    with pytest.raises(DataTypeError, match=r"'day' .* Got datetime\.date\(2020, 1, 1"):
        fitted(dates)
    with pytest.raises(DataTypeError, match=r"X of .* must be an array"):
        fitted(frame.lazy())
