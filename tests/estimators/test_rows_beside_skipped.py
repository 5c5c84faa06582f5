"""What a fit is told of its rows, beside images that are skipped."""

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import Classification, Regression, Tasks
from mtlearn._utils._row_plan import RowPlan, planned_rows
from mtlearn.data import ImageFiles
from mtlearn.exceptions import DataTypeError, InvalidDataError
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import assert_same_bits, image_estimator

PICTURES = smooth_pictures(24, height=12, width=12)
LIGHT = PICTURES.mean(axis=(1, 2, 3)) / 255
IS_LIGHT = np.median(LIGHT) < LIGHT
Y = np.column_stack([IS_LIGHT, LIGHT])
TASKS = Tasks(kind=Classification(), light=Regression())
BROKEN = np.array([2, 3, 17])
WHOLE = np.setdiff1d(np.arange(24), BROKEN)

silently = pytest.mark.filterwarnings("ignore:.*cannot be read")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    names = [folder / name for name in write_pictures(folder, PICTURES)]
    for number in BROKEN:
        names[number].write_bytes(b"")
    return list(map(str, names))


@pytest.fixture
def X(names):
    return ImageFiles(names, size=12, n_workers=2, on_error="skip")


def fitted(images, y, **params):
    return image_estimator(TASKS, **params).fit(images, y)


@silently
def test_what_is_known_of_rows_holds_for_the_others(X):
    origins = np.arange(24) // 2
    for held_out in (None, np.array([2, 3, 4, 5, 16])):
        others = None if held_out is None else np.array([2, 3, 14])  # 4, 5 and 16
        found, expected = (image_estimator(TASKS, early_stopping=True) for _ in "ab")
        with planned_rows(RowPlan(24, origins, held_out)):
            found.fit(X, Y)
        with planned_rows(RowPlan(21, origins[WHOLE], others)):
            expected.fit(PICTURES[WHOLE], Y[WHOLE])
        assert_same_bits(expected, found)
        assert expected.history_[0]["valid_loss"] == found.history_[0]["valid_loss"]


@silently
def test_columns_by_name(X):
    frame = {"kind": IS_LIGHT, "light": LIGHT}
    weight = {"light": np.linspace(1, 2, 24), "kind": np.linspace(0, 1, 24)}
    expected = image_estimator(TASKS).fit(
        PICTURES[WHOLE],
        Y[WHOLE],
        np.column_stack([weight["kind"], weight["light"]])[WHOLE],
    )
    for make in (pd.DataFrame, lambda columns: SliceDict(**columns)):
        found = image_estimator(TASKS).fit(X, make(frame), make(weight))
        assert_same_bits(expected, found)


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_what_is_wrong_with_y_and_weights_is_said_first(names, on_error):
    X = ImageFiles(names, size=12, on_error=on_error)
    by_name = {"kind": IS_LIGHT, "light": LIGHT}
    with pytest.raises(DataTypeError, match="y is a dict, which cannot be sliced"):
        fitted(X, by_name)
    with pytest.raises(DataTypeError, match="y is a dict, which cannot be sliced"):
        fitted(X[[2, 4]], by_name)  # as many columns as rows
    with pytest.raises(InvalidDataError, match=r"y should be a 1d array"):
        fitted(X, 5)
    with pytest.raises(ValueError, match=r"sample_weight has shape \(23,\)"):
        image_estimator(TASKS).fit(X, Y, np.ones(23))


@silently
def test_errors_name_rows_of_all(X):
    wrong = Y.copy()
    wrong[20, 1] = np.inf
    for fit in (image_estimator(TASKS).fit, fitted(X, Y).partial_fit):
        with pytest.raises(InvalidDataError, match="y contains infinity: row 20 of"):
            fit(X, wrong)
    with pytest.raises(InvalidDataError, match="Row 20 of sample_weight is negative"):
        image_estimator(TASKS).fit(X, Y, np.where(np.arange(24) == 20, -1, 1))
    with pytest.raises(InvalidDataError, match=r"y_val: .* infinity: row 20 of"):
        image_estimator(TASKS).fit(PICTURES, Y, X_val=X, y_val=wrong)
    wrong = np.where(np.arange(24) == 20, 5, IS_LIGHT)
    known = fitted(X, Y).set_params(warm_start=True)
    with pytest.raises(InvalidDataError, match="Row 20 of y has the label 5"):
        known.fit(X, np.column_stack([wrong, LIGHT]))
    with pytest.raises(InvalidDataError, match="n_samples=1"):  # of the fit alone
        fitted(X[[2, 4]], Y[[2, 4]])
    with pytest.raises(InvalidDataError, match="n_samples=1"):  # not what was before
        fitted(X, Y).fit(X[[2, 4]], Y[[2, 4]] + 7)
