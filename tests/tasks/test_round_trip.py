"""y to numbers and back, for every kind of task and every container."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from skorch.helper import SliceDict

from mtlearn.tasks import Classification, Regression, Tasks, fit_codec


def decode(codec, outputs):
    """Do what predict does with activated outputs."""
    labels = [
        task.decode(output) for task, output in zip(codec.tasks, outputs, strict=True)
    ]
    return codec.arrange(labels)


def activated(codec, y):
    """Return the outputs of a network that knows y, as `Codec.decode` takes them."""
    outputs = []
    for task, values in zip(codec.tasks, codec.encode(y).values, strict=True):
        if task.kind == "classification":
            outputs.append(np.eye(task.n_outputs)[values])
        else:
            # Scaling and back leaves a rounding error.
            real = np.round(values * task.scale_ + task.center_, 12)
            outputs.append(real[:, np.newaxis])
    return outputs


def round_trip(y, tasks=None):
    codec = fit_codec(tasks, y)
    return decode(codec, activated(codec, y))


VECTORS = {
    "int64": np.array([3, 1, 3, 2]),
    "int32": np.array([3, 1, 3, 2], dtype=np.int32),
    "uint8": np.array([3, 1, 3, 2], dtype=np.uint8),
    "negative": np.array([-1, 1, -1, 1], dtype=np.int8),
    "float64 classes": np.array([0.0, 5.0, 0.0, 5.0]),
    "float32 classes": np.array([0.0, 5.0, 0.0, 5.0], dtype=np.float32),
    "float64": np.array([0.5, 1.25, -3.0, 2.0]),
    "float32": np.array([0.5, 1.25, -3.0, 2.0], dtype=np.float32),
    "float16": np.array([0.5, 1.25, -3.0, 2.0], dtype=np.float16),
    "big-endian": np.array([0.5, 1.25, -3.0, 2.0], dtype=">f4"),
    "bool": np.array([True, False, True, True]),
    "str": np.array(["one", "two", "twenty", "one"]),
    "object str": np.array(["one", "two", "twenty", "one"], dtype=object),
    "backwards": np.array([0.5, 1.25, -3.0, 2.0])[::-1],
}


@pytest.mark.parametrize("y", VECTORS.values(), ids=VECTORS.keys())
def test_vectors_come_back_with_their_dtype(y):
    back = round_trip(y)

    assert_array_equal(back, y)
    assert back.dtype == y.dtype
    assert back.shape == y.shape


@pytest.mark.parametrize("y", VECTORS.values(), ids=VECTORS.keys())
def test_columns_come_back_with_their_dtype(y):
    table = np.column_stack([y, y[::-1]])

    back = round_trip(table)

    assert_array_equal(back, table)
    assert back.shape == (4, 2)
    # Labels that are no numbers come as objects, numbers in the machine's byte order.
    assert back.dtype == (object if y.dtype.kind in "OU" else y.dtype.newbyteorder("="))


@pytest.mark.parametrize("name", ["int32", "uint8", "float32 classes", "bool", "str"])
def test_declared_classes_come_back_with_the_dtype_of_y(name):
    y = VECTORS[name]
    declared = {"U": ["one", "twenty", "two"], "b": 2}.get(y.dtype.kind, 6)

    back = round_trip(y, Tasks(a=Classification(declared)))

    assert_array_equal(back, y)
    assert back.dtype == y.dtype


@pytest.mark.parametrize(
    ("y", "classes", "label"),
    [
        (np.array([0, 1], dtype=np.int8), 300, 299),
        (np.array([True, False]), 3, 2),
        (np.array(["a", "b"]), ["a", "b", "much longer"], "much longer"),
        (pd.DataFrame({"a": np.array([0, 1], dtype=np.int8)}), 300, 299),
        (pd.DataFrame({"a": pd.Categorical(["a", "b"])}), ["a", "b", "c"], "c"),
        (pd.DataFrame({"a": pd.array([0, 1], "Int8")}), 300, 299),
        (pd.DataFrame({"a": pd.array([1, None], "Int64")}), [1.0, 1.5], 1.5),
        (pd.DataFrame({"a": pd.array([True, None], "boolean")}), 3, 2),
    ],
    ids=["int8", "bool", "str", "int8 column", "category", "Int8", "Int64", "boolean"],
)
def test_a_class_that_the_dtype_of_y_cannot_hold_is_still_predicted(y, classes, label):
    codec = fit_codec(Tasks(a=Classification(classes)), y)
    last = np.eye(codec.tasks["a"].n_outputs)[[-1]]

    back = decode(codec, [last])

    assert (
        back.to_numpy().tolist() == [[label]]
        if hasattr(back, "iloc")
        else (back.tolist() == [label])
    )


LISTS = {
    "strings": ["b", "a", "b"],
    "whole": [1, 2, 1],
    "real": [0.5, 2.5, 1.5],
    "bool": [True, False, True],
    "rows": [[1, 0.5], [2, 0.25], [1, 0.125]],
    "mixed rows": [["b", 0.5], ["a", 0.25], ["b", 0.125]],
}


@pytest.mark.parametrize("y", LISTS.values(), ids=LISTS.keys())
def test_lists_come_back_as_arrays(y):
    back = round_trip(y)

    assert isinstance(back, np.ndarray)
    assert back.tolist() == y


@pytest.mark.parametrize(
    "y",
    [torch.tensor([2, 0, 2]), torch.tensor([[2, 0.5], [0, 0.25], [2, 1.0]])],
    ids=["1d", "2d"],
)
def test_tensors_come_back_as_arrays(y):
    back = round_trip(y)

    assert_array_equal(back, y.numpy())
    assert back.dtype == y.numpy().dtype


def test_object_array_of_several_types_comes_back_as_objects():
    y = np.array([["b", 0.5, True], ["a", 0.25, False]], dtype=object)

    back = round_trip(y)

    assert back.dtype == object
    assert back.tolist() == y.tolist()


@pytest.mark.parametrize("name", [None, "digit", 7, "a__b", ""])
@pytest.mark.parametrize("values", [["b", "a"], [0.5, 1.5], [4, 9]])
def test_a_series_comes_back_as_an_array(name, values):
    codec = fit_codec(None, pd.Series(values, name=name))

    back = decode(codec, activated(codec, pd.Series(values, name=name)))

    assert isinstance(back, np.ndarray)
    assert back.tolist() == values
    assert codec.tasks.names == ("digit" if name == "digit" else "task_0",)


COLUMNS = {
    "str": pd.Series(["b", "a", "b"], dtype="str"),
    "string": pd.Series(["b", "a", "b"], dtype="string"),
    "object": pd.Series(["b", "a", "b"], dtype=object),
    "category": pd.Series(pd.Categorical(["b", "a", "b"])),
    "ordered": pd.Series(
        pd.Categorical(["low", "high", "low"], ["low", "mid", "high"], ordered=True)
    ),
    "numbered category": pd.Series(pd.Categorical([7, 5, 7])),
    "bool": pd.Series([True, False, True]),
    "boolean": pd.Series([True, False, True], dtype="boolean"),
    "int8": pd.Series([3, 4, 3], dtype="int8"),
    "Int64": pd.Series([3, 4, 3], dtype="Int64"),
    "float classes": pd.Series([3.0, 4.0, 3.0], dtype="float32"),
    "float32": pd.Series([0.5, 1.5, -2.5], dtype="float32"),
    "float64": pd.Series([0.5, 1.5, -2.5]),
    "Float64": pd.Series([0.5, 1.5, -2.5], dtype="Float64"),
    "object real": pd.Series([0.5, 1.5, -2.5], dtype=object),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column_of_a_frame_comes_back_with_its_dtype(column):
    y = pd.DataFrame({"target": column})

    assert_frame_equal(round_trip(y), y)


def test_a_frame_of_all_dtypes_comes_back_whole():
    y = pd.DataFrame(COLUMNS)

    assert_frame_equal(round_trip(y), y)


def test_column_names_need_not_be_strings():
    y = pd.DataFrame({3: ["b", "a"], ("x", 1): [0.5, 1.5]})

    codec = fit_codec(None, y)

    assert codec.tasks.names == ("3", "('x', 1)")
    assert_frame_equal(decode(codec, activated(codec, y)), y)


@pytest.mark.parametrize(
    "columns",
    [
        pd.Index([("x", 1), ("y", 2)], tupleize_cols=False),
        pd.Index([("x", 1), ("y", 2)], tupleize_cols=False, name="names"),
        pd.MultiIndex.from_tuples([("x", 1), ("y", 2)]),
        pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["u", None]),
        pd.Index([2, 1], name="numbers"),
        pd.Index([True, False]),
        pd.Index([0.5, 1.5]),
        pd.date_range("2026", periods=2, name="when"),
        pd.period_range("2026", periods=2),
    ],
    ids=repr,
)
def test_names_of_columns_keep_their_type(columns):
    y = pd.DataFrame([["b", 0.5], ["a", 1.5]]).set_axis(columns, axis=1)

    assert_frame_equal(round_trip(y), y, check_freq=False)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (pd.Series([1, 2, 4], dtype="int32"), "float64"),
        (pd.Series([True, False, True]), "float64"),
        (pd.Series([1, 2, 4], dtype="Int64"), "Float64"),
        (pd.Series([True, False, True], dtype="boolean"), "Float64"),
        (pd.Series(pd.Categorical([0.5, 1.5, 2.5])), "float64"),
    ],
    ids=["int32", "bool", "Int64", "boolean", "category"],
)
def test_a_regression_on_whole_numbers_comes_back_as_floats(column, dtype):
    codec = fit_codec(Tasks(a=Regression()), pd.DataFrame({"a": column}))

    back = decode(codec, [np.array([[0.25], [0.75]])])

    assert back["a"].tolist() == [0.25, 0.75]
    assert back["a"].dtype == dtype


def test_a_regression_on_a_whole_array_comes_back_as_floats():
    codec = fit_codec(Tasks(a=Regression()), np.array([1, 2, 4]))

    assert decode(codec, [np.array([[0.25], [0.75]])]).tolist() == [0.25, 0.75]


def test_predictions_take_the_order_of_the_columns_of_an_array():
    y = np.array([[0.5, 2, 7], [1.5, 3, 8], [2.5, 2, 8]])
    tasks = Tasks(
        last=Classification(column=-1), first=Regression(column=0), mid=Classification()
    )
    tasks["mid"].set_params(column=1)

    assert_array_equal(round_trip(y, tasks), y)


def test_predictions_take_the_order_of_the_columns_of_a_frame():
    y = pd.DataFrame({"b": [0.5, 1.5], "extra": ["x", "y"], "a": ["u", "v"]})

    back = round_trip(y, Tasks(a=Classification(), b=Regression()))

    assert_frame_equal(back, y[["b", "a"]])


def test_a_slice_dict_comes_back_as_an_array():
    y = SliceDict(item=np.array(["b", "a", "b"]), shade=np.array([0.5, 1.5, 2.5]))

    back = round_trip(y, Tasks(shade=Regression(), item=Classification()))

    assert back.dtype == object
    assert back.tolist() == [["b", 0.5], ["a", 1.5], ["b", 2.5]]


def test_a_slice_dict_of_numbers_comes_back_as_numbers():
    y = SliceDict(
        a=torch.tensor([2, 0, 2]), b=np.array([0.5, 1.5, 2.5], dtype=np.float32)
    )

    back = round_trip(y)

    assert back.tolist() == [[2, 0.5], [0, 1.5], [2, 2.5]]
    assert back.dtype == np.float64


def test_a_column_vector_for_one_declared_task_comes_back_flat():
    y = np.array([[1], [2], [1]])

    assert round_trip(y, Tasks(a=Classification())).tolist() == [1, 2, 1]


def test_a_fit_warns_of_a_column_vector_for_one_declared_task():
    y = np.array([[1], [2], [1]])

    with pytest.warns(UserWarning, match=r"column-vector y was passed .* ravel\(\)"):
        fit_codec(Tasks(a=Classification()), y, warns=True)


def test_a_column_vector_without_declared_tasks_keeps_its_layout():
    y = np.array([[1], [2], [1]])

    assert_array_equal(round_trip(y), y)


def test_a_codec_leaves_the_declared_tasks_alone():
    tasks = Tasks(a=Classification(), b=Regression())

    codec = fit_codec(tasks, np.array([[1, 0.5], [2, 1.5]]))

    assert not hasattr(tasks["a"], "classes_")
    assert not hasattr(tasks["b"], "mean_")
    assert codec.tasks["a"].classes_.tolist() == [1, 2]


def test_taking_rows_of_encoded_targets():
    y = np.array([[1, 0.5], [np.nan, 1.5], [2, np.nan]])
    encoded = fit_codec(None, y).encode(y)

    taken = encoded.take(np.array([2, 0]))

    assert len(encoded) == 3
    assert len(taken) == 2
    assert taken.values[0].tolist() == [1, 0]
    assert np.transpose(taken.weights).tolist() == [[1, 0], [1, 1]]
