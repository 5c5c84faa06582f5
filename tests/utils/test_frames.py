"""Columns with names, in frames of every library."""

import sys

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn._utils._frames import join_frames, make_frame, open_frame
from mtlearn.exceptions import DataTypeError, MissingDependencyError


class Lazy:
    """Something with names of columns, and no way to them."""

    columns = ("a", "b")

    def __array__(self, dtype=None, copy=None):
        return np.zeros((4, 2))


def polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def arrow(columns):
    return pytest.importorskip("pyarrow").table(columns)


def wrapped(columns):
    return nw.from_native(pd.DataFrame(columns))


COLUMNS = {"b": [1, 2], "a": ["x", "y"]}


@pytest.mark.parametrize("make", [pd.DataFrame, wrapped, polars, arrow])
def test_names_and_columns(make):
    frame = open_frame(make(COLUMNS), "y")

    assert frame.keys == ("b", "a")
    assert list(frame.take(1)) == ["x", "y"]


def test_a_slice_dict():
    frame = open_frame(SliceDict(b=np.array([1, 2]), a=np.array([3, 4])), "y")
    assert (frame.keys, frame.library) == (("b", "a"), "dict")
    assert frame.take(1).tolist() == [3, 4]


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((2, 2)),
        [[1, 2]],
        pd.Series([1, 2], index=["columns", "iloc"]),
        np.zeros(2, [("columns", "i8")]).view(np.recarray),
    ],
    ids=["array", "list", "Series", "recarray"],
)
def test_what_has_no_names(value):
    assert open_frame(value, "y") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1]}, r"y is a dict, which cannot be sliced .*SliceDict\(\*\*y\)"),
        (Lazy(), r"y is a \S*Lazy, whose columns cannot be read by their names"),
    ],
)
def test_names_that_cannot_be_read_are_refused(value, message):
    with pytest.raises(DataTypeError, match=message):
        open_frame(value, "y")


def test_a_lazy_frame_of_polars_is_refused():
    with pytest.raises(DataTypeError, match=r"y is a polars\S+LazyFrame, whose"):
        open_frame(polars(COLUMNS).lazy(), "y")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_are_made_and_joined(library):
    pytest.importorskip(library)
    columns = {"n": np.array([3, 1], np.int16), "t": np.array(["x", "y"], object)}

    frame = make_frame(columns, library)
    joined = join_frames([frame, frame], np.array([3, 0, 2, 1]))

    assert type(joined) is type(frame)
    rows = open_frame(joined, "y")
    assert rows.take(0).to_list() == [1, 3, 3, 1]
    assert rows.take(1).to_list() == ["y", "x", "x", "y"]
    assert rows.take(0).dtype == nw.Int16


def test_a_library_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "cudf", None)
    with pytest.raises(MissingDependencyError, match=r"of cudf needs it, .* cudf$"):
        make_frame({"a": np.zeros(1)}, "cudf")
