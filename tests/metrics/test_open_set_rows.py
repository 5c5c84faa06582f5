"""Which samples the figures of an open set are computed on."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skorch.helper import SliceDict

from mtlearn import Classification, OpenSetClassifier
from mtlearn.data import ImageFiles
from mtlearn.metrics import open_set_report, unknown_sets
from mtlearn.metrics._open_set_rows import judge, open_set_rows
from open_problems import known_points, point_estimator, two_columns, unknown_points
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import image_estimator

X, Y = known_points(120)
FAR = unknown_points(20)
SETTINGS = {"quantile": 0.8, "calibration": 0.2, "random_state": 0}


def made(tasks=None, **params):
    estimator = point_estimator(tasks, max_epochs=2)
    return OpenSetClassifier(estimator, **{**SETTINGS, **params})


def test_scores_and_right_predictions_by_task():
    y, tasks = two_columns(Y)
    open_set = made(tasks).fit(X, y)
    some = y.astype(float)
    some[:3, 0], some[3:5, 0], some[50:, 1] = np.nan, 7, np.nan
    weight = np.arange(120.0)
    judged = judge(open_set, X, {"far": FAR})
    found = open_set_rows(judged, some, weight)
    assert {task: list(sets) for task, sets in found.items()} == {
        "kind": ["far", "unknown"],
        "first": ["far"],
    }
    scores, predicted = open_set.score_samples(X), open_set.predict_known(X)
    kind, first = found["kind"], found["first"]["far"]
    assert_array_equal(kind["far"].known, scores[5:, 0])
    assert_array_equal(kind["far"].right, predicted[5:, 0] == y[5:, 0])
    assert_array_equal(kind["far"].known_weight, weight[5:])
    assert_array_equal(kind["far"].unknown, open_set.score_samples(FAR)[:, 0])
    assert_array_equal(kind["far"].unknown_weight, np.ones(20))
    assert_array_equal(kind["unknown"].known, scores[5:, 0])
    assert_array_equal(kind["unknown"].unknown, scores[3:5, 0])
    assert_array_equal(kind["unknown"].unknown_weight, weight[3:5])
    assert_array_equal(first.known, scores[1:50, 1])  # the first row weighs nothing
    assert_array_equal(first.unknown, open_set.score_samples(FAR)[:, 1])
    assert [kind["far"].offset, first.offset] == open_set.offset_.tolist()


@pytest.mark.filterwarnings("ignore:.*cannot be read")
def test_images_that_are_skipped_are_left_out(tmp_path):
    pictures, y = smooth_pictures(70, 12, 12), np.arange(70) % 2
    names = [tmp_path / name for name in write_pictures(tmp_path, pictures)]
    images, unknown = (
        ImageFiles(list(map(str, part)), size=12, n_workers=1, on_error="skip")
        for part in (names[:60], names[60:])
    )
    inside = image_estimator(Classification(), max_epochs=1)
    open_set = OpenSetClassifier(inside, **SETTINGS).fit(images, y[:60])
    for name in names[3], names[40], names[61]:
        name.write_bytes(b"")
    y[50:60] = -1
    y[41] = -1
    there, is_known = ~np.isin(np.arange(60), [3, 40]), y[:60] >= 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = open_set_report(open_set, images, y[:60], {"other": unknown})
    # Beside those that name the files.
    messages = [str(each.message) for each in caught]
    messages = [each for each in messages if "have no prediction" in each]
    assert re.match("2 of 60 rows have no pred.*: the first is row 3", messages[0])
    assert re.match("1 of 10 rows of 'other' have.* the first is row 1", messages[1])
    assert len(messages) == 2
    counts = {(r["unknown"], r["n_known"], r["n_unknown"]) for r in report.rows}
    n_known = int((there & is_known).sum())
    assert counts == {("other", n_known, 9), ("unknown", n_known, 11)}
    right = open_set.predict(images)[there & is_known] == y[:60][there & is_known]
    rows = {r["metric"]: r["value"] for r in report.rows if r["unknown"] == "other"}
    assert rows["accuracy_after_rejection"] == pytest.approx(right.mean())
    assert all(np.isfinite(value) for value in rows.values())


def test_sets_by_name():
    assert unknown_sets(None, "report") == {}
    assert unknown_sets(FAR, "report") == {"unknown": FAR}
    sliced = SliceDict(a=FAR)
    assert unknown_sets(sliced, "report") == {"unknown": sliced}
    assert unknown_sets({"b": FAR, "a": X}, "report") == {"b": FAR, "a": X}


def test_one_more_than_the_samples():
    open_set = made().fit(X, Y)
    judged = judge(open_set, X, {"far": FAR})
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        open_set_rows(judged, np.append(Y, 0))
