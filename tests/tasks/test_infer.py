"""Kinds inferred from y, and the column of each task."""

import warnings

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    MtlearnError,
    ParameterTypeError,
)
from mtlearn.tasks import Classification, Regression, Tasks, fit_codec, read_targets

CLASS_COLUMNS = {
    "int": np.array([1, 2]),
    "uint8": np.array([1, 2], dtype=np.uint8),
    "bool": np.array([True, False]),
    "str": np.array(["a", "b"]),
    "object": np.array(["a", "b"], dtype=object),
    "whole floats": np.array([1.0, -2.0]),
    "huge floats": np.array([1e30, 2e30]),
    "whole with gap": np.array([1.0, np.nan]),
    "category": pd.Series(pd.Categorical(["a", "b"])),
    "real category": pd.Series(pd.Categorical([0.5, 1.5])),
    "boolean": pd.Series([True, pd.NA], dtype="boolean"),
    "Int64": pd.Series([1, pd.NA], dtype="Int64"),
    "pandas str": pd.Series(["a", "b"], dtype="str"),
}
REAL_COLUMNS = {
    "float64": np.array([0.5, 2.0]),
    "float32": np.array([0.5, 2.0], dtype=np.float32),
    "with gap": np.array([0.5, np.nan]),
    "object": np.array([0.5, 2], dtype=object),
    "Float64": pd.Series([0.5, pd.NA], dtype="Float64"),
}


@pytest.mark.parametrize("y", CLASS_COLUMNS.values(), ids=CLASS_COLUMNS.keys())
def test_categories_strings_booleans_and_whole_numbers_are_classes(y):
    assert [column.kind for column in read_targets(y)] == ["classification"]
    if isinstance(y, np.ndarray):
        table = read_targets(np.column_stack([y, y]))
        assert [column.kind for column in table] == ["classification"] * 2


@pytest.mark.parametrize("y", REAL_COLUMNS.values(), ids=REAL_COLUMNS.keys())
def test_real_values_are_a_regression(y):
    assert [column.kind for column in read_targets(y)] == ["regression"]


def test_a_category_of_real_values_is_learned_as_classes_when_declared():
    y = pd.DataFrame({"dose": pd.Categorical([0.5, 1.5, 0.5])})

    codec = fit_codec(Tasks(dose=Classification([0.5, 1.5])), y)

    assert codec.tasks["dose"].classes_.tolist() == [0.5, 1.5]


@pytest.mark.parametrize(
    ("y", "names"),
    [
        ([1, 2], ("task_0",)),
        ([[1, 2], [2, 1]], ("task_0", "task_1")),
        (pd.Series([1, 2], name="digit"), ("digit",)),
        (pd.DataFrame({"b": [1], "a": [2]}), ("b", "a")),
        (pd.DataFrame({0: [1], 5: [2]}), ("0", "5")),
        (SliceDict(b=np.ones(2), a=np.ones(2)), ("b", "a")),
    ],
    ids=["1d", "2d", "Series", "frame", "numbers", "SliceDict"],
)
def test_names_of_inferred_tasks(y, names):
    assert tuple(column.name for column in read_targets(y)) == names


@pytest.mark.parametrize("name", ["a__b", ""])
def test_a_column_whose_name_no_task_can_have_is_an_error(name):
    with pytest.raises(InvalidParameterError, match=r"name of a task .* rename it"):
        read_targets(pd.DataFrame({name: [1, 2]}))


def test_many_distinct_whole_numbers_warn():
    with pytest.warns(UserWarning, match=r"'task_0' has 22 distinct whole numbers in"):
        (column,) = read_targets(np.arange(22))
    assert column.kind == "classification"


def test_strings_that_differ_in_every_row_warn():
    with pytest.warns(UserWarning, match=r"'task_0' has 22 distinct strings in"):
        (column,) = read_targets([str(i) for i in range(22)])
    assert column.kind == "classification"


@pytest.mark.parametrize(
    ("y", "tasks"),
    [
        (np.arange(20), None),
        (np.arange(40) // 2, None),
        (np.arange(22), Classification()),
        (np.arange(22), Tasks(a=Classification())),
        ([str(i // 2) for i in range(44)], None),
        (pd.Series(pd.Categorical(range(22))), None),
    ],
    ids=["few", "half", "one kind", "declared", "strings", "category"],
)
def test_no_warning_where_classes_are_likely_or_declared(y, tasks):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_targets(y, tasks)


@pytest.mark.parametrize("kind", [Classification(weight=3.0), Regression(loss="mae")])
def test_one_kind_for_all_columns(kind):
    codec = fit_codec(kind, np.array([[1, 2], [2, 1]]))

    assert codec.tasks.names == ("task_0", "task_1")
    assert all(type(task) is type(kind) for task in codec.tasks)
    assert [task.get_params() for task in codec.tasks] == [kind.get_params()] * 2
    assert codec.tasks["task_0"] is not codec.tasks["task_1"]


def test_one_kind_for_all_columns_has_no_column():
    with pytest.raises(InvalidParameterError, match=r"single kind .* Tasks\(name="):
        read_targets([1, 2], Classification(column=0))


def test_one_kind_for_all_columns_is_validated():
    with pytest.raises(InvalidParameterError, match=r"'loss' parameter of Regression"):
        read_targets([1, 2], Regression(loss="hinge"))


@pytest.mark.parametrize("tasks", ["classification", Classification, {"a": 1}, 3])
def test_tasks_of_another_type_are_an_error(tasks):
    with pytest.raises(
        ParameterTypeError, match=r"'tasks' parameter must be None, Tasks\(\.\.\.\), or"
    ) as caught:
        read_targets([1, 2], tasks)
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, TypeError)


FRAME = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]})
ARRAY = FRAME.to_numpy()
DICT = SliceDict(**{key: FRAME[key].to_numpy() for key in FRAME})


def first_labels(y, /, **columns):
    """Return the first label that each task reads."""
    tasks = Tasks(
        **{name: Classification(column=column) for name, column in columns.items()}
    )
    return [column.values[0] for column in read_targets(y, tasks)]


@pytest.mark.parametrize("y", [FRAME, DICT], ids=["frame", "SliceDict"])
def test_tasks_take_the_column_of_their_own_name(y):
    assert first_labels(y, c=None, a=None) == [5, 1]


@pytest.mark.parametrize("y", [FRAME, DICT], ids=["frame", "SliceDict"])
def test_tasks_take_the_named_column(y):
    assert first_labels(y, x="c", y="a", b=None) == [5, 1, 3]


@pytest.mark.parametrize("y", [FRAME, DICT, ARRAY], ids=["frame", "dict", "array"])
@pytest.mark.parametrize(
    ("column", "label"), [(0, 1), (2, 5), (-1, 5), (-3, 1), (np.int64(1), 3)]
)
def test_tasks_take_a_column_by_position(y, column, label):
    assert first_labels(y, x=column) == [label]


def test_tasks_take_the_columns_of_an_array_in_order():
    assert first_labels(ARRAY, z=None, y=None, x=None) == [1, 3, 5]


@pytest.mark.parametrize(("column", "label"), [(2, 20), (0, 10), (("k", 1), 30)])
def test_a_name_that_is_a_number_comes_before_a_position(column, label):
    y = pd.DataFrame([[10, 20, 30]], columns=pd.Index([5, 2, ("k", 1)], dtype=object))

    assert first_labels(y, x=column) == [label]


@pytest.mark.parametrize("column", [3, -4, "a"])
def test_a_column_that_an_array_does_not_have(column):
    with pytest.raises(
        InvalidDataError, match=r"'column' of task 'x' is .*: it is an array of 3 col"
    ):
        first_labels(ARRAY, x=column)


@pytest.mark.parametrize("column", [3, -4, "d"])
@pytest.mark.parametrize("y", [FRAME, DICT], ids=["frame", "SliceDict"])
def test_a_column_that_a_frame_does_not_have(y, column):
    with pytest.raises(InvalidDataError, match=r"task 'x' is .*columns are: a, b, c\."):
        first_labels(y, x=column)


@pytest.mark.parametrize("y", [FRAME, DICT], ids=["frame", "SliceDict"])
def test_a_task_whose_name_is_no_column(y):
    with pytest.raises(
        InvalidDataError, match=r"y has no column 'x'\. Its columns are: a, b, c\."
    ):
        first_labels(y, x=None)


def test_an_array_with_too_few_columns():
    with pytest.raises(
        InvalidDataError, match=r"y has 3 columns, and task 'w' is number 4"
    ):
        first_labels(ARRAY, x=None, y=None, z=None, w=None)
    with pytest.raises(
        InvalidDataError, match=r"y has 1 columns, and task 'y' is number 2"
    ):
        first_labels(ARRAY[:, 0], x=None, y=None)


def test_an_array_with_unclaimed_columns():
    with pytest.raises(InvalidDataError, match=r"y has 3 columns for 2 tasks \(x, y\)"):
        first_labels(ARRAY, x=None, y=None)


def test_a_list_of_columns():
    message = r"y has 5 columns for 2 tasks \(x, y\).* pass np\.column_stack\(y\)\."
    y = [np.arange(5), np.arange(5) / 4]
    with pytest.raises(InvalidDataError, match=message):
        first_labels(y, x=None, y=None)
    x, _ = read_targets(np.column_stack(y), Tasks(x=Regression(), y=Regression()))
    assert x.values.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(InvalidDataError) as info:  # rows, not columns
        first_labels(np.ones((5, 3)), x=None, y=None)
    assert "column_stack" not in str(info.value)


@pytest.mark.parametrize(
    ("y", "columns"),
    [
        (ARRAY, {"x": 1, "y": None, "z": 0}),
        (ARRAY, {"x": 2, "y": -1}),
        (FRAME, {"a": None, "x": "a"}),
        (FRAME, {"x": 0, "y": "a"}),
    ],
)
def test_two_tasks_may_not_read_one_column(y, columns):
    with pytest.raises(
        InvalidParameterError, match=r"and another read the same column"
    ):
        first_labels(y, **columns)


def test_scoring_a_frame_with_tasks_fitted_on_an_array():
    codec = fit_codec(None, ARRAY)

    with pytest.raises(InvalidDataError, match=r"y has no column 'task_0'"):
        codec.targets(FRAME)


def test_scoring_a_frame_in_which_a_column_occurs_twice():
    codec = fit_codec(None, FRAME)
    others = pd.DataFrame([[7, 8], [9, 10]], columns=["other", "other"])
    (a, *_) = codec.targets(others.join(FRAME))
    assert a.values.tolist() == [1, 2]
    twice = pd.concat([FRAME, FRAME[["a"]] + 1], axis=1)
    with pytest.raises(InvalidDataError, match=r"y has duplicate column names: a\."):
        codec.targets(twice)


def test_kinds_are_not_inferred_again():
    """A fold whose real values are all whole stays a regression."""
    codec = fit_codec(None, np.array([[0.5, 1], [1.0, 2]]))

    assert [
        column.kind for column in codec.targets(np.array([[1.0, 2], [2.0, 1]]))
    ] == [
        "regression",
        "classification",
    ]
