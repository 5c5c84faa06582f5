"""A single column with one label a row: each class is learned alone."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit

from mtlearn import Classification, MultiLabel, MultiTaskEstimator, Tasks, load, save
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.losses import MultiTaskLoss, sample_loss
from mtlearn.tasks import OneOfLabels, fit_codec, read_targets, suited_to
from tiny_problems import table_estimator

NAMES = np.array(["low", "middle", "high"])
LABELS = np.array(["b", "a", "c", "b", "b", "a"])


def only_task(tasks, y, **kwargs):
    (task,) = fit_codec(tasks, y, **kwargs).tasks
    return task


def problem(n_samples=90):
    X = np.random.default_rng(0).normal(size=(n_samples, 3))
    return X, NAMES[np.digitize(X[:, 0], [-0.5, 0.5])]


@pytest.mark.parametrize("tasks", [MultiLabel(), Tasks(tags=MultiLabel())], ids=str)
@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (LABELS, ["a", "b", "c"]),
        (np.array([3, 1, 3]), [1, 3]),
        (np.array([0, 1, 1]), [0, 1]),
        (np.array([True, False]), [False, True]),
        (np.array([5, 7, 9])[:, None], [5, 7, 9]),
        (pd.Series(["x", None, "y"]), ["x", "y"]),
        (pd.DataFrame({"tags": ["x", "y"]}), ["x", "y"]),
    ],
)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_one_column_of_classes_is_a_classification(tasks, y, classes):
    task = only_task(tasks, y)
    assert type(task) is OneOfLabels
    assert task.has_classes
    assert task.classes_.tolist() == classes
    assert [type(target.task) for target in read_targets(y, tasks)] == [OneOfLabels]


@pytest.mark.parametrize(
    ("task", "y", "n_labels"),
    [
        (MultiLabel(), np.array([[0, 1], [1, 0]]), 2),
        (MultiLabel(), pd.Series([["a"], ["b"]]), 2),
        (MultiLabel(sep=","), pd.Series(["a,c", "b"]), 3),
        (MultiLabel(1), np.array([0, 1]), 1),
        (MultiLabel(["sun"]), np.array([[0], [1]]), 1),
        (MultiLabel(["sun"]), pd.DataFrame({"sun": [0, 1]}), 1),
        (MultiLabel(columns=[0]), np.array([[0], [1]]), 1),
    ],
    ids=str,
)
def test_what_says_that_there_are_labels_stays_so(task, y, n_labels):
    for tasks in (task, Tasks(tags=task)):
        found = only_task(tasks, y)
        assert type(found) is MultiLabel
        assert found.n_outputs == n_labels


def test_beside_other_tasks_one_column_is_one_label():
    y = np.array([[0, 1], [2, 0], [1, 1]])
    tasks = Tasks(kind=Classification(), tags=MultiLabel())
    assert type(fit_codec(tasks, y).tasks["tags"]) is MultiLabel
    with pytest.raises(InvalidDataError, match="Row 1 of y has 2 for the label 0"):
        fit_codec(Tasks(tags=MultiLabel(), kind=Classification()), y)
    frame = pd.DataFrame({"tags": ["x", "y"], "kind": [0, 1]})
    with pytest.raises(InvalidDataError, match="takes 0 and 1, or one column of"):
        fit_codec(Tasks(tags=MultiLabel(), kind=Classification()), frame)


def test_parameters_are_handed_on():
    task = MultiLabel(["c", "b", "a"], weight=2.0, loss="focal", pos_weight={"a": 3.0})
    found = only_task(task, LABELS)
    assert found.classes_.tolist() == ["a", "b", "c"]
    assert (found.weight, found.loss) == (2.0, "focal")
    assert found.pos_weight_.tolist() == [3, 1, 1]
    assert only_task(MultiLabel(4), np.array([0, 2])).classes_.tolist() == [0, 1, 2, 3]
    found = only_task(MultiLabel(pos_weight="balanced"), LABELS)
    assert_allclose(found.pos_weight_, [2, 1, 5])
    found = only_task(MultiLabel(["a", "b", "c", "d"], pos_weight="sqrt"), LABELS)
    assert_allclose(found.pos_weight_, [2**0.5, 1, 5**0.5, 1])
    assert suited_to(MultiLabel(), LABELS).get_params() == OneOfLabels().get_params()


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        (MultiLabel(thresholds=0.3), LABELS, "'thresholds'.*one label a row.*Got 0.3"),
        (MultiLabel(["a", "b"]), LABELS, "'c'"),
        (MultiLabel(), np.array([0.5, 1.5]), "Unknown label type: continuous"),
        (MultiLabel(pos_weight={"z": 2.0}), LABELS, "'pos_weight'.*names.*'z'"),
    ],
)
def test_what_cannot_be_is_refused(task, y, message):
    for tasks in (task, Tasks(tags=task)):
        with pytest.raises((InvalidDataError, InvalidParameterError), match=message):
            fit_codec(tasks, y)


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
def test_the_loss_is_that_of_a_block_of_one_label_a_row(loss):
    rng = np.random.default_rng(0)
    output = torch.tensor(rng.normal(size=(6, 3)))
    weight = torch.tensor(rng.random(6))
    weight[2] = 0
    column = only_task(MultiLabel(loss=loss, pos_weight="sqrt"), LABELS)
    block = np.eye(3)[np.searchsorted(["a", "b", "c"], LABELS)]
    wide = only_task(MultiLabel(loss=loss, pos_weight="sqrt"), block)
    found = [
        MultiTaskLoss([sample_loss(name, **options)], [1.0], [task.loss_sums])(
            (output,), (target,), (weights,)
        ).means
        for task, target, weights in (
            (column, torch.tensor(column.encode(LABELS, np.arange(6), "")), weight),
            (wide, torch.tensor(block), weight[:, None].expand(-1, 3)),
        )
        for name, options in [task.loss_spec()]
    ]
    assert_allclose(*found)
    sums = column.loss_sums(sample_loss("bce"), output, torch.zeros(6).long(), weight)
    assert sums[1] == weight.sum()


def test_probabilities_are_divided_by_their_sum():
    task = only_task(MultiLabel(pos_weight=[1.0, 2.0, 4.0]), LABELS)
    scores = np.array([[0.5, 1.0, -1.0], [-3.0, 0.1, 0.5], [-900.0, -900.0, -900.0]])
    alone = expit(scores[:2] - np.log([1.0, 2.0, 4.0]))
    chances = task.activate(torch.tensor(scores)).numpy()
    assert_allclose(chances[:2], alone / alone.sum(axis=1, keepdims=True))
    assert_allclose(chances.sum(axis=1), 1)
    # The last one has the highest score of the second row, and not the best chance.
    assert task.decode(chances)[:2].tolist() == ["a", "b"]
    target = torch.tensor([0, 1, 0])
    right = task.statistics(torch.tensor(scores)[:2], target[:2], torch.ones(2))
    assert right.tolist() == [2, 2]


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
def test_it_begins_where_the_loss_is_lowest(loss):
    task = only_task(MultiLabel(loss=loss, pos_weight="sqrt"), LABELS)
    name, options = task.loss_spec()
    function = sample_loss(name, **options)
    target = torch.tensor(task.encode(LABELS, np.arange(6), ""))

    def mean(scores):
        output = torch.tensor(scores).expand(6, 3)
        total, weight = task.loss_sums(function, output, target, torch.ones(6).double())
        return float(total / weight)

    best = minimize(mean, np.zeros(3), tol=1e-12)
    assert_allclose(task.head_start(), best.x, atol=1e-4)


def test_classes_that_have_not_been_seen_begin_as_seldom_ones():
    y = np.repeat([0, 1], 5)
    task = OneOfLabels(4).fit(y, np.ones(10), "a")
    chances = expit(task.head_start())
    assert_allclose(chances, np.array([0.5, 0.5, 0.005, 0.005]) / 1.01, rtol=1e-6)


def test_it_trains_goes_on_and_is_kept(tmp_path):
    X, y = problem()
    estimator = table_estimator(MultiLabel(), max_epochs=60, warm_start=True)
    estimator.fit(X, y)
    assert estimator.score(X, y) == np.mean(estimator.predict(X) == y) > 0.85
    assert estimator.classes_.tolist() == sorted(NAMES)
    assert_allclose(estimator.predict_proba(X).sum(axis=1), 1)
    assert estimator.task("task_0").predict(X).tolist() == estimator.predict(X).tolist()
    save(estimator, tmp_path / "file.mtl")
    kept = load(tmp_path / "file.mtl")
    assert_array_equal(kept.predict_proba(X), estimator.predict_proba(X))
    estimator.set_params(max_epochs=1).fit(X, y)
    assert estimator.n_iter_ == 61
    estimator.set_params(tasks=MultiLabel(loss="focal"))
    with pytest.raises(InvalidParameterError, match="'loss' of 'task_0'"):
        estimator.fit(X, y)


def test_a_first_batch_is_told_its_classes():
    X, y = problem()
    rows = y != "high"
    for tasks in (MultiLabel(), Tasks(tags=MultiLabel())):
        estimator = MultiTaskEstimator(tasks, random_state=0)
        with pytest.raises(InvalidParameterError, match="must know the classes"):
            estimator.partial_fit(X[rows], y[rows])
        estimator.partial_fit(X[rows], y[rows], classes=NAMES)
        estimator.partial_fit(X, y)
        assert estimator.classes_.tolist() == sorted(NAMES)
