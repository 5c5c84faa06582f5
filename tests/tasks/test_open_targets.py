"""A label that is none of the classes, in whatever holds y."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import fit_codec, open_targets

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
