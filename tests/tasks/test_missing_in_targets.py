"""Missing labels are a mask; weights of zero equal absence."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skorch.helper import SliceDict

from mtlearn.exceptions import InvalidDataError, MtlearnError
from mtlearn.tasks import (
    Classification,
    Regression,
    Tasks,
    fit_codec,
    label_weights,
    read_targets,
)

NAN = float("nan")
ALL_BUT_SECOND = [True, False, True]

WITH_GAP = {
    "float array": np.array([3.0, NAN, 5.0]),
    "real array": np.array([0.5, NAN, 1.5], dtype=np.float32),
    "object with None": np.array(["a", None, "b"], dtype=object),
    "object with NaN": np.array(["a", NAN, "b"], dtype=object),
    "object with np.nan32": np.array(["a", np.float32("nan"), "b"], dtype=object),
    "object with NA": np.array(["a", pd.NA, "b"], dtype=object),
    "object with NaT": np.array(["a", pd.NaT, "b"], dtype=object),
    "numbers with None": np.array([3, None, 5], dtype=object),
    "booleans with None": np.array([True, None, False], dtype=object),
    "list of strings": ["a", None, "b"],
    "list with NaN": ["a", NAN, "b"],
    "list of numbers": [3, None, 5],
    "Series": pd.Series(["a", None, "b"], name="digit"),
    "str": pd.Series(["a", None, "b"], dtype="str"),
    "string": pd.Series(["a", pd.NA, "b"], dtype="string"),
    "category": pd.Series(pd.Categorical(["a", None, "b"])),
    "boolean": pd.Series([True, pd.NA, False], dtype="boolean"),
    "Int64": pd.Series([3, pd.NA, 5], dtype="Int64"),
    "Float64": pd.Series([0.5, pd.NA, 1.5], dtype="Float64"),
    "Float32": pd.Series([0.5, pd.NA, 1.5], dtype="Float32"),
}


@pytest.mark.parametrize("y", WITH_GAP.values(), ids=WITH_GAP.keys())
def test_a_missing_label_is_masked_in_a_vector(y):
    (column,) = read_targets(y)

    assert column.present.tolist() == ALL_BUT_SECOND


@pytest.mark.parametrize("y", WITH_GAP.values(), ids=WITH_GAP.keys())
@pytest.mark.parametrize("container", [pd.DataFrame, SliceDict])
def test_a_missing_label_is_masked_in_a_column(y, container):
    whole = np.array([1, 2, 1])
    if container is SliceDict:
        y = np.asarray(y, dtype=object)
        table = SliceDict(gap=y, whole=whole)
    else:
        table = pd.DataFrame({"gap": y, "whole": whole})

    gap, whole_column = read_targets(table)

    assert gap.present.tolist() == ALL_BUT_SECOND
    assert whole_column.present.all()


@pytest.mark.parametrize("y", WITH_GAP.values(), ids=WITH_GAP.keys())
def test_a_missing_label_has_no_weight_and_teaches_nothing(y):
    codec = fit_codec(None, y)
    encoded = codec.encode(y)
    task = next(iter(codec.tasks))

    assert np.transpose(encoded.weights).tolist() == [[1.0], [0.0], [1.0]]
    assert encoded.values[0][1] == 0
    if task.kind == "classification":
        assert len(task.classes_) == 2
    else:
        assert task.mean_ == 1.0


@pytest.mark.parametrize("y", WITH_GAP.values(), ids=WITH_GAP.keys())
def test_a_missing_label_does_not_change_the_kind(y):
    real = {"real array", "Float64", "Float32"}
    names = [name for name, value in WITH_GAP.items() if value is y]

    (column,) = read_targets(y)

    assert column.kind == ("regression" if names[0] in real else "classification")


def test_labels_of_an_object_column_keep_their_type():
    y = np.array([[1, True, "a", 0.5], [None] * 4, [2, False, "b", 3]], dtype=object)

    kinds = [column.values.dtype.kind for column in read_targets(y)]

    assert kinds == ["i", "b", "O", "f"]


@pytest.mark.parametrize(
    "y",
    [
        np.full((3, 2), NAN),
        np.array([[1.0, NAN], [2.0, NAN], [1.0, NAN]]),
        np.array([["a", None], ["b", None], ["a", None]], dtype=object),
        pd.DataFrame({"task_0": [1, 2, 1], "task_1": pd.array([pd.NA] * 3, "Int64")}),
    ],
    ids=["all", "column", "objects", "frame"],
)
def test_a_task_without_a_label_is_an_error(y):
    with pytest.raises(
        InvalidDataError, match=r"Task 'task_[01]' has no label: every row"
    ):
        fit_codec(None, y)


def test_a_task_whose_labels_all_weigh_nothing_is_an_error():
    with pytest.raises(InvalidDataError, match=r"Task 'task_1' has no label.* weight"):
        fit_codec(None, np.array([[1, 2], [2, 1]]), [[1, 0], [1, 0]])


@pytest.mark.parametrize("gap", [np.array([NAN, NAN]), np.array([None, None])])
@pytest.mark.parametrize("task", [Regression(), Regression(bounds=(0, 9))])
def test_a_later_batch_may_lack_a_task(gap, task):
    codec = fit_codec(
        Tasks(a=task, b=Classification()), np.array([[0.5, 1], [1.5, 2], [1, 1]])
    )

    encoded = codec.encode(pd.DataFrame({"b": [1, 2], "a": gap}))

    assert np.transpose(encoded.weights).tolist() == [[0, 1], [0, 1]]
    assert encoded.values[0].tolist() == [0, 0]


@pytest.mark.parametrize("classes", [None, 4, ["a", "b"]])
def test_a_later_batch_may_lack_a_classification(classes):
    labels = ["a", "b"] if classes == ["a", "b"] else [1, 2]
    codec = fit_codec(Tasks(a=Classification(classes)), labels)

    encoded = codec.encode([None, None])

    assert np.transpose(encoded.weights).tolist() == [[0], [0]]
    assert encoded.values[0].dtype == np.int64


def test_weights_for_samples_reach_every_labelled_task():
    columns = read_targets(np.array([[1, 0.5], [NAN, 1.5], [2, NAN]]))

    weights = label_weights(columns, [2, 3, 0.5])

    assert [each.dtype for each in weights] == [np.float64, np.float64]
    assert [each.tolist() for each in weights] == [[2, 0, 0.5], [2, 3, 0]]


@pytest.mark.parametrize("container", [np.array, list, pd.DataFrame])
def test_weights_for_labels(container):
    columns = read_targets(np.array([[1, 0.5], [NAN, 1.5]]))

    weights = label_weights(columns, container([[2, 3], [4, 5]]))

    assert [each.tolist() for each in weights] == [[2, 0], [3, 5]]


def test_weights_for_one_task_may_be_a_column():
    (weight,) = label_weights(read_targets([1, 2]), [[2], [3]])
    assert weight.tolist() == [2, 3]


@pytest.mark.parametrize(
    "shape", [(2,), (4,), (3, 1), (3, 3), (2, 3), (3, 2, 1)], ids=str
)
def test_weights_of_another_shape_are_an_error(shape):
    columns = read_targets(np.array([[1, 0.5], [2, 1.5], [1, 2.5]]))

    with pytest.raises(
        InvalidDataError,
        match=r"sample_weight has shape \(.*\); expected \(3,\) or \(3, 2\)",
    ):
        label_weights(columns, np.ones(shape))


@pytest.mark.parametrize("weights", [[1, -2.5, 1], [[1], [-2.5], [1]]])
def test_a_negative_weight_is_an_error(weights):
    with pytest.raises(
        InvalidDataError, match=r"Row 1 of sample_weight is negative \(-2.5\)"
    ) as caught:
        label_weights(read_targets([1, 2, 1]), weights)
    assert isinstance(caught.value, MtlearnError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("bad", "word"), [(NAN, "NaN"), (np.inf, "infinity")])
def test_a_weight_that_is_not_finite_is_an_error(bad, word):
    with pytest.raises(ValueError, match=f"sample_weight contains {word}"):
        label_weights(read_targets([1, 2, 1]), [1, bad, 1])


def same_fit(one, other):
    for name, task in one.tasks.items():
        twin = other.tasks[name]
        if task.kind == "classification":
            assert_array_equal(task.classes_, twin.classes_)
            assert_allclose(task.class_prior_, twin.class_prior_)
            assert_allclose(task.class_factors_, twin.class_factors_)
        else:
            assert_allclose(
                [task.mean_, task.center_, task.scale_],
                [twin.mean_, twin.center_, twin.scale_],
            )


TASKS = Tasks(item=Classification(class_weight="balanced"), shade=Regression())
Y = np.array([["a", 0.5], ["b", 2.0], ["a", 3.5], ["c", 7.0]], dtype=object)


def test_a_weight_of_zero_equals_a_missing_label():
    weights = np.array([[1, 0], [2, 1], [1, 3], [0, 2]])
    gaps = Y.copy()
    gaps[weights == 0] = None

    weighted = fit_codec(TASKS, Y, weights)
    masked = fit_codec(TASKS, gaps, weights)

    same_fit(weighted, masked)
    one, other = weighted.encode(Y, weights), masked.encode(gaps, weights)
    assert_allclose(one.weights, other.weights)
    for values, twins in zip(one.values, other.values, strict=True):
        assert_array_equal(values, twins)


def test_whole_weights_equal_repeated_rows():
    times = np.array([1, 3, 2, 4])

    weighted = fit_codec(TASKS, Y, times)
    repeated = fit_codec(TASKS, np.repeat(Y, times, axis=0))

    same_fit(weighted, repeated)


def test_the_fit_does_not_depend_on_the_scale_of_weights():
    same_fit(fit_codec(TASKS, Y, [1, 2, 1, 3]), fit_codec(TASKS, Y, [10, 20, 10, 30]))


def test_an_unknown_label_that_weighs_nothing_is_no_error():
    codec = fit_codec(Tasks(a=Classification(["x", "y"])), ["x", "y"])

    encoded = codec.encode(["x", "no such"], [1, 0])

    assert np.transpose(encoded.weights).tolist() == [[1], [0]]


def test_encoding_leaves_sample_weight_alone():
    weights = np.array([1.0, 2.0, 1.0, 3.0])
    codec = fit_codec(TASKS, Y, weights)

    codec.encode(Y, weights)

    assert weights.tolist() == [1, 2, 1, 3]
