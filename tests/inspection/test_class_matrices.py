"""Matrices of classes and "unknown", which the displays of classes begin with."""

import numpy as np
import pytest
from open_set_cases import (
    FAR,
    NEAR,
    TEST,
    TRAIN,
    X,
    Y,
    fitted_columns,
    fitted_points,
    of_points,
)
from sklearn.metrics import confusion_matrix

from mtlearn.exceptions import ParameterTypeError
from mtlearn.inspection import ClasswiseDisplay, ConfusionDisplay
from open_problems import two_columns


@pytest.mark.parametrize(
    ("classes", "unknown_label", "called"),
    [
        ([0, 1, 2], -1, ["0", "1", "2", "unknown"]),
        (["a", "b", "c"], -1, ["a", "b", "c", "unknown"]),
        (["a", "b", "c"], "other", ["a", "b", "c", "other"]),
        ([1.0, 2.0, 3.0], "other", ["1", "2", "3", "other"]),
    ],
)
def test_the_unknown_is_the_last_class(classes, unknown_label, called):
    labels = np.array(classes)[Y]
    open_set = of_points(unknown_label=unknown_label).fit(X[TRAIN], labels[TRAIN])
    sets = {"near": NEAR, "far": FAR}
    display = ConfusionDisplay.from_estimator(
        open_set, X[TEST], labels[TEST], X_unknown=sets
    )
    both = np.concatenate([X[TEST], NEAR, FAR])
    # Their numbers: that of "unknown" is the last one.
    true = [*Y[TEST], *[3] * 80]
    known, inlier = open_set.predict_known(both), open_set.predict_inlier(both)
    found = np.where(inlier == 1, np.searchsorted(classes, known), 3)
    expected = confusion_matrix(true, found)
    assert expected[3, 3] > 30
    assert expected[3, :3].sum() > 0
    np.testing.assert_array_equal(display.matrices["task_0"], expected)
    assert display.labels["task_0"].tolist() == [*classes, unknown_label]
    ax = display.plot().axes_["task_0"]
    for axis in (ax.xaxis, ax.yaxis):
        assert [text.get_text() for text in axis.get_ticklabels()] == called


def test_labels_of_unknown_samples_in_y():
    labels = Y[TEST].copy()
    labels[:9], labels[9:12] = -1, 8
    display = ConfusionDisplay.from_estimator(fitted_points(), X[TEST], labels)
    assert display.labels["task_0"].tolist() == [0, 1, 2, 8, -1]
    assert display.matrices["task_0"].sum(axis=1)[3:].tolist() == [3, 9]
    weight = np.where(np.arange(120) < 9, 2.0, 1.0)
    weighted = ConfusionDisplay.from_estimator(
        fitted_points(), X[TEST], labels, sample_weight=weight, X_unknown=FAR
    )
    assert weighted.matrices["task_0"].sum(axis=1)[3:].tolist() == [3, 18 + 30]
    recall = ClasswiseDisplay.from_estimator(
        fitted_points(), X[TEST], labels, X_unknown=FAR
    ).figures()[-1]
    assert recall.label == -1
    kept = (fitted_points().predict(X[TEST][:9]) != -1).sum()
    assert recall.recall == pytest.approx(1 - kept / 39)


def test_each_task_that_may_be_unknown_and_others():
    labels, open_set = two_columns(Y)[0][TEST], fitted_columns()
    display = ConfusionDisplay.from_estimator(
        open_set, X[TEST], labels, X_unknown=NEAR, tasks=["first"]
    )
    assert display.labels["first"].tolist() == [0, 1, -1]
    rejected = (open_set.predict(NEAR)[:, 1] == -1).sum()
    assert display.matrices["first"][-1, -1] == rejected
    inner = open_set.estimator_
    plain = ConfusionDisplay.from_estimator(inner, X[TEST], labels)
    assert plain.labels["first"].tolist() == [0, 1]
    with pytest.raises(
        ParameterTypeError, match="ConfusionDisplay with X_unknown takes a "
    ):
        ConfusionDisplay.from_estimator(inner, X[TEST], labels, X_unknown=NEAR)
