"""What is predicted of known and of unknown rows."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import ShuffleSplit

from mtlearn import Classification, OpenSetClassifier, Regression, Tasks
from mtlearn.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ParameterTypeError,
    UnknownTaskError,
)
from mtlearn.openset._unknown import with_unknown_chance
from open_problems import known_points, point_estimator, two_columns, unknown_points

X, Y = known_points()
FAR = unknown_points()
BOTH = np.vstack([X, FAR])
SETTINGS = {"quantile": 0.9, "calibration": 0.2, "random_state": 0}


def made(tasks=None, **params):
    return OpenSetClassifier(point_estimator(tasks), **{**SETTINGS, **params})


@pytest.fixture(scope="module")
def fitted():
    return made().fit(X, Y)


def test_far_points_are_unknown(fitted):
    assert_array_equal(fitted.predict(FAR), [-1] * len(FAR))
    assert fitted.predict(X).dtype == Y.dtype
    accepted = fitted.predict(X) >= 0
    assert 0.8 < accepted.mean() < 1
    assert_array_equal(fitted.predict(X)[accepted], fitted.predict_known(X)[accepted])
    assert_array_equal(fitted.predict_known(BOTH), fitted.estimator_.predict(BOTH))
    assert_array_equal(fitted.classes_, [0, 1, 2])


def test_signs_and_offsets_are_those_of_scikit_learn(fitted):
    scores, inlier = fitted.score_samples(BOTH), fitted.predict_inlier(BOTH)
    assert_array_equal(inlier, np.where(scores < fitted.offset_, -1, 1))
    assert_array_equal(inlier == -1, fitted.predict(BOTH) == -1)
    assert scores[len(X) :].max() < scores[: len(X)].min()
    detector = fitted.detector_
    assert_array_equal(detector.predict(BOTH), inlier)
    assert_array_equal(detector.score_samples(BOTH), scores)
    assert_array_equal(detector.decision_function(BOTH), scores - fitted.offset_)


def test_the_threshold_is_the_rank_among_rows_held_out():
    fitted = made(score="knn").fit(X, Y)
    held_out = fitted.detector_.calibration_scores_
    assert len(held_out) == 60  # a fifth of 300
    assert np.isclose(-fitted.score_samples(X)[:, None], held_out).any(axis=0).all()
    assert -fitted.offset_ == held_out[math.ceil(61 * 0.9) - 1]
    expected = (0.9 * 0.1 / 60) ** 0.5
    assert fitted.detector_.standard_error_ == pytest.approx(expected)


def test_of_several_scores_the_others_held_out_are_the_scale():
    one, other, both = (
        made(score=score).fit(X, Y).detector_
        for score in ("knn", "mahalanobis", ["knn", "mahalanobis"])
    )
    scores = -np.column_stack([one.score_samples(X), other.score_samples(X)])
    rows = np.flatnonzero(np.isin(scores[:, 0], one.calibration_scores_))
    assert len(rows) == 60
    expected = []
    for row in rows:
        others = scores[rows[rows != row]]
        middle, high = np.percentile(others, [50, 95], axis=0)
        expected.append(((scores[row] - middle) / (high - middle)).max())
    assert_allclose(both.calibration_scores_, np.sort(expected), rtol=1e-6)


def test_the_estimator_has_not_seen_the_rows_held_out():
    fitted = made(score="knn").fit(X, Y)
    held_out = fitted.detector_.calibration_scores_
    scores = -fitted.score_samples(X)
    rest = ~np.isin(scores, held_out)
    assert rest.sum() == 240
    again = point_estimator().fit(X[rest], Y[rest])
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("quantile", [0.5, 0.7])
def test_another_quantile_without_a_fit(quantile):
    moved = made().fit(X, Y).set_quantile(quantile)
    again = made(quantile=quantile).fit(X, Y)
    assert moved.offset_ == again.offset_ != made().fit(X, Y).offset_
    assert moved.get_params()["quantile"] == quantile
    assert_array_equal(moved.predict(BOTH), again.predict(BOTH))
    assert_array_equal(moved.detector_.predict(BOTH), again.predict_inlier(BOTH))


def test_too_few_rows_reject_nothing_and_say_so():
    message = "needs 99 known samples that nothing was fitted on, and there are 60"
    with pytest.warns(UserWarning, match=message):
        open_set = made(quantile=0.99).fit(X, Y)
    assert open_set.offset_ == -np.inf
    assert_array_equal(open_set.predict(BOTH), open_set.predict_known(BOTH))
    proba = open_set.predict_proba(BOTH, include_unknown=True)
    assert_allclose(proba[:, 3], 0, atol=1e-12)
    assert len(open_set.set_quantile(0.9).predict(BOTH)) == len(BOTH)


def test_probabilities_with_the_unknown(fitted):
    known = fitted.predict_proba(BOTH)
    assert_array_equal(known, fitted.estimator_.predict_proba(BOTH))
    both = fitted.predict_proba(BOTH, include_unknown=True)
    assert both.shape == (350, 4)
    assert_allclose(both.sum(axis=1), 1)
    assert_array_equal(both.argmax(axis=1) == 3, fitted.predict(BOTH) == -1)
    # What is known keeps its proportions.
    assert_allclose(both[:, :3] / both[:, :3].sum(axis=1, keepdims=True), known)
    scores = fitted.score_samples(BOTH)
    middle, high = np.percentile(fitted.detector_.calibration_scores_, [50, 95])
    odds = np.log(both[:, 3] / both[:, :3].max(axis=1))
    expected = (fitted.offset_ - scores) / (high - middle)
    assert_allclose(odds[:300], expected[:300], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("labels", "unknown", "dtype"),
    [
        (["a", "b", "c"], -1, object),
        (["a", "b", "c"], "unknown", "<U7"),
        ([1, 2, 300], "unknown", object),
        (np.array([1, 2, 3], np.uint8), -1, np.int64),
        (np.array([1, 2, 3], np.uint64), -1, np.float64),
        (np.array([1, 2, 2**63], np.uint64) + np.uint64(1), -1, object),
        ([0, 1, 2], -0.5, np.float64),
        ([True, False, True], -1, np.int64),
    ],
)
def test_labels_of_any_type(labels, unknown, dtype):
    y = np.array(labels)[Y]
    open_set = made(unknown_label=unknown).fit(X, y)
    predicted = open_set.predict(BOTH)
    assert predicted.dtype == dtype
    assert predicted.tolist()[300:] == [unknown] * 50
    accepted = open_set.predict_inlier(X) == 1
    assert predicted[:300][accepted].tolist() == [
        each
        for each, is_in in zip(open_set.predict_known(X), accepted, strict=True)
        if is_in
    ]
    assert open_set.predict(X[accepted]).dtype == dtype


def test_frames_of_categories():
    frame = pd.DataFrame({"kind": pd.Categorical(np.array(list("abc"))[Y])})
    frame["size"] = X[:, 0]
    tasks = Tasks(kind=Classification(), size=Regression())
    rows = pd.DataFrame(BOTH, index=np.arange(350) + 7)
    open_set = made(tasks, unknown_label="?").fit(rows.iloc[:300], frame)
    predicted = open_set.predict(rows)
    assert list(predicted.columns) == ["kind", "size"]
    assert_array_equal(predicted.index, rows.index)
    assert (predicted["kind"].iloc[300:] == "?").all()
    assert_allclose(predicted["size"], open_set.predict_known(rows)["size"])
    # Where the categories have a place for it, they stay.
    frame["kind"] = frame["kind"].cat.add_categories("?")
    open_set.fit(rows.iloc[:300], frame)
    assert open_set.predict(rows)["kind"].dtype == frame["kind"].dtype


@pytest.mark.parametrize(
    ("labels", "unknown"),
    [
        (["a", "b", "c"], -1),
        (["a", "b", "c"], "unknown"),
        ([1, 2, 300], "unknown"),
        ([True, False, True], "unknown"),
        ([2**53 + 1, 2**53 + 2, 7], -0.5),
    ],
)
def test_true_labels_of_unknown_rows_are_of_any_type(labels, unknown):
    y = [labels[place] for place in Y]
    open_set = made(unknown_label=unknown).fit(X, y)
    true = y + [unknown] * 50
    predicted = open_set.predict(BOTH).tolist()
    right = [a == b for a, b in zip(true, predicted, strict=True)]
    for given in (true, np.array(true, dtype=object), pd.Series(true, dtype=object)):
        assert open_set.score(BOTH, given) == pytest.approx(np.mean(right))
    # Also where there are no others, and where some labels are missing.
    assert open_set.score(FAR, [unknown] * 50) == 1
    true[::2] = [None] * 175
    assert open_set.score(BOTH, true) == pytest.approx(np.mean(right[1::2]))


@pytest.mark.parametrize(
    ("labels", "unknown"), [(["a", "b", "c"], -1), ([2**53 + 1, 2**53 + 2, 7], -0.5)]
)
def test_the_type_of_predictions_is_that_of_classes_and_not_of_rows(labels, unknown):
    frame = pd.DataFrame({"kind": [labels[place] for place in Y]})
    for y in (frame, frame["kind"].to_numpy()):
        open_set = made(unknown_label=unknown).fit(X, y)
        accepted = X[(open_set.predict_inlier(X) == 1) & (Y == 2)]
        for rows in (accepted, FAR, BOTH):
            found = np.asarray(open_set.predict(rows))
            assert found.dtype == object
            columns = getattr(open_set.predict(rows), "dtypes", [found.dtype])
            assert list(columns) == [object]


def test_other_frames_hold_labels_of_one_type():
    frame = pytest.importorskip("polars").DataFrame({"kind": list("abc" * 100)})
    with pytest.raises(InvalidParameterError, match="columns of polars are of one ty"):
        made().fit(X, frame)
    open_set = made(unknown_label="unknown").fit(X, frame)
    assert open_set.predict(FAR)["kind"].to_list() == ["unknown"] * 50


def test_a_score_next_to_the_threshold_is_unknown_in_probabilities_too():
    chances = np.full((3, 2), 0.5)
    found = with_unknown_chance(chances, np.array([1e-300, 0.0, -1e-300]))
    assert_array_equal(found.argmax(axis=1), [2, 0, 0])
    assert_allclose(found, 1 / 3)


@pytest.mark.parametrize("unknown", [1, 1.0, True])
def test_the_label_is_none_of_the_classes(unknown):
    with pytest.raises(InvalidParameterError, match="must be none of the classes of a"):
        made(unknown_label=unknown).fit(X, Y)


@pytest.mark.parametrize("unknown", [None, np.nan, [1], np.inf])
def test_what_is_no_label(unknown):
    with pytest.raises(InvalidParameterError, match="must be a string or a finite num"):
        made(unknown_label=unknown).fit(X, Y)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"quantile": 1.0}, InvalidParameterError, "'quantile' parameter of OpenSet"),
        ({"calibration": 0.0}, InvalidParameterError, "'calibration' parameter of Op"),
        ({"calibration": "fit"}, InvalidParameterError, "must be one of 'prefit'"),
        ({"calibration": 1}, InvalidParameterError, "an integer not below 2"),
        ({"calibration": True}, ParameterTypeError, "must be an integer"),
        ({"per": "column"}, InvalidParameterError, "'per' parameter of OpenSetClass"),
        ({"task": "shape"}, UnknownTaskError, "must name tasks with classes, of whic"),
        ({"task": 3}, InvalidParameterError, "must be None, the name of a task or a"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        made(**params).fit(X, Y)


def test_no_task_with_classes():
    with pytest.raises(InvalidParameterError, match="needs a task with classes"):
        made(Regression()).fit(X, X[:, 0])


def test_the_score_knows_of_unknown_rows(fitted):
    known = np.append(Y, [0] * 50)
    true = np.append(Y, [-1] * 50)
    predicted = fitted.predict(BOTH)
    assert fitted.score(BOTH, true) == np.mean(predicted == true)
    assert fitted.score(BOTH, known) == np.mean(predicted == known)
    weights = np.append(np.ones(300), np.zeros(50))
    expected = np.mean(predicted[:300] == Y)
    assert fitted.score(BOTH, known, weights) == pytest.approx(expected)
    with pytest.raises(InvalidDataError, match="y has no label to score"):
        fitted.score(X, np.full(300, np.nan))


def test_a_view_and_a_score_beside_parameters_of_their_names(fitted):
    params = fitted.get_params()
    assert params["score"] == "auto"
    assert params["task"] is None
    assert_array_equal(fitted.task("task_0").predict(X), fitted.predict_known(X))
    other = made().set_params(score=["energy"], task="task_0", estimator__lr=0.1)
    assert other.get_params()["score"] == ["energy"]
    assert other.get_params()["estimator__lr"] == 0.1
    assert "score=['energy']" in repr(other)
    assert callable(other.score)
    assert other.fit(X, Y).detector_.scores == ["energy"]


def test_a_subclass_may_score_by_itself():
    class Halved(OpenSetClassifier):
        def score(self, X, y=None, sample_weight=None):
            return super().score(X, y, sample_weight) / 2

    plain = made(score="knn").fit(X, Y)
    halved = Halved(point_estimator(), **SETTINGS).set_params(score="knn").fit(X, Y)
    assert halved.get_params()["score"] == "knn"
    assert halved.score(X, Y) == plain.score(X, Y) / 2
    assert_array_equal(halved.score_samples(X), plain.score_samples(X))
    assert clone(halved).fit(X, Y).score(X, Y) == halved.score(X, Y)


def test_a_row_of_several_folds_counts_once():
    folds = ShuffleSplit(3, test_size=0.5, random_state=0)
    open_set = made(calibration=folds).fit(X, Y)
    held_out = np.unique(np.concatenate([test for _, test in folds.split(X)]))
    assert len(held_out) < len(X)
    assert len(open_set.detector_.calibration_scores_) == len(held_out)


def test_every_task_has_a_threshold_of_its_own():
    labels, tasks = two_columns(Y)
    labels = labels.astype(float)
    labels[::2, 1] = np.nan
    open_set = made(tasks, score="max_probability").fit(X, labels)
    scores = open_set.score_samples(BOTH)
    assert scores.shape == (350, 2)
    for column, proba in enumerate(open_set.predict_proba(BOTH)):
        assert_allclose(scores[:, column], proba.max(axis=1) - 1)
    counts = [len(each.calibration_scores_) for each in open_set.detectors_.values()]
    assert counts[0] == 60
    assert 20 < counts[1] < 40
    inlier = open_set.predict_inlier(BOTH)
    assert_array_equal(inlier, np.where(scores < open_set.offset_, -1, 1))
    assert_array_equal(open_set.predict(BOTH) == -1, inlier == -1)
    assert not np.array_equal(inlier[:, 0], inlier[:, 1])
    with pytest.raises(AttributeError, match="a detector for each of several tasks"):
        _ = open_set.detector_
    kind, first = open_set.predict_proba(BOTH, include_unknown=True)
    assert kind.shape == (350, 4)
    assert_array_equal(first.argmax(axis=1) == 2, inlier[:, 1] == -1)


def test_a_row_may_be_unknown_as_a_whole():
    labels, tasks = two_columns(Y)
    scores = ["max_probability"]
    open_set = made(tasks, score=scores, per="row").fit(X, labels)
    predicted = open_set.predict(BOTH)
    assert_array_equal(predicted[:, 0] == -1, predicted[:, 1] == -1)
    assert open_set.score_samples(BOTH).shape == (350,)
    found = -open_set.score_samples(BOTH)
    each = []
    for proba, (middle, width) in zip(
        open_set.predict_proba(BOTH), open_set.detector_.spreads_, strict=True
    ):
        each.append((1 - proba.max(axis=1) - middle) / width)
    assert_allclose(found, np.max(each, axis=0), atol=1e-9)


@pytest.mark.parametrize("per", ["task", "row"])
def test_one_of_several_tasks_may_be_unknown(per):
    labels, tasks = two_columns(Y)
    open_set = made(tasks, task="kind", per=per).fit(X, labels)
    predicted = open_set.predict(BOTH)
    assert (predicted[300:, 0] == -1).all()
    assert_array_equal(predicted[:, 1], open_set.predict_known(BOTH)[:, 1])
    kind, first = open_set.predict_proba(X, include_unknown=True)
    assert (kind.shape, first.shape) == ((300, 4), (300, 2))
    expected = np.mean(
        [
            np.mean(predicted[:300, 0] == labels[:, 0]),
            np.mean(predicted[:300, 1] == labels[:, 1]),
        ]
    )
    assert open_set.score(X, labels) == pytest.approx(expected)


def test_rows_of_no_weight_are_not_known():
    # Points that would raise the threshold, if they counted.
    X_all, y_all = np.vstack([X, -X]), np.append(Y, Y)
    weights = np.append(np.ones(300), np.zeros(300))
    open_set = made(score="knn").fit(X_all, y_all, sample_weight=weights)
    held_out = open_set.detector_.calibration_scores_
    assert len(held_out) < 120
    own = -open_set.score_samples(X)
    assert np.isclose(own[:, None], held_out).any(axis=0).all()
