"""Where a task is asked: read from a parameter, applied to labels and predictions."""

import numpy as np
import pandas as pd
import pytest

from mtlearn import Classification, Count, MultiLabel, Ordinal, Regression, Tasks
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.metrics import scored_labels
from mtlearn.tasks import TaskReader, fit_codec, read_targets

NAN = float("nan")


@pytest.mark.parametrize(
    ("when", "label"),
    [
        (("sick", True), True),
        (["sick", "a b"], "a b"),
        ("sick == True", True),
        ("sick==3", 3),
        ("sick == -1.5", -1.5),
        ("sick == early", "early"),
        ("sick == 'two words'", "two words"),
        ("sick == two words", "two words"),
        ("sick == a == b", "a == b"),
    ],
)
def test_both_forms_are_read(when, label):
    condition = Regression(when=when).condition
    assert condition.task == "sick"
    assert condition.label == label
    assert type(condition.label) is type(label)


@pytest.mark.parametrize(
    "when",
    ["sick", "== 1", "sick ==", ("sick",), (1, True), ("sick", [1]), 3, {"a": 1}],
)
def test_what_is_no_condition(when):
    message = r"'when' parameter of Regression \(task 'size'\) must be None, the name"
    with pytest.raises(ParameterTypeError, match=message):
        Tasks(size=Regression(when=when)).validate()


Y = np.array([[1, 3, 5.0], [0, 3, 6], [1, NAN, 7], [NAN, 3, 8], [1, 4, 9]])
CHAIN = Tasks(
    size=Regression(when=("stage", 3), column=2),
    sick=Classification(column=0),
    stage=Classification(when="sick == 1", column=1),
)
# Only row 0 has stage 3 where it is asked.
PRESENT = {
    "size": [True, False, False, False, False],
    "sick": [True, True, True, False, True],
    "stage": [True, False, False, False, True],
}


def test_labels_are_missing_where_the_task_is_not_asked():
    for target in read_targets(Y, CHAIN):
        assert target.present.tolist() == PRESENT[target.name], target.name
    codec = fit_codec(CHAIN, Y)
    assert codec.tasks["size"].mean_ == 5
    assert codec.tasks["stage"].classes_.tolist() == [3, 4]
    weights = dict(zip(codec.tasks.names, codec.encode(Y).weights, strict=True))
    for name, present in PRESENT.items():
        assert (weights[name] > 0).tolist() == present
        assert codec.target(name, Y).present.tolist() == present
        found, _, _ = TaskReader(CHAIN).read(name, Y, np.nan_to_num(Y))
        assert found.present.tolist() == present
    # A y that has nothing else tells no condition.
    assert codec.target("size", Y[:, 2]).present.all()


def test_a_task_may_come_before_the_one_that_it_depends_on():
    tasks = Tasks(size=Regression(when=("kind", 1)), kind=Classification())
    y = np.array([[5.0, 1], [6, 0], [8, 1]])
    assert fit_codec(tasks, y).tasks["size"].mean_ == 6.5


def test_labels_that_are_not_asked_for_may_be_anything():
    y = Y.copy()
    y[1, 2] = -1.0
    tasks = Tasks(
        sick=Classification(2), stage=Regression(), size=Count(when="sick == 1")
    )
    assert fit_codec(tasks, y).tasks["size"].mean_ == 7
    tasks.set_params(size__when=None)
    with pytest.raises(ValueError, match=r"-1\.0"):
        fit_codec(tasks, y)


def test_several_labels_of_a_row():
    y = np.array([[1, 0, 1.0], [0, 1, 1], [1, NAN, 0]])
    tasks = Tasks(kind=Classification(2), tags=MultiLabel(2, when=("kind", 1)))
    tags = read_targets(y, tasks)[1]
    assert tags.present.tolist() == [[True, True], [False, False], [False, True]]
    codec = fit_codec(tasks, y)
    kinds, labels = np.array([1, 0, 1]), np.array([[0, 1], [1, 1], [1, 0]])
    found = codec.arrange([kinds, labels])
    np.testing.assert_array_equal(found, [[1, 0, 1], [0, NAN, NAN], [1, 1, 0]])


def frames():
    words = pd.Series(["x", "y", "x"], dtype="category")
    flags = pd.Series([True, False, True])
    return {
        "category": (words, ["x", None, "x"]),
        "category of truth": (flags.astype("category"), [True, None, True]),
        "truth": (flags, [True, None, True]),
        "nullable": (pd.Series([1, 2, 1], dtype="Int64"), [1, None, 1]),
        "whole": (pd.Series([1, 2, 1]), [1, None, 1]),
        "large": (pd.Series([2**60 + 1, 2, 2**60 + 1]), [2**60 + 1, None, 2**60 + 1]),
        "text": (pd.Series(["x", "y", "x"]), ["x", None, "x"]),
    }


@pytest.mark.parametrize("name", frames())
def test_predictions_in_a_frame(name):
    column, expected = frames()[name]
    y = pd.DataFrame({"a": [0, 1, 0], "b": column})
    codec = fit_codec(Tasks(a=Classification(), b=Classification(when=("a", 0))), y)
    labels = codec.tasks["b"].classes_[[-1, 0, -1]]
    labels[[0, 2]] = column[0]
    found = codec.arrange([np.array([0, 1, 0]), labels])
    assert found["a"].tolist() == [0, 1, 0]
    assert found["b"].isna().tolist() == [False, True, False]
    assert found["b"][[0, 2]].tolist() == [expected[0], expected[2]]
    # Where all are asked, the dtype is that of y.
    whole = codec.arrange([np.array([0, 0, 0]), labels])
    assert whole["b"].dtype == y["b"].dtype


def test_predictions_in_an_array():
    codec = fit_codec(CHAIN, Y)
    # In the order of columns: sick, stage, size.
    found = codec.arrange(
        [
            np.array([1.0, 1, 0, NAN]),
            np.array([3.0, 4, 3, NAN]),
            np.array([0.1, 1, 2, NAN]),
        ]
    )
    expected = [[1, 3, 0.1], [1, 4, NAN], [0, NAN, NAN], [NAN] * 3]
    np.testing.assert_array_equal(found, expected)
    text = np.array([["a", "x"], ["b", "y"], ["a", "x"]], dtype=object)
    tasks = Tasks(u=Classification(), v=Classification(when="u == a"))
    found = fit_codec(tasks, text).arrange([text[:, 0], np.array(["x", "x", "x"])])
    assert found.tolist() == [["a", "x"], ["b", None], ["a", "x"]]


def test_figures_of_predictions_leave_out_what_has_none():
    predicted = np.array(
        [[1, 3, 5.5], [0, NAN, NAN], [0, NAN, NAN], [1, 3, 1], [1, 3, 2]]
    )
    found = scored_labels(CHAIN, Y, predicted)
    assert found["sick"].predicted.tolist() == [1, 0, 0, 1]
    assert found["stage"].true.tolist() == [3, 4]
    assert found["stage"].predicted.tolist() == [3, 3]
    assert found["size"].predicted.tolist() == [5.5]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            {"a": Classification(), "b": Classification(when=("c", 1))},
            r"task 'b' must name another task. Got 'c' instead; the others are \['a'\]",
        ),
        ({"a": Classification(when=("a", 1))}, r"another task. Got 'a' .* are \[\]"),
        (
            {
                "a": Classification(when=("b", 1)),
                "b": Classification(when=("a", 1)),
                "c": Ordinal(3, when=("a", 1)),
            },
            r"tasks a, b, c lead in a circle",
        ),
        (
            {"a": Classification(), "b": Regression(when=("a", 3))},
            r"a label of task 'a', which are \[0, 1\]. Got 3 instead",
        ),
        (
            {"a": Classification([0, 1]), "b": Regression(when=("a", "1"))},
            r"a label of task 'a', .* Got '1' instead",
        ),
        (
            {"a": Regression(), "b": Regression(when=("a", 1))},
            "'b' must name a task with classes, .* Task 'a' has none",
        ),
    ],
)
def test_conditions_that_cannot_be(tasks, message):
    y = np.array([[0, 1, 0], [1, 0, 1], [1, 1, 2]])[:, : len(tasks)]
    with pytest.raises(InvalidParameterError, match=message):
        fit_codec(Tasks.from_mapping(tasks), y)


def test_a_label_that_no_row_has_leaves_the_task_without_one():
    y = np.array([[0, 1.0], [0, 2]])
    tasks = Tasks(a=Classification(2), b=Regression(when=("a", 1)))
    with pytest.raises(ValueError, match="Task 'b' has no label"):
        fit_codec(tasks, y)
