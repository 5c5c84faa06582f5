"""A fit says where y may mean something else than it is taken for."""

import warnings

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
from mtlearn.model_selection import cross_val_predict

X = np.random.default_rng(0).normal(size=(30, 2))
WHOLE = np.arange(30) % 3 + 0.0
REAL = X[:, 0]
ONE_HOT = np.eye(3, dtype=int)[np.arange(30) % 3]
# Flags of chances 29/30, 1/30 and 0 are one a row in 30 rows with a chance of 14 %.
RARE = np.eye(3, dtype=int)[[0] * 29 + [1]]
Flag = Classification(2)
FLOATS = "Floating-point numbers that are all whole are taken for classes: "


def fit(y, tasks=None, method="fit"):
    estimator = MultiTaskEstimator(tasks, max_epochs=1, random_state=0)
    return getattr(estimator, method)(X[: len(y)], y)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("y", "names"),
    [
        (WHOLE, "'task_0'"),
        (WHOLE.astype(np.float32), "'task_0'"),
        (np.where(np.arange(30) < 5, np.nan, WHOLE), "'task_0'"),
        (np.column_stack([REAL, WHOLE, WHOLE]), "'task_1', 'task_2'"),
        (pd.DataFrame({"a": WHOLE, "b": REAL, "c": -WHOLE}), "'a', 'c'"),
    ],
    ids=["1d", "float32", "missing", "2d", "frame"],
)
def test_floats_that_are_whole(y, names, method):
    with pytest.warns(UserWarning, match=FLOATS + names + r"\. Declare") as caught:
        fit(y, method=method)
    assert len(caught) == 1


LIKELY = {
    "whole numbers": (WHOLE.astype(int), None),
    "two values": (WHOLE // 2, None),
    "one kind": (WHOLE, Classification()),
    "declared": (WHOLE, Tasks(a=Classification())),
    "regression": (WHOLE, Regression()),
    "category": (pd.DataFrame({"a": pd.Categorical(WHOLE)}), None),
    "text": (WHOLE.astype(str), None),
    "real": (REAL, None),
    "flags of two tags": (ONE_HOT[:, :2], None),
    "flags with several": (ONE_HOT[:, [0, 1, 2, 0]], None),
    "flags with none": (ONE_HOT * (np.arange(30) > 0)[:, None], None),
    "flags with a real one": (np.column_stack([ONE_HOT, REAL]), None),
    "one-hot values": (ONE_HOT, Regression()),
    "one-hot, declared": (ONE_HOT, Tasks.from_mapping(dict.fromkeys("abc", Flag))),
    "flags in few rows": (ONE_HOT[:3], Flag),
    "a flag that is always set": (np.tile([1, 0, 0], (30, 1)), None),
    "a flag that is nearly always set": (RARE, None),
}


@pytest.mark.parametrize(("y", "tasks"), LIKELY.values(), ids=LIKELY.keys())
def test_what_leaves_no_doubt(y, tasks):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(y, tasks)


def test_one_row_is_hardly_one_hot():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(ONE_HOT[:1], Flag, "partial_fit")


def test_kinds_that_are_inferred_once_leave_no_doubt():
    estimator = MultiTaskEstimator(max_epochs=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_val_predict(estimator, X, WHOLE, cv=2)


@pytest.mark.parametrize(
    ("y", "tasks"),
    [
        (ONE_HOT, None),
        (ONE_HOT.astype(float), None),
        (ONE_HOT.astype(bool), None),
        (ONE_HOT, Classification(2)),
        (pd.DataFrame(ONE_HOT, columns=list("abc")), None),
        (SliceDict(a=ONE_HOT[:, 0], b=ONE_HOT[:, 1], c=ONE_HOT[:, 2]), None),
        (ONE_HOT[:6], None),
    ],
    ids=["ints", "floats", "flags", "kind", "frame", "SliceDict", "six rows"],
)
def test_one_hot_labels(y, tasks):
    message = r"a single 1 in its 3 columns, .*pass y\.argmax\(axis=1\)"
    with pytest.warns(UserWarning, match=message) as caught:
        fit(y, tasks)
    assert len(caught) == 1
