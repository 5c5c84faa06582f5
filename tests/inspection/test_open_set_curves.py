"""OpenSetCurveDisplay: scikit-learn's curves of each score, and what is drawn."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
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
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.inspection import OpenSetCurveDisplay
from open_problems import two_columns


def check(curve, known, unknown):
    """Compare a curve with scikit-learn's, of which unknown is positive."""
    truth = [0] * len(known) + [1] * len(unknown)
    outlying = -np.concatenate([known, unknown])
    false, true, _ = roc_curve(truth, outlying)
    assert_allclose(curve.known_rejected, false)
    assert_allclose(curve.unknown_rejected, true)
    precision, recall, _ = precision_recall_curve(truth, outlying)
    assert_allclose(curve.precision, precision)
    assert_allclose(curve.recall, recall)
    assert curve.roc_auc == pytest.approx(roc_auc_score(truth, outlying))
    expected = average_precision_score(truth, outlying)
    assert curve.average_precision == pytest.approx(expected)
    assert curve.prevalence == len(unknown) / len(truth)


def test_the_score_that_decides_and_those_that_it_is_made_of():
    open_set = fitted_points()
    sets = {"near": NEAR, "far": FAR}
    display = OpenSetCurveDisplay.from_estimator(open_set, X[TEST], Y[TEST], sets)
    found = {(curve.unknown, curve.name): curve for curve in display.curves}
    names = ("auto", "knn", "mahalanobis")
    assert set(found) == {(of, name) for of in sets for name in names}
    assert {curve.task for curve in display.curves} == {"task_0"}
    for name in names:
        # Of a single score, the classifier's own is that score.
        alone = fitted_points(score=name)
        known = alone.score_samples(X[TEST])
        for of, unknown in sets.items():
            check(found[of, name], known, alone.score_samples(unknown))
    scores = [found["near", name].roc_auc for name in names]
    assert len(set(scores)) == 3
    assert max(scores) < 1


def test_the_point_of_the_threshold():
    open_set = fitted_points()
    display = OpenSetCurveDisplay.from_estimator(open_set, X[TEST], X_unknown=NEAR)
    own, *others = display.curves
    is_known = open_set.predict(X[TEST]) != -1
    is_unknown = open_set.predict(NEAR) == -1
    rejected = (~is_known).sum(), is_unknown.sum()
    assert 0 < rejected[0] < 120
    assert 0 < rejected[1] < 50
    expected = rejected[0] / 120, rejected[1] / 50, rejected[1] / sum(rejected)
    assert own.at == pytest.approx(expected)
    assert (own.threshold, own.quantile) == (open_set.offset_, 0.8)
    assert [(each.at, each.threshold) for each in others] == [(None, None)] * 2
    frame = display.frame()
    assert frame["name"].tolist() == ["auto", "knn", "mahalanobis"]
    row = frame.iloc[0]
    at = row[["known_rejected", "unknown_rejected", "precision"]].tolist()
    assert at == pytest.approx(expected)
    assert row[["task", "unknown", "quantile"]].tolist() == ["task_0", "unknown", 0.8]
    assert frame["known_rejected"].isna().tolist() == [False, True, True]


def test_where_nothing_is_rejected():
    with pytest.warns(UserWarning, match="no sample is going to be rejected"):
        open_set = of_points(quantile=0.99).fit(X[TRAIN], Y[TRAIN])
    display = OpenSetCurveDisplay.from_estimator(open_set, X[TEST], X_unknown=NEAR)
    assert display.curves[0].at[:2] == (0, 0)
    assert np.isnan(display.curves[0].at[2])
    display.plot()
    roc, precision = display.axes_.values()
    assert marks(roc) == [(0, 0)]
    assert marks(precision) == []


def test_several_classifiers():
    given = {"lax": fitted_points(), "strict": fitted_points(quantile=0.6)}
    display = OpenSetCurveDisplay.from_estimator(given, X[TEST], X_unknown=NEAR)
    assert [curve.name for curve in display.curves] == ["lax", "strict"]
    for curve, open_set in zip(display.curves, given.values(), strict=True):
        check(curve, open_set.score_samples(X[TEST]), open_set.score_samples(NEAR))
        assert curve.threshold == open_set.offset_
    display.plot()
    texts = legend(display.axes_["task_0", "unknown", "roc"])
    assert texts[-2:] == ["lax, quantile 0.8", "strict, quantile 0.6"]
    with pytest.raises(InvalidParameterError, match="'estimator' parameter of OpenSe"):
        OpenSetCurveDisplay.from_estimator({}, X, X_unknown=NEAR)


def test_labels_tell_which_samples_are_known():
    labels = Y[TEST].astype(float)
    labels[:10] = np.nan
    labels[10:30] = 7  # none of the classes
    labels[30:40] = -1
    open_set = fitted_points()
    scores = open_set.score_samples(X[TEST])
    display = OpenSetCurveDisplay.from_estimator(open_set, X[TEST], labels)
    assert {curve.unknown for curve in display.curves} == {"unknown"}
    check(display.curves[0], scores[40:], scores[10:40])
    both = OpenSetCurveDisplay.from_estimator(open_set, X[TEST], labels, NEAR)
    unknown = np.concatenate([open_set.score_samples(NEAR), scores[10:40]])
    check(both.curves[0], scores[40:], unknown)
    named = OpenSetCurveDisplay.from_estimator(
        open_set, X[TEST], labels, {"near": NEAR}
    )
    assert {curve.unknown for curve in named.curves} == {"near", "unknown"}


def test_each_task_has_its_own_threshold_and_rows():
    labels = two_columns(Y)[0][TEST].astype(float)
    labels[:20, 1] = np.nan
    open_set = fitted_columns()
    made = OpenSetCurveDisplay.from_estimator
    display = made(open_set, X[TEST], labels, NEAR)
    assert repr(display) == "<OpenSetCurveDisplay of kind, first; plot() draws it>"
    known, unknown = open_set.score_samples(X[TEST]), open_set.score_samples(NEAR)
    own = [curve for curve in display.curves if curve.name == "auto"]
    for place, start in enumerate((0, 20)):
        check(own[place], known[start:, place], unknown[:, place])
        assert own[place].threshold == open_set.offset_[place]
    first = made(open_set, X[TEST], labels, NEAR, tasks=["first"])
    assert {curve.task for curve in first.curves} == {"first"}
    with pytest.raises(InvalidParameterError, match=r"\['kind', 'first'\]. Got \['si"):
        made(open_set, X[TEST], labels, NEAR, tasks=["size"])
    labels[:, 1] = np.nan
    rest = made(open_set, X[TEST], labels, NEAR)
    assert {curve.task for curve in rest.curves} == {"kind"}
    with pytest.raises(InvalidDataError, match="and has a label of task 'first'"):
        made(open_set, X[TEST], labels, NEAR, tasks=["first"])


def test_one_threshold_for_a_whole_row():
    open_set = fitted_columns("row")
    labels = two_columns(Y)[0][TEST].astype(float)
    labels[:20, 1], labels[:10, 0] = np.nan, np.nan
    labels[20:30, 1] = 5
    display = OpenSetCurveDisplay.from_estimator(open_set, X[TEST], labels, NEAR)
    assert [curve.task for curve in display.curves] == ["kind, first"] * 3
    scores = open_set.score_samples(X[TEST])
    known = np.concatenate([scores[10:20], scores[30:]])
    unknown = np.concatenate([open_set.score_samples(NEAR), scores[20:30]])
    check(display.curves[0], known, unknown)


def test_each_score_of_a_whole_row():
    open_set, labels = fitted_columns("row"), two_columns(Y)[0]
    display = OpenSetCurveDisplay.from_estimator(open_set, X[TEST], X_unknown=NEAR)
    for curve in display.curves[1:]:
        alone = clone(open_set).set_params(score=curve.name)
        alone.fit(X[TRAIN], labels[TRAIN])
        check(curve, alone.score_samples(X[TEST]), alone.score_samples(NEAR))
    assert len(display.curves) == 3


def test_scores_that_are_there_already():
    known, unknown = [-1.0, -2.0, np.nan, -3.0, -5.0], [-4.0, np.nan, -6.0]
    display = OpenSetCurveDisplay.from_predictions(
        known, {"noise": unknown}, threshold=-3.5, name="mine", task="sign"
    )
    (curve,) = display.curves
    check(curve, np.array([-1.0, -2, -3, -5]), np.array([-4.0, -6]))
    assert curve.at == pytest.approx((1 / 4, 1, 2 / 3))
    (tied,) = OpenSetCurveDisplay.from_predictions(
        known, unknown, threshold=-4.0
    ).curves
    assert tied.at == pytest.approx((1 / 4, 1 / 2, 1 / 2))  # at it, they are kept
    assert (curve.task, curve.unknown, curve.name) == ("sign", "noise", "mine")
    with pytest.raises(InvalidDataError, match="none that are 'noise' and not NaN"):
        OpenSetCurveDisplay.from_predictions(known, {"noise": [np.nan]})


def test_infinite_scores_have_a_place_too():
    known, unknown = np.array([1.0, 2.0, np.inf]), np.array([-np.inf, 1.0, 3.0])
    (curve,) = OpenSetCurveDisplay.from_predictions(known, unknown).curves
    check(curve, np.array([1, 2, 9]), np.array([-9, 1, 3]))


def marks(ax):
    """Give the places of points, without those of curves."""
    return [
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in ax.get_lines()
        if line.get_marker() == "o"
    ]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_what_is_drawn():
    sets = {"near": NEAR, "far": FAR}
    display = OpenSetCurveDisplay.from_estimator(
        fitted_points(), X[TEST], X_unknown=sets
    ).plot()
    sides = ("roc", "precision_recall")
    assert list(display.axes_) == [
        ("task_0", of, side) for of in sets for side in sides
    ]
    roc, precision = (display.axes_["task_0", "near", side] for side in sides)
    own = next(curve for curve in display.curves if curve.unknown == "near")
    chance, line, *_ = roc.get_lines()
    assert_array_equal(chance.get_xdata(), chance.get_ydata())
    assert_array_equal(line.get_xdata(), own.known_rejected)
    assert_array_equal(line.get_ydata(), own.unknown_rejected)
    assert marks(roc) == [own.at[:2]]
    assert legend(roc)[0] == f"auto: AUROC {own.roc_auc:.3f}"
    assert legend(roc)[-1] == "auto, quantile 0.8"
    assert roc.get_xlabel() == "false positive rate: known samples rejected"
    assert roc.get_ylabel() == "true positive rate: unknown samples rejected"
    assert roc.get_title() == "task_0: near (positive) against known"
    chance, line, *_ = precision.get_lines()
    assert set(chance.get_ydata()) == {50 / 170}
    assert_array_equal(line.get_xdata(), own.recall)
    assert_array_equal(line.get_ydata(), own.precision)
    assert line.get_drawstyle() == "steps-post"
    assert marks(precision) == [own.at[1:]]
    assert legend(precision)[0] == f"auto: AP {own.average_precision:.3f}"


def test_pipelines_and_searches():
    both = make_pipeline(StandardScaler(), of_points()).fit(X[TRAIN], Y[TRAIN])
    search = GridSearchCV(both, {"opensetclassifier__quantile": [0.8]}, cv=2)
    search.fit(X[TRAIN], Y[TRAIN])
    for estimator in (both, search):
        display = OpenSetCurveDisplay.from_estimator(estimator, X[TEST], Y[TEST], NEAR)
        scaled = [both[:-1].transform(each) for each in (X[TEST], NEAR)]
        check(display.curves[0], *(both[-1].score_samples(each) for each in scaled))


def test_there_is_something_to_show():
    made = OpenSetCurveDisplay.from_estimator
    open_set = fitted_points()
    with pytest.raises(InvalidDataError, match="OpenSetCurveDisplay needs unknown"):
        made(open_set, X[TEST], Y[TEST])
    with pytest.raises(ParameterTypeError, match=r"OpenSetCurveDisplay takes a fitte"):
        made(open_set.estimator_, X[TEST], Y[TEST], NEAR)
    with pytest.raises(NotFittedError):
        made(of_points(), X[TEST], Y[TEST], NEAR)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        made(open_set, X[TEST], Y[TEST][1:], NEAR)
    with pytest.raises(ValueError, match="2 features") as error:
        made(open_set, X[TEST], Y[TEST], {"near": NEAR[:, :2]})
    assert error.value.__notes__ == ["These are the unknown samples 'near'."]
    frame = pd.DataFrame({"kind": ["a", None] * 60})
    with pytest.raises(InvalidDataError):
        made(open_set, X[TEST], frame, NEAR)
