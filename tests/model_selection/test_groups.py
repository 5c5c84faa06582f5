"""Groups of samples, as numbers."""

import numpy as np
import pandas as pd
import pytest
import torch

from mtlearn.exceptions import DataTypeError, InvalidDataError
from mtlearn.model_selection._groups import number_groups

DAYS = np.array(["2026-01-02", "2026-01-01", "2026-01-02"], dtype="datetime64[ns]")


@pytest.mark.parametrize(
    "groups",
    [
        ["b", "a", "b"],
        ("b", "a", "b"),
        np.array(["b", "a", "b"]),
        np.array(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"], index=[7, 7, 7]),
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series(["b", "a", "b"], dtype="string"),
        pd.Series([5, 3, 5], dtype="Int64"),
        pd.Index([5, 3, 5]),
        pd.Series([2**53 + 1, 2**53, 2**53 + 1], dtype="Int64"),
        np.array([5, 3, 5], dtype=np.uint8),
        [0.5, -3.0, 0.5],
        [True, False, True],
        [np.int64(5), 3, 5.0],
        [2**53 + 1, 2.0**53, 2**53 + 1],  # which floats would take for one
        ["1", 1, "1"],  # which numpy would make text of
        [("a", 1), ("a", 2), ("a", 1)],
        DAYS,
        pd.Series(DAYS),
        list(DAYS),
        torch.tensor([5, 3, 5]),
        list(torch.tensor([5, 3, 5])),
    ],
)
def test_groups_are_numbered_as_they_come(groups):
    assert number_groups(groups).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ([1, 2, None], "None"),
        ([1.0, 2.0, np.nan], "nan"),
        (np.array([1.0, 2.0, np.nan]), "nan"),
        (pd.Series([1, 2, None], dtype="Int64"), "<NA>"),
        (pd.Series(["a", "b", None]), "nan|None"),
        (pd.Series(["a", "b", None], dtype="category"), "nan"),
        (pd.Series(["a", "b", None], dtype="string"), "<NA>|nan"),
        (np.array([*DAYS[:2], "NaT"], dtype="datetime64[ns]"), "NaT"),
        ([*DAYS[:2], np.datetime64("NaT")], "NaT"),
        (pd.Series([*DAYS[:2], None]), "NaT"),
    ],
)
def test_a_row_without_a_group_is_named(groups, found):
    match = rf"'groups' parameter has .*({found}).* in row 2, which is no group"
    with pytest.raises(InvalidDataError, match=match):
        number_groups(groups)


@pytest.mark.parametrize(
    ("groups", "error", "match"),
    [
        (np.zeros((3, 2)), InvalidDataError, r"\(n_samples,\).*Got the shape \(3, 2\)"),
        (pd.DataFrame({"g": [1, 2]}), InvalidDataError, r"Got the shape \(2, 1\)"),
        (3, InvalidDataError, r"Got the shape \(\)"),
        ([[1], [2]], DataTypeError, "'groups' parameter holds something that is no"),
        (np.ma.array([1, 2], mask=[0, 1]), DataTypeError, "groups is a masked array"),
    ],
)
def test_what_is_no_groups(groups, error, match):
    with pytest.raises(error, match=match):
        number_groups(groups)
