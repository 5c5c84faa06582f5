"""Columns of DataFrames as numbers and codes, by hand."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtlearn.data import TableColumns, known_table, open_table, read_table
from mtlearn.exceptions import DataTypeError

NAN = np.nan
OWNER = "Estimator"


def learned(**columns):
    """Read a DataFrame as a fit does."""
    frame = open_table(pd.DataFrame(columns), OWNER)
    X, categories = read_table(frame, OWNER, None)
    return X, TableColumns.of(X, categories)


def read(known, **columns):
    """Read one as a prediction does."""
    return read_table(known_table(pd.DataFrame(columns), OWNER, known), OWNER, known)[0]


CATEGORIES = {
    "texts": (["b", "a", None, "b"], ["a", "b"], [1, 0, NAN, 1]),
    "strings": (pd.array(["b", pd.NA, "a", "a"], dtype="string"), *[["a", "b"]], None),
    "objects": (pd.Series(["a", NAN, "b", pd.NA], dtype=object), ["a", "b"], None),
    "declared": (
        # Not those that no row has, and not in the order that is declared.
        pd.Categorical(["b", None, "a", "b"], categories=["z", "b", "a"]),
        ["a", "b"],
        [1, NAN, 0, 1],
    ),
    "whole numbers": (pd.Categorical([7, 5, 7, None]), [5, 7], [1, 0, 1, NAN]),
    "truth values": (pd.Categorical([True, False, True, True]), [False, True], None),
    "of several types": (pd.Categorical(["a", 2, 1, "a"]), [1, 2, "a"], [2, 1, 0, 2]),
    "intervals": (
        pd.cut([1, 2, 4, 9], [0, 3, 5]),
        ["(0, 3]", "(3, 5]"],
        [0, 0, 1, NAN],
    ),
    "nothing": (pd.Series([None] * 4, dtype="string"), [], [NAN] * 4),
}


@pytest.mark.parametrize("values", CATEGORIES.values(), ids=CATEGORIES)
def test_categories(values):
    values, expected, codes = values
    X, known = learned(number=[0.0, 1.0, 2.0, 3.0], category=values)
    assert known.categories[0] is None
    assert known.categories[1].tolist() == expected
    if codes is None:
        names = [str(each) for each in expected]
        codes = [
            NAN if pd.isna(each) else names.index(str(each))
            for each in pd.Series(values).tolist()
        ]
    assert_array_equal(X, np.column_stack([[0, 1, 2, 3], codes]))
    assert_array_equal(known.has_missing, [False, np.isnan(codes).any()])
    assert_array_equal(known.means, [1.5, 0])
    assert_array_equal(read(known, number=[0.0, 1, 2, 3], category=values), X)


NUMBERS = {
    "nullable": (pd.array([1, None, 3], dtype="Int64"), [1, NAN, 3]),
    "nullable truth": (pd.array([True, None, False], dtype="boolean"), [1, NAN, 0]),
    "truth": ([True, False, True], [1, 0, 1]),
    "truth in objects": ([True, None, False], [1, NAN, 0]),
    "objects": (pd.Series([1, 2.5, pd.NA], dtype=object), [1, 2.5, NAN]),
    "decimals": ([Decimal("0.5"), None, Decimal(2)], [0.5, NAN, 2]),
    "nothing": (pd.Series([None] * 3, dtype=object), [NAN] * 3),
    "float32": (np.array([1, NAN, 2], dtype=np.float32), [1, NAN, 2]),
}


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
def test_numbers(values):
    values, expected = values
    X, known = learned(number=values, text=["a", "b", "a"])
    assert known.categories[0] is None
    assert X.dtype == np.float64
    assert_array_equal(X[:, 0], expected)
    there = [each for each in expected if each == each]
    assert known.means[0] == (sum(there) / len(there) if there else 0)
    # A category that holds numbers is one of numbers, where these were none.
    again = read(known, number=values, text=["a", "b", "a"])
    assert_array_equal(again, X)


def test_a_table_of_numbers_is_left_to_scikit_learn():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, NAN], "c": [True, False]})
    for X in (frame, frame.astype("Float64"), frame.to_numpy(), [["a"]], "a", None):
        assert open_table(X, OWNER) is None


def test_what_was_not_in_the_fit():
    _, known = learned(kind=["a", "c", "a"], size=pd.Categorical([1, 2, 1]))
    X = read(known, kind=["b", "c", None], size=[2.0, 3.0, NAN])
    assert_array_equal(X, [[NAN, 1], [1, NAN], [NAN, NAN]])
    declared = pd.Categorical(["c", "a", "a"], categories=["x", "c", "a"])
    X = read(known, kind=declared, size=[True, False, True])
    assert_array_equal(X, [[1, 0], [0, NAN], [0, 0]])
    assert known.described == {"n_categories": (2, 2), "has_missing": (False, False)}


def test_means_where_nothing_was_missing():
    known = TableColumns.of(np.array([[1.0, NAN, 1.7e308], [2.0, 4.0, 1.7e308]]), None)
    assert_allclose(known.means, [1.5, 4.0, 1.7e308])
    assert known.described == {
        "n_categories": (0, 0, 0),
        "has_missing": (False, True, False),
    }
    X = np.array([[NAN, NAN, NAN], [3.0, 5.0, 1.0]])
    assert_allclose(known.filled(X), [[1.5, NAN, 1.7e308], [3, 5, 1]])
    assert np.isnan(X[0]).all()
    assert known.filled(X[1:]) is not X
    whole = X[1:]
    assert known.filled(whole) is whole
    assert TableColumns.of(whole, None).described is None


REFUSED = {
    "texts and numbers": (["a", 1], "Column 'x' of X of Estimator holds texts and num"),
    "lists": ([["a"], ["b"]], r"whose column 'x' has a list"),
    "later lists": ([None, ["b"]], r"must hold numbers, texts or cat.* Got unhashable"),
    "dates": ([date(2020, 1, 1), None], r"Got datetime\.date\(2020, 1, 1\) instead"),
    "times": (pd.to_datetime(["2020", "2021"]), r"Got datetime64\[.*\] instead"),
    "complex": ([1j, 2j], "Got complex128 instead"),
    "bytes": ([b"a", None], "Got b'a' instead"),
}


@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)
def test_what_is_neither_numbers_nor_categories(values):
    values, match = values
    with pytest.raises(DataTypeError, match=match):
        learned(x=values, text=["a", "b"])


CHANGED = {
    "texts for numbers": ({"n": ["a"]}, "'n' .* holds texts, and held numbers in fit"),
    "numbers for texts": ({"t": [1]}, "'t' .* holds numbers, and held texts in fit"),
    "their dtype": ({"t": pd.Categorical([1])}, "'t' .* holds numbers, and held texts"),
    "texts for codes": ({"c": ["1"]}, "'c' .* holds texts, and held numbers in fit"),
}


@pytest.mark.parametrize("given", CHANGED.values(), ids=CHANGED)
def test_a_column_that_holds_something_else(given):
    given, match = given
    _, known = learned(n=[1.0, 2.0], t=["a", "b"], c=pd.Categorical([1, 2]))
    fine = {"n": [1.0], "t": ["a"], "c": pd.Categorical([1])}
    assert_array_equal(read(known, **fine), [[1, 0, 0]])
    nothing = {"n": [None], "t": [NAN], "c": pd.Series([None], dtype="string")}
    assert np.isnan(read(known, **nothing)).all()
    with pytest.raises(DataTypeError, match=match):
        read(known, **{**fine, **given})


def test_categories_need_a_frame():
    _, known = learned(n=[1.0, 2.0], t=["a", "b"])
    # One whose types are all those of numbers, too.
    assert_array_equal(read(known, n=[1.0], t=[NAN]), [[1, NAN]])
    with pytest.raises(DataTypeError, match=r"'t' .* holds numbers, and held texts"):
        read(known, n=[1.0], t=[1.0])
    with pytest.raises(DataTypeError, match=r"column 1 held cat.* the type ndarray"):
        known_table(np.zeros((1, 2)), OWNER, known)


def test_a_column_that_names_rows():
    names = [f"row {i}" for i in range(40)]
    with pytest.warns(UserWarning, match="'t' .* has 40 categories in 40 rows"):
        learned(t=names)
    learned(t=names[:20] * 2)
    learned(t=names[:20])
