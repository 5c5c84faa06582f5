"""How labels are read: in the form of the fit, whatever is missing."""

import numpy as np
import pandas as pd
import pytest

from mtlearn import MultiLabel
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import fit_codec

NAN = float("nan")


def fitted(task, y):
    codec = fit_codec(task, y)
    return next(iter(codec.tasks)), codec.encode(y), codec


def as_series(*sets):
    return pd.Series(list(sets))


FITTED_ON = {
    "sets": as_series({"a"}, {"b", "c"}, set()),
    "block": np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]]),
    "one": np.array([1, 0, 1]),
}


@pytest.mark.parametrize(
    ("form", "y", "message"),
    [
        (
            "sets",
            FITTED_ON["block"][:, 0],
            r"on sets .* reads \[0\] .* with 1\. ",
        ),
        ("sets", np.array(["a", "b", "c"]), r"on sets of labels, .* begins with 'a'"),
        ("block", FITTED_ON["block"][:, 0], r"each of 3 labels, and reads \[0\] of y"),
        ("block", as_series({0}, set(), {1, 2}), r"of 0 and 1 .* begins with \{0\}\. "),
        ("block", [None] * 3, "each of 3 labels"),
        ("one", as_series({0}, set(), {0}), r"of 0 and 1 .* begins with \{0\}\. "),
    ],
)
def test_labels_in_another_form_than_in_the_fit_are_refused(form, y, message):
    _, _, codec = fitted(MultiLabel(1 if form == "one" else None), FITTED_ON[form])
    with pytest.raises(InvalidDataError, match=message):
        codec.targets(y)
    with pytest.raises(InvalidDataError, match=message):
        codec.encode(y)


@pytest.mark.parametrize("sep", [None, ","])
def test_a_form_that_all_missing_cells_do_not_tell(sep):
    nothing = pd.Series([None, NAN, pd.NA], dtype=object)
    for y, task in ((FITTED_ON["sets"], MultiLabel()), (["a", "b, c"], MultiLabel())):
        if isinstance(y, list) and sep is None:
            continue
        _, _, codec = fitted(task.set_params(sep=sep), y)
        (target,) = codec.targets(nothing)
        assert target.values.tolist() == [frozenset()] * 3
        assert not target.present.any()
    _, _, codec = fitted(MultiLabel(1, sep=sep), FITTED_ON["one"])
    (target,) = codec.targets(nothing)
    assert target.values.shape == (3, 1)
    assert not target.present.any()


def test_scored_sets_of_another_type_are_refused_and_unknown_ones_are_wrong():
    _, _, codec = fitted(MultiLabel(), FITTED_ON["sets"])
    with pytest.raises(InvalidDataError, match="'task_0' has classes that are text"):
        codec.targets(as_series({1}, {2, 3}, set()))
    (target,) = codec.targets(as_series({"new"}, {"a"}, set()))
    assert target.values.tolist() == [{"new"}, {"a"}, set()]
    codec.targets(as_series(set(), set(), set()))
    _, _, codec = fitted(MultiLabel(), as_series({1}, {2, 3}, set()))
    with pytest.raises(InvalidDataError, match="'task_0' has classes that are numbers"):
        codec.targets(FITTED_ON["sets"])


def test_labels_without_an_order_are_to_be_declared():
    mixed = as_series({1}, {"a", 2}, {"b"})
    with pytest.raises(InvalidDataError, match=r"of several types.*: '\w', \d\. "):
        fitted(MultiLabel(), mixed)
    task, targets, _ = fitted(MultiLabel(["b", 2, "a", 1]), mixed)
    assert task.classes_.tolist() == ["b", 2, "a", 1]
    assert targets.values[0].tolist() == [[0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0]]


def test_lists_of_labels_that_are_no_array_are_told_how_to_come():
    lists = [["a"], ["b", "a"], []]
    with pytest.raises(InvalidDataError, match=r"lengths\. If .* pandas\.Series\(y\)"):
        fitted(MultiLabel(), lists)
    task, targets, _ = fitted(MultiLabel(), as_series(*lists))
    assert task.classes_.tolist() == ["a", "b"]
    same = fitted(MultiLabel(), [set(each) for each in lists])[1]
    assert targets.values[0].tolist() == [[1, 0], [1, 1], [0, 0]]
    assert same.values[0].tolist() == targets.values[0].tolist()
