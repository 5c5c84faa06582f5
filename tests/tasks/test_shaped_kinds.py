"""A kind may read several columns of y, or none, through every room."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_validate

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.augmentation import MixUp
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.losses import weighted_sums
from mtlearn.metrics import ensemble_report, task_report, task_scorers
from mtlearn.model_selection import MultiTaskStratifiedKFold, cross_val_predict
from mtlearn.networks import MLP
from mtlearn.tasks import fit_codec, label_weights, read_predictions, read_targets
from shaped_kinds import Echo, Vector

NAN = float("nan")
Y = np.array(
    [
        [1.0, 10.0, 0.0, 5.0],
        [3.0, NAN, 1.0, 6.0],
        [NAN, NAN, 0.0, 7.0],
        [5.0, 30.0, NAN, NAN],
    ]
)
TASKS = Tasks(place=Vector(2), sign=Classification(2), size=Regression())


def encoded(tasks, y, **kwargs):
    codec = fit_codec(tasks, y, **kwargs)
    return codec, codec.encode(y, **kwargs)


def test_columns_of_an_array_are_taken_in_turn():
    codec, targets = encoded(TASKS, Y)
    place, sign, _ = targets.values
    # Less the means over the cells that are there, 3 and 20; zero where none is.
    assert place.tolist() == [[-2, -10], [0, 0], [0, 0], [2, 10]]
    assert targets.weights[0].tolist() == [[1, 1], [1, 0], [0, 0], [1, 1]]
    assert sign.tolist() == [0, 1, 0, 0]
    assert targets.weights[1].tolist() == [1, 1, 1, 0]
    assert codec.tasks["size"].mean_ == 6


def test_columns_of_a_frame_are_found_by_name():
    names = ["size", "place_1", "other", "sign", "place_0"]
    frame = pd.DataFrame(Y[:, [3, 1, 0, 2, 0]], columns=names)
    codec, targets = encoded(TASKS, frame)
    assert codec.tasks.names == ("size", "sign", "place")
    assert targets.values[2].tolist() == [[-2, -10], [0, 0], [0, 0], [2, 10]]
    predicted = codec.arrange([Y[:, 3], np.array([0, 1, 0, 1]), Y[:, :2]])
    assert list(predicted.columns) == ["size", "place_1", "sign", "place_0"]
    assert_array_equal(predicted["place_1"], Y[:, 1])


def test_columns_may_be_declared_and_interleaved():
    tasks = Tasks(size=Regression(column=1), place=Vector(2, column=[3, 0]))
    y = np.array([[1.0, 10.0, 7.0, 100.0], [2.0, 20.0, 7.0, 200.0]])
    codec, targets = encoded(tasks, y)
    assert codec.tasks.names == ("size", "place")
    assert targets.values[1].tolist() == [[-50, -0.5], [50, 0.5]]
    labels = [np.array([10.0, 20.0]), np.array([[100.0, 1.0], [200.0, 2.0]])]
    predicted = codec.arrange(labels)
    assert predicted.tolist() == [[1, 10, 100], [2, 20, 200]]
    (size, place), _ = read_predictions(predicted, y, codec.tasks)
    assert_array_equal(size, labels[0])
    assert_array_equal(place, labels[1])


def test_tasks_in_another_order_than_y_find_their_columns_again():
    tasks = Tasks(size=Regression(column=2), place=Vector(2))
    with pytest.raises(InvalidParameterError, match="read the same column 2"):
        fit_codec(tasks, Y[[0, 3]])
    tasks = Tasks(place=Vector(2, column=[1, 2]), size=Regression(column=0))
    codec = fit_codec(tasks, Y[:, [3, 0, 1]])
    assert codec.tasks.names == ("size", "place")
    again = fit_codec(clone(codec.tasks), Y[:, [3, 0, 1]])
    assert_array_equal(again.tasks["place"].mean_, [3, 20])


class AllOthers(Vector):
    """A vector of as many columns as are left."""

    @property
    def n_columns(self):
        return None


def test_one_task_may_take_the_columns_that_others_leave():
    tasks = Tasks(rest=AllOthers(3), size=Regression())
    first, size = read_targets(Y, tasks)
    assert (first.places, size.places) == ((0, 1, 2), (3,))
    with pytest.raises(InvalidParameterError, match="'a', 'b' all take the columns"):
        read_targets(Y, Tasks(a=AllOthers(), b=AllOthers()))


def test_a_single_kind_of_several_columns_reads_all_of_y():
    (target,) = read_targets(Y, Vector(4))
    assert_array_equal(target.values, Y)
    assert_array_equal(target.present, np.isfinite(Y))
    (target,) = read_targets(pd.DataFrame(Y, columns=list("abcd")), Vector(4))
    assert_array_equal(target.values, Y)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            Tasks(a=Regression(), b=Vector(4)),
            "reads 4 of them after the 1 of",
        ),
        (Tasks(a=Vector(2, column=[0])), "names 1 columns of y, and the task reads 2"),
        (Tasks(a=Vector(2, column=0)), "names 1 columns of y, and the task reads 2"),
        (Tasks(a=Vector(2, column=[1, 1])), "reads column 1 of y twice"),
        (Tasks(a=Vector(2, column=[3, -1])), "reads column 3 of y twice"),
        (Tasks(a=AllOthers(column=[])), "'a' finds no column in y, .*: 0, 1, 2, 3"),
        (Tasks(a=Vector(3)), r"4 columns for 1 tasks \(a\)"),
        (Tasks(a=Echo()), r"None of the tasks \(a\) reads a column"),
        (Echo(), "None of the tasks .* reads a column"),
    ],
)
def test_columns_that_do_not_fit(tasks, message):
    with pytest.raises((InvalidDataError, InvalidParameterError), match=message):
        fit_codec(tasks, Y)


def test_weights_of_rows_and_tasks_reach_the_cells():
    targets = read_targets(Y, TASKS)
    place, sign, _ = label_weights(targets, [2.0, 3.0, 4.0, 5.0])
    assert place.tolist() == [[2, 2], [3, 0], [0, 0], [5, 5]]
    assert sign.tolist() == [2, 3, 4, 0]
    given = np.arange(12.0).reshape(4, 3)
    place, sign, size = label_weights(targets, given)
    assert place.tolist() == [[0, 0], [3, 0], [0, 0], [9, 9]]
    assert sign.tolist() == [1, 4, 7, 0]
    assert size.tolist() == [2, 5, 8, 0]


def test_a_task_without_a_column_weighs_rows():
    tasks = Tasks(echo=Echo(), sign=Classification(2))
    y, weight = np.array([0.0, 1.0, NAN]), np.array([1.0, 0.0, 3.0])
    codec, targets = encoded(tasks, y)
    assert codec.tasks["echo"].mean_.tolist() == [0, 0]  # it is fitted too
    assert codec.tasks.names == ("sign", "echo")
    assert codec.has_one_task
    assert targets.values[1] is None
    assert targets.weights[1].tolist() == [1, 1, 1]
    assert codec.encode(y, weight).weights[1].tolist() == [1, 0, 3]
    assert codec.encode(y, weight[:, None]).weights[1].tolist() == [1, 1, 1]
    assert codec.encode(y).take(np.array([2])).weights[1].tolist() == [1]


def problem(n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    place = X[:, :2] * [1.0, 5.0] + [2.0, -3.0]
    y = np.column_stack([place, X[:, 2] > 0, X.sum(axis=1)])
    y[rng.random(y.shape) < 0.2] = NAN
    return X, y


ALL = Tasks(echo=Echo(3), place=Vector(2), sign=Classification(2), size=Regression())


def make(tasks=ALL, **params):
    params = {"max_epochs": 3, "batch_size": 20, "lr": 0.01} | params
    backbone = Partial(MLP, hidden=(8,))
    return MultiTaskEstimator(
        tasks, backbone=backbone, n_threads=1, random_state=0, **params
    )


@pytest.fixture(scope="module")
def fitted():
    X, y = problem()
    return make(early_stopping=True).fit(X, y)


def test_predictions_are_laid_out_as_y(fitted):
    X, y = problem()
    predicted = fitted.predict(X)
    assert predicted.shape == y.shape
    place, sign, size = fitted.predict_proba(X)
    assert (place.shape, sign.shape, size.shape) == ((60, 2), (60, 2), (60, 1))
    assert_array_equal(predicted[:, :2], place)
    assert_array_equal(predicted[:, 3:], size)
    frame = pd.DataFrame(y, columns=["place_0", "place_1", "sign", "size"])
    framed = make().fit(X, frame)
    assert list(framed.predict(X).columns) == list(frame.columns)


def test_scores_and_reports_count_cells(fitted):
    X, y = problem()
    predicted, there = fitted.predict(X), np.isfinite(y[:, :2])
    expected = -np.mean((predicted[:, :2] - y[:, :2])[there] ** 2)
    report = {row["task"]: row for row in task_report(fitted, X, y).rows}
    assert report["place"]["value"] == pytest.approx(expected)
    assert "echo" not in report
    scorers = task_scorers(ALL)
    assert scorers["place_closeness"](fitted, X, y) == pytest.approx(expected)
    parts = [expected]
    for name, column in (("sign", y[:, 2]), ("size", y[:, 3])):
        parts.append(fitted.task(name).score(X, column))
    assert fitted.score(X, y) == pytest.approx(np.mean(parts))
    assert fitted.task("place").score(X, y[:, :2]) == pytest.approx(expected)


def test_the_history_has_both(fitted):
    row = fitted.history_[-1]
    for name in ("echo", "place"):
        assert row[f"train_{name}_loss"] > 0
        assert row[f"valid_{name}_closeness"] < 0
    mean = [row["valid_place_closeness"], row["valid_sign_accuracy"]]
    mean.append(row["valid_size_r2"])
    assert row["valid_score"] == pytest.approx(np.mean(mean))


def test_rows_without_any_label_train_what_needs_none():
    X, y = problem()
    y[:, :] = NAN
    y[:4] = [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 2.0]] * 2
    history = make(max_epochs=40).fit(X, y).history_
    losses = [row["train_echo_loss"] for row in history]
    assert losses[-1] < losses[0] / 2


def test_absent_cells_change_nothing():
    X, y = problem()
    y[5] = NAN
    full = make(Tasks(place=Vector(2)), max_epochs=2).fit(X, y[:, :2])
    there = np.isfinite(y[:, :2]).any(axis=1)
    assert not there.all()
    network = full.net_.module_
    targets = full._codec.encode(y[:, :2])
    x = torch.tensor(X)
    network.eval()
    with torch.no_grad():
        (output,) = network(x)
    there = targets.weights[0] > 0
    errors = (output.numpy() - targets.values[0])[there] ** 2
    labels = full._labelled(X, targets).labels
    loss = full.net_.get_loss((output,), labels, x)
    assert_allclose(loss.item(), errors.mean(), rtol=1e-5)


def test_mixing_mixes_labels_and_not_what_has_none():
    X, y = problem()
    estimator = make(mixing=MixUp(alpha=1.0), max_epochs=2).fit(X, y)
    assert np.isfinite(estimator.history_[-1]["train_echo_loss"])
    assert np.isfinite(estimator.predict(X)).all()


def test_splits_spread_the_columns():
    X, y = problem()
    splitter = MultiTaskStratifiedKFold(3, tasks=TASKS, random_state=0)
    for _, test in splitter.split(X, y):
        counts = np.isfinite(y[test]).sum(axis=0)
        assert (abs(counts - np.isfinite(y).sum(axis=0) / 3) <= 1.5).all()


def test_model_selection_takes_them():
    X, y = problem()
    tasks = Tasks(place=Vector(2), sign=Classification(2), size=Regression())
    predicted = cross_val_predict(make(tasks), X, y, cv=2)
    assert predicted.shape == y.shape
    scores = cross_validate(make(), X, y, cv=2, scoring=task_scorers(ALL))
    assert np.isfinite(scores["test_mean_score"]).all()


def test_ensembles_and_temperatures_take_them():
    X, y = problem()
    ensemble = SeedEnsemble(make(), n_members=2, random_state=0).fit(X, y)
    members = [member.predict(X) for member in ensemble.estimators_]
    assert_allclose(ensemble.predict(X)[:, :2], np.mean(members, axis=0)[:, :2])
    spread = ensemble.spread(X)
    assert_allclose(spread[0], np.std(members, axis=0)[:, :2], atol=1e-12)
    tasks = {row["task"] for row in ensemble_report(ensemble, X, y).rows}
    assert tasks == {"place", "sign", "size"}
    scaled = TemperatureScaled(make()).fit(X, y)
    assert set(scaled.temperatures_) == {"sign"}
    assert scaled.predict(X).shape == y.shape


def test_pickles_warm_starts_and_partial_fits(fitted):
    X, y = problem()
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict(X), fitted.predict(X))
    warm = make(warm_start=True).fit(X, y).fit(X, y)
    assert len(warm.history_) == 6
    part = make().partial_fit(X, y, classes=[None, [0, 1], None])
    assert part.predict(X).shape == y.shape


@pytest.mark.parametrize("classes", [[0.0, 1.0], [[0.0, 1.0]]])
def test_classes_of_a_first_batch_are_those_of_tasks_with_labels(classes):
    X, y = problem()
    tasks = Tasks(echo=Echo(3), sign=Classification())
    part = make(tasks).partial_fit(X, y[:, 2], classes=classes)
    assert_array_equal(part.classes_, [0.0, 1.0])
    with pytest.raises(InvalidParameterError, match=r"has 3 entries for 1 tasks \(si"):
        make(tasks).partial_fit(X, y[:, 2], classes=[None, [0, 1], None])


def test_cells_of_known_labels_keep_their_weights():
    """As many rows as columns, or not: a mask of rows would broadcast along them."""
    codec = fit_codec(TASKS, Y)
    for rows in ([0, 1, 3], [0, 1]):
        given = codec.encode(Y[rows]).weights
        known = codec.encode(Y[rows], known_only=True).weights
        for one, other in zip(given, known, strict=True):
            assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("tasks", "several", "one", "kind"),
    [
        (Tasks(size=Regression(), echo=Echo()), False, True, "regressor"),
        (Tasks(sign=Classification(), echo=Echo()), False, True, "classifier"),
        (Tasks(place=Vector(2)), True, False, None),
        (Vector(2), True, False, None),
        (Tasks(rest=AllOthers()), True, True, None),
        (Regression(), True, True, "regressor"),
        (None, True, True, None),
    ],
)
def test_tags_count_columns(tasks, several, one, kind):
    tags = make(tasks).__sklearn_tags__()
    assert tags.target_tags.multi_output == several
    assert tags.target_tags.single_output == one
    assert tags.estimator_type == kind


def test_a_kind_may_find_no_column_of_a_frame():
    class Prefixed(AllOthers):
        def find_columns(self, name, names):
            return [each for each in names if each.startswith(f"{name}_")]

    frame = pd.DataFrame(Y, columns=["a_0", "a_1", "b", "c"])
    (target,) = read_targets(frame, Tasks(a=Prefixed()))
    assert target.places == (0, 1)
    with pytest.raises(InvalidDataError, match=r"'z' finds no column in y, .*: a_0, a"):
        read_targets(frame, Tasks(z=Prefixed()))


def test_the_loss_knows_which_tasks_it_sums_up_together(fitted):
    usual = [each is weighted_sums for each in fitted.net_.criterion_.reductions]
    assert fitted.task_names_ == ("place", "sign", "size", "echo")
    assert usual == [True, True, True, False]


def test_labels_of_one_task_alone_are_taken_in_its_order():
    tasks = Tasks(place=Vector(2, column=[3, 0]), size=Regression(column=1))
    codec = fit_codec(tasks, np.arange(8.0).reshape(2, 4))
    alone = np.array([[7.0, 8.0], [9.0, NAN]])
    assert_array_equal(codec.target("place", alone).values, alone)


def test_columns_after_several_are_at_their_turn():
    tasks = Tasks(place=Vector(2), size=Regression())
    _, size = fit_codec(tasks, Y[:, [0, 1, 3]]).tasks
    assert size.column is None


def test_a_column_that_is_found_by_name_must_be_the_only_one():
    frame = pd.DataFrame(Y, columns=["a_0", "a_1", "a_1", "b"])
    (target,) = read_targets(frame, Tasks(b=Regression()))
    assert target.places == (3,)
    for tasks in (Tasks(a=Vector(2)), Tasks(c=Regression(column="a_1"))):
        with pytest.raises(InvalidDataError, match=r"duplicate column names: a_1\."):
            read_targets(frame, tasks)
