"""A label that is none of the classes, in whatever holds y."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import fit_codec, known_targets, open_targets

TASKS = Tasks(kind=Classification(), size=Regression())
TEXT = ["a", "b", "a", "b"]
SIZES = [0.5, -1.0, 2.0, 3.0]


def read(fitted_on, y, label, names=("kind",)):
    return open_targets(fit_codec(TASKS, fitted_on), y, names, label)


@pytest.mark.parametrize(
    "column",
    [
        ["a", -1, None, "b"],
        np.array(["a", -1.0, np.nan, "b"], dtype=object),
        pd.Series(["a", -1, pd.NA, "b"]),
        pd.Series(["a", np.int64(-1), float("nan"), "b"], dtype=object),
        pd.Categorical(["a", -1, None, "b"]),
    ],
)
def test_it_stands_where_it_stood_and_what_is_missing_stays_so(column):
    y = pd.DataFrame({"size": SIZES, "kind": column})
    fitted_on = pd.DataFrame({"size": SIZES, "kind": TEXT})
    size, kind = read(fitted_on, y, -1)
    assert_array_equal(kind.present, [True, True, False, True])
    assert kind.values[kind.present].tolist() == ["a", -1, "b"]
    # Other tasks may have such a value: it is one of theirs.
    assert_array_equal(size.values, SIZES)
    assert size.present.all()


@pytest.mark.parametrize(
    "y",
    [
        np.array([[0, 0.5], [-1, -1.0], [1, 2.0], [np.nan, 3.0]]),
        SliceDict(kind=torch.tensor([0, -1, 1, torch.nan]), size=np.array(SIZES)),
        SliceDict(kind=np.array([0, -1, 1, np.nan]), size=np.array(SIZES)),
    ],
)
def test_numbers_in_arrays(y):
    if isinstance(y, SliceDict):
        fitted_on = SliceDict(kind=np.array([0, 1, 0, 1]), size=np.array(SIZES))
    else:
        fitted_on = np.column_stack([[0, 1, 0, 1], SIZES])
    kind, size = read(fitted_on, y, -1)
    assert_array_equal(kind.present, [True, True, True, False])
    assert kind.values[:3].tolist() == [0, -1, 1]
    assert_array_equal(size.values, SIZES)


def test_other_labels_are_checked_as_ever():
    y = pd.DataFrame({"kind": [0, -1, 1, 0], "size": SIZES})
    fitted_on = pd.DataFrame({"kind": TEXT, "size": SIZES})
    with pytest.raises(InvalidDataError, match="kind"):
        read(fitted_on, y, -1)
    with pytest.raises(InvalidDataError, match="mixes labels of the types int, str"):
        read(fitted_on, fitted_on.assign(kind=["a", -1, "b", "a"]), -2)


FRAME = pd.DataFrame({"kind": ["a", "b", "a", "b"], "size": [0.5, 1, 2, 3]})


@pytest.fixture
def codec():
    return fit_codec(Tasks(kind=Classification(), size=Regression()), FRAME)


def test_a_label_of_another_type_and_of_other_classes(codec):
    y = FRAME.assign(kind=["a", -1, "c", None])
    (kind, size), unknown = known_targets(codec, y, ["kind"], -1)
    assert list(unknown) == ["kind"]
    assert unknown["kind"].tolist() == [False, True, True, False]
    assert kind.present.tolist() == [True, False, False, False]
    assert kind.values[0] == "a"
    assert_array_equal(size.values, FRAME["size"])
    assert size.present.all()
    assert y["kind"].tolist() == ["a", -1, "c", None]  # as it was


def test_a_real_value_among_whole_classes_is_one_more_of_no_class():
    codec = fit_codec(Classification(), [0, 1, 2])
    _, unknown = known_targets(codec, [0.5, 1.0, 2.0], ["task_0"], -1)
    assert unknown["task_0"].tolist() == [True, False, False]


@pytest.mark.parametrize("label", ["1", 1, 1.0, np.int64(1)])
def test_a_label_is_no_text_that_looks_like_it(label):
    codec = fit_codec(Classification(), [0, 2, 0])
    held = [0, "1", 2] if isinstance(label, str) else [0, 1.0, 2]
    _, unknown = known_targets(codec, np.array(held, dtype=object), ["task_0"], label)
    assert unknown["task_0"].tolist() == [False, True, False]
    other = 1 if isinstance(label, str) else "1"
    mixed = np.array([0, "1" if other == "1" else 1, "x"], dtype=object)
    with pytest.raises(InvalidDataError, match="mixes labels of the types int, str"):
        known_targets(codec, mixed, ["task_0"], label)


def test_only_tasks_that_are_named_may_have_any(codec):
    (kind, _), unknown = known_targets(codec, FRAME.assign(kind="c"), [], -1)
    assert unknown == {}
    assert kind.present.all()
    y = pd.DataFrame({"kind": ["a", -1], "size": [1.0, 2.0]})
    with pytest.raises(InvalidDataError, match="mixes labels of the types"):
        known_targets(codec, y, [], -1)
    with pytest.raises(InvalidDataError, match="has classes that are text"):
        known_targets(codec, y.assign(kind=3), [], -1)


def test_all_are_unknown(codec):
    y = FRAME.assign(kind=["c", "d", "e", "f"])  # without the warning of other tasks
    (kind, _), unknown = known_targets(codec, y, ["kind"], -1)
    assert unknown["kind"].all()
    assert not kind.present.any()
    (kind, _), unknown = known_targets(codec, y.assign(kind=-1), ["kind"], -1)
    assert unknown["kind"].all()
    with pytest.raises(InvalidDataError, match="has classes that are text"):
        known_targets(codec, y.assign(kind=-2), ["kind"], -1)
    with pytest.raises(InvalidDataError, match="Column 'size' of y mixes labels"):
        known_targets(codec, y.assign(size=["a", 1, 2, 3]), ["kind"], -1)


def test_labels_are_read_as_they_stand(codec):
    y = FRAME.assign(kind=["a", -1, "c", None])
    kind, size = open_targets(codec, y, ["kind"], -1)
    assert kind.values.tolist()[:3] == ["a", -1, "c"]
    assert kind.present.tolist() == [True, True, True, False]
    assert_array_equal(size.values, FRAME["size"])


@pytest.mark.parametrize("dtype", [object, str])
def test_text_is_no_number_and_y_stays_as_it_is(dtype):
    codec = fit_codec(Classification(), ["1", "a"])
    y = np.array(["1", "a", "-1"], dtype=dtype)
    for label, is_marked in ((1, False), (-1, False), ("-1", True)):
        (known,), unknown = known_targets(codec, y, ["task_0"], label)
        (opened,) = open_targets(codec, y, ["task_0"], label)
        assert_array_equal(known.present, [True, True, False])
        assert_array_equal(unknown["task_0"], [False, False, True])
        assert (opened.values.dtype == object) or not is_marked
        assert opened.values.tolist() == ["1", "a", "-1"]
    assert y.tolist() == ["1", "a", "-1"]
