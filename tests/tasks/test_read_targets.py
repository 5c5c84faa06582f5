"""What y may be, and what is said of what it may not be."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import coo_array, csr_matrix
from skorch.helper import SliceDict

from mtlearn.exceptions import DataTypeError, InvalidDataError, MtlearnError
from mtlearn.tasks import Classification, Tasks, fit_codec, read_targets

SIZES = r"y should be a 1d array .* or a 2d array .*, got an array of shape "
COMPLEX = np.array([1 + 0j, 2 + 1j])
DATES = np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]")

VALUE_ERRORS = {
    "none": (None, r"requires y to be passed, but the target y is None"),
    "0-d": (np.array(3), SIZES + r"\(\)"),
    "number": (3, SIZES + r"\(\)"),
    "string": ("abc", SIZES + r"\(\)"),
    "set": ({1, 2}, SIZES + r"\(\)"),
    "3-d": (np.zeros((2, 3, 4)), SIZES + r"\(2, 3, 4\)"),
    "ragged": ([[1, 2], [3]], r"cannot be read as an array: its rows have different"),
    "ragged objects": (
        np.array([[1, 2], [3]], dtype=object),
        r"Column 0 of y mixes labels of the types list",
    ),
    "no column": (np.zeros((3, 0)), r"y has no column"),
    "empty frame": (pd.DataFrame(index=[0, 1]), r"y has no column"),
    "empty SliceDict": (SliceDict(), r"y has no column"),
    "no row": (np.zeros(0), r"Task 'task_0' has no label"),
    "empty list": ([], r"Task 'task_0' has no label"),
    "infinity": (np.array([[1, 2.0], [3, np.inf]]), r"infinity: row 1 of column 1"),
    "-infinity": (np.array([1.5, -np.inf]), r"Input y contains infinity: row 1 of"),
    "infinity object": (
        pd.DataFrame({"a": np.array([None, np.inf], dtype=object)}),
        r"infinity: row 1 of column 'a'",
    ),
    "mixed": (np.array([1, "a"], dtype=object), r"Column 0 .* types int, str,"),
    "mixed list": ([1, "a"], r"Column 0 .* of the types int, str,"),
    "bool and number": (np.array([True, 2], object), r"Column 0 .* types bool, int,"),
    "bytes and str": (np.array([b"a", "b"], object), r"Column 0 .* bytes, str,"),
    "complex object": (np.array([1 + 0j, 2], object), r"Column 0 .* complex, int,"),
    "complex": (COMPLEX, r"Complex data not supported: column 0 of y has dtype compl"),
    "decimal": (np.array([Decimal(1)], object), r"Column 0 .* types Decimal,"),
    "interval": (
        pd.DataFrame({"bin": pd.cut([1, 2, 3], 2)}),
        r"Column 'bin' of y mixes labels of the types Interval",
    ),
    "timestamps": (
        pd.DataFrame({"when": pd.to_datetime(["2020-01-01"]).tz_localize("UTC")}),
        r"Column 'when' of y mixes labels of the types Timestamp",
    ),
    "duplicates": (
        pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
        r"y has duplicate column names: a\. Rename",
    ),
    "duplicates as strings": (
        pd.DataFrame([[1, 2]], columns=[1, "1"]),
        r"y has duplicate column names: 1\. Rename",
    ),
    "matrix in SliceDict": (
        SliceDict(a=np.zeros((3, 2))),
        r"Column 'a' of y has shape \(3, 2\); expected \(n_samples,\)",
    ),
    "gradient": (torch.ones(3, requires_grad=True), r"Pass y\.detach\(\)"),
}


@pytest.mark.parametrize(
    ("y", "message"), VALUE_ERRORS.values(), ids=VALUE_ERRORS.keys()
)
def test_y_that_cannot_be_read(y, message):
    with pytest.raises(InvalidDataError, match=message) as caught:
        fit_codec(None, y)
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)


TYPE_ERRORS = {
    "csr_matrix": (csr_matrix(np.eye(2)), r"sparse matrix; pass .* y\.toarray\(\)"),
    "sparse array": (coo_array(np.eye(2)), r"sparse matrix; pass .* y\.toarray\(\)"),
    "dict": ({"a": [1, 2]}, r"y is a dict, .* skorch\.helper\.SliceDict\(\*\*y\)"),
    "masked": (np.ma.array([1, 2], mask=[0, 1]), r"masked array, whose mask would"),
    "dates": (DATES, r"Column 0 of y has dtype datetime64"),
    "date column": (
        pd.DataFrame({"a": [1, 2], "when": DATES}),
        r"Column 'when' of y has dtype datetime64",
    ),
    "time spans": (DATES - DATES[0], r"Column 0 of y has dtype timedelta64"),
    "bytes": (np.array([b"a", b"b"]), r"Column 0 of y has dtype \|S1"),
}


@pytest.mark.parametrize(("y", "message"), TYPE_ERRORS.values(), ids=TYPE_ERRORS.keys())
def test_y_of_a_type_that_cannot_be_read(y, message):
    with pytest.raises(DataTypeError, match=message) as caught:
        fit_codec(None, y)
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, TypeError)


def test_columns_of_different_lengths_are_an_error():
    y = SliceDict(a=np.zeros(3))
    dict.__setitem__(y, "b", np.zeros(2))

    with pytest.raises(
        InvalidDataError, match="different numbers of rows: 'a' has 3, 'b' has 2"
    ):
        read_targets(y)


def test_whole_numbers_beyond_64_bits_are_an_error():
    with pytest.raises(InvalidDataError, match=r"Column 0 of y .* 64 bits"):
        read_targets([2**70, 1])


@pytest.mark.parametrize(
    "y",
    [
        np.array([1.0, 2.0, 1.0]),
        np.array([[1.0, 0.5], [np.nan, 1.5]]),
        np.array(["a", None, "b"], dtype=object),
        pd.DataFrame({"a": ["x", None], "b": [0.5, np.nan]}),
    ],
    ids=["1d", "2d", "object", "frame"],
)
def test_reading_leaves_y_alone(y):
    before = y.copy()
    if isinstance(y, np.ndarray):
        y.setflags(write=False)

    fit_codec(None, y).encode(y)

    if isinstance(y, np.ndarray):
        np.testing.assert_array_equal(y, before)
    else:
        pd.testing.assert_frame_equal(y, before)


def test_strings_of_a_list_do_not_hide_a_missing_label():
    """numpy alone would make a string of None or NaN."""
    columns = read_targets([["a", 1.5], [None, 2.5], ["nan", float("nan")]])

    assert columns[0].present.tolist() == [True, False, True]
    assert columns[1].present.tolist() == [True, True, False]


def test_a_series_of_one_task_is_read_by_position():
    (column,) = read_targets(
        pd.Series([1, 2], name="other", index=[5, 9]), Tasks(a=Classification())
    )

    assert column.name == "a"
    assert column.values.tolist() == [1, 2]


def test_rows_of_a_frame_are_read_in_order_whatever_the_index():
    y = pd.DataFrame({"a": [3, 1, 2]}, index=[2, 0, 1])

    (column,) = read_targets(y)

    assert column.values.tolist() == [3, 1, 2]
