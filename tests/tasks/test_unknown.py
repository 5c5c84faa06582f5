"""Rows that nothing is known of are predicted as missing, in every layout."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from mtlearn import Classification, Count, MultiLabel, Regression, Tasks
from mtlearn.tasks import (
    decode_rows,
    fit_codec,
    has_label,
    has_output,
    read_predictions,
)

NAN = float("nan")
# Rows 0 and 2 are known.
ROWS = [1, NAN, 0, NAN]


def outputs(*columns):
    """Give outputs of which whole rows are NaN."""
    return np.array([[each[i] for each in columns] for i in range(4)], dtype=np.float32)


OF_CLASSES = outputs([0.25, NAN, 0.75, NAN], [0.75, NAN, 0.25, NAN])
OF_VALUES = outputs([2.5, NAN, -1, NAN])


def predicted(tasks, y, *each):
    codec = fit_codec(tasks, y)
    pairs = zip(codec.labelled, each, strict=True)
    return codec.arrange([decode_rows(task, output) for task, output in pairs])


def test_rows_with_a_nan_have_no_output():
    assert has_output(OF_CLASSES).tolist() == [True, False, True, False]
    # A member may not know the first class of others.
    assert not has_output(np.array([[0, NAN]])).any()


@pytest.mark.parametrize(
    ("labels", "dtype", "expected"),
    [
        ([3, 7], float, [7, NAN, 3, NAN]),
        ([2**60, 2**60 + 1], object, [2**60 + 1, None, 2**60, None]),
        (["a", "b"], object, ["b", None, "a", None]),
        ([False, True], object, [True, None, False, None]),
        ([3.0, 7.0], float, [7, NAN, 3, NAN]),
    ],
)
def test_labels_of_one_task(labels, dtype, expected):
    found = predicted(Classification(), np.array(labels), OF_CLASSES)
    assert found.dtype == dtype
    assert_array_equal(found, np.array(expected, dtype))
    assert has_label(found).tolist() == [True, False, True, False]


def test_values():
    for task in (Regression(), Count()):
        found = predicted(task, np.array([0.0, 1.0]), OF_VALUES)
        assert_array_equal(found, [2.5, NAN, -1, NAN])
        assert found.dtype.kind == "f"


def test_an_array_of_several_tasks():
    tasks = Tasks(kind=Classification(), size=Regression())
    numbers = predicted(tasks, np.array([[3, 1.5], [7, 2]]), OF_CLASSES, OF_VALUES)
    assert_array_equal(numbers, [[7, 2.5], [NAN, NAN], [3, -1], [NAN, NAN]])
    y = np.array([["a", 1.5], ["b", 2]], dtype=object)
    mixed = predicted(tasks, y, OF_CLASSES, OF_VALUES)
    assert mixed.tolist() == [["b", 2.5], [None, None], ["a", -1], [None, None]]


def test_several_labels():
    y = np.array([[1, 0], [0, 1]])
    found = predicted(MultiLabel(), y, OF_CLASSES)
    assert_array_equal(found, [[0, 1], [NAN, NAN], [1, 0], [NAN, NAN]])
    sets = np.empty(2, dtype=object)
    sets[:] = [("a",), ("b",)]
    found = predicted(Tasks(tags=MultiLabel()), sets, OF_CLASSES)
    assert found.tolist() == [("b",), None, ("a",), None]


COLUMNS = {
    "int64": (np.array([3, 7]), "float64"),
    "large": (np.array([2**60, 2**60 + 1]), "Int64"),
    "unsigned": (np.array([2**63, 2**63 + 1], dtype=np.uint64), "UInt64"),
    "Int64": (pd.array([3, 7], dtype="Int64"), "Int64"),
    "text": (["a", "b"], None),
    "category": (pd.Categorical(["a", "b"]), None),
    "bool": ([False, True], "object"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_frame(name):
    column, dtype = COLUMNS[name]
    y = pd.DataFrame({"kind": column, "size": [1.5, 2]})
    tasks = Tasks(kind=Classification(), size=Regression())
    found = predicted(tasks, y, OF_CLASSES, OF_VALUES)
    assert list(found.columns) == ["kind", "size"]
    assert found.index.tolist() == [0, 1, 2, 3]
    assert found.isna().all(axis=1).tolist() == [False, True, False, True]
    assert found.notna().all(axis=1).tolist() == [True, False, True, False]
    assert found["kind"].dropna().tolist() == y["kind"].tolist()[::-1]
    assert found["kind"].dtype == (y["kind"].dtype if dtype is None else dtype)
    assert found["size"].dropna().tolist() == [2.5, -1]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_a_frame_of_another_library(library):
    module = pytest.importorskip(library)
    make = module.DataFrame if library == "polars" else module.table
    y = make({"place": [3, 7], "size": [1.5, 2.0], "name": ["a", "b"]})
    tasks = Tasks(place=Classification(), size=Regression(), name=Classification())
    found = predicted(tasks, y, OF_CLASSES, OF_VALUES, OF_CLASSES)
    assert type(found) is type(y)
    to_dict = {"polars": "to_dict", "pyarrow": "to_pydict"}[library]
    columns = {key: list(each) for key, each in getattr(found, to_dict)().items()}
    assert columns == {
        "place": [7, None, 3, None],
        "size": [2.5, None, -1, None],
        "name": ["b", None, "a", None],
    }


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_a_frame_of_another_library_without_a_row(library):
    module = pytest.importorskip(library)
    make = module.DataFrame if library == "polars" else module.table
    y = make({"name": ["a", "b"], "size": [1.5, 2.0]})
    tasks = Tasks(name=Classification(), size=Regression())
    found = predicted(tasks, y, OF_CLASSES[[1, 3]], OF_VALUES[[1, 3]])
    to_dict = {"polars": "to_dict", "pyarrow": "to_pydict"}[library]
    columns = {key: list(each) for key, each in getattr(found, to_dict)().items()}
    assert columns == {"name": [None, None], "size": [None, None]}


def test_all_rows_or_none():
    for output, expected in [
        (OF_CLASSES[[0, 2]], ["b", "a"]),
        (OF_CLASSES[[1, 3]], [None, None]),
    ]:
        found = predicted(Classification(), np.array(["a", "b"]), output)
        assert found.tolist() == expected


def test_predictions_that_lack_rows():
    tasks = Tasks(kind=Classification(), size=Regression())
    y = np.array([[0, 1.5], [1, 2], [0, 3]])
    labels, there = read_predictions([[1, 2], [NAN, NAN], [0, 3]], y, tasks)
    assert [each.tolist() for each in there] == [[True, False, True]] * 2
    assert [each[there[0]].tolist() for each in labels] == [[1, 0], [2, 3]]
    assert np.all(read_predictions(y, y, tasks)[1])


def test_sets_that_lack_rows():
    sets = np.empty(3, dtype=object)
    sets[:] = [("a",), ("a", "b"), ("b",)]
    tasks = fit_codec(Tasks(tags=MultiLabel()), sets).tasks
    predicted = np.empty(3, dtype=object)
    predicted[:] = [("b",), None, ()]
    (labels,), (there,) = read_predictions(predicted, sets, tasks)
    assert there.tolist() == [True, False, True]
    assert labels[there].tolist() == [{"b"}, set()]
