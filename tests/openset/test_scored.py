"""The score where labels are of no class, of any type."""

import numpy as np
import pandas as pd
import pytest
from skorch.helper import SliceDict

from mtlearn import Classification, OpenSetClassifier, Regression, Tasks
from mtlearn.exceptions import InvalidDataError
from mtlearn.inspection import ConfusionDisplay, EmbeddingDisplay, OpenSetScoreDisplay
from mtlearn.metrics import task_report, task_scorers
from open_problems import known_points, point_estimator, two_columns, unknown_points

X, Y = known_points(120)
BOTH = np.vstack([X, unknown_points(30)])
SETTINGS = {"quantile": 0.8, "calibration": 0.2, "random_state": 0}


def made(tasks=None, **params):
    estimator = point_estimator(tasks, max_epochs=3)
    return OpenSetClassifier(estimator, **{**SETTINGS, **params})


def as_object(labels):
    held = np.empty(len(labels), dtype=object)
    held[:] = labels
    return held


CONTAINERS = {
    "list": list,
    "array": as_object,
    "series": lambda labels: pd.Series(labels, dtype=object),
    "category": lambda labels: pd.Series(pd.Categorical(labels)),
    "frame": lambda labels: pd.DataFrame({"kind": as_object(labels)}),
    "dict": lambda labels: SliceDict(kind=as_object(labels)),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("classes", "unknown"),
    [
        (["a", "b", "c"], -1),
        (["a", "b", "c"], "unknown"),
        ([0, 1, 2], "unknown"),
        ([False, True, True], -1),
        ([0, 1, 2], -1),
        ([0, 1, 2], -0.5),
    ],
)
def test_predictions_are_labels(classes, unknown, container):
    hold = CONTAINERS[container]
    y = np.array(classes)[Y].tolist()
    given = hold(y) if container in ("frame", "dict") else np.array(classes)[Y]
    open_set = made(unknown_label=unknown).fit(X, given)
    predicted = np.ravel(np.asarray(open_set.predict(BOTH), dtype=object)).tolist()
    true = [*y, *[unknown] * 30]
    expected = np.mean([a == b for a, b in zip(predicted, true, strict=True)])
    assert open_set.score(BOTH, hold(true)) == pytest.approx(expected)
    assert 0.5 < expected < 1
    # What is predicted is right where it is what is predicted.
    assert open_set.score(BOTH, open_set.predict(BOTH)) == 1
    assert open_set.score(BOTH[120:], hold([unknown] * 30)) == 1
    missing = [*true[:-1], None]
    expected = np.mean([a == b for a, b in zip(predicted[:-1], true, strict=False)])
    if container != "category":
        assert open_set.score(BOTH, hold(missing)) == pytest.approx(expected)


def test_other_classes_are_unknown_too():
    open_set = made().fit(X, Y)
    true = np.append(Y, np.arange(30) % 4 + 3)
    expected = open_set.score(BOTH, np.append(Y, np.full(30, -1)))
    assert open_set.score(BOTH, true) == expected
    # To say which of these it is takes more than to reject it.
    assert open_set.score(BOTH[120:], true[120:]) == 1
    weight = np.append(np.zeros(120), np.arange(30))
    assert open_set.score(BOTH, true, weight) == pytest.approx(1)
    assert open_set.score(X, np.full(120, 7)) == np.mean(open_set.predict(X) == -1)


def test_a_task_that_is_never_unknown_reads_its_labels_as_ever():
    y, tasks = two_columns(Y)
    tasks = Tasks(**dict(tasks.items()), size=Regression())
    y = np.column_stack([y, X[:, 0]])
    open_set = made(tasks, task="kind").fit(X, y)
    other = y.copy()
    other[:, 1] = 5  # of no class, and wrong
    predicted = open_set.predict(X)
    right = np.mean(predicted[:, 0] == y[:, 0])
    r2 = open_set.estimator_.task("size").score(X, y[:, 2])
    assert open_set.score(X, other) == pytest.approx((right + 0 + r2) / 3)
    other[:, 0] = -1
    unknown = np.mean(predicted[:, 0] == -1)
    assert open_set.score(X, other) == pytest.approx((unknown + 0 + r2) / 3)


def test_columns_in_the_wrong_order_are_an_error():
    open_set = made().fit(X, Y)
    with pytest.raises(InvalidDataError, match="and its labels in y are real values"):
        open_set.score(X, X[:, 0])
    with pytest.raises(InvalidDataError, match="its labels in y are text"):
        open_set.score(X, np.full(120, "a"))
    with pytest.raises(InvalidDataError, match="mixes labels of the types"):
        open_set.score(X, [*Y[:-2].tolist(), "a", "b"])


@pytest.mark.parametrize("unknown", [-1, "none"])
def test_reports_and_displays_read_them(unknown):
    y = np.array(["a", "b", "c"])[Y]
    open_set = made(unknown_label=unknown).fit(X, y)
    true = [*y[:-1].tolist(), "d", *[unknown] * 30]
    # Those of known classes leave out what is of none.
    expected = task_report(open_set, X[:-1], y[:-1]).rows
    assert task_report(open_set, BOTH, true).rows == expected
    scores = OpenSetScoreDisplay.from_estimator(open_set, BOTH, true).scores["task_0"]
    assert len(scores.known) == 119
    assert {name: len(each) for name, each in scores.unknown.items()} == {"unknown": 31}
    confusion = ConfusionDisplay.from_estimator(open_set, BOTH, true)
    assert confusion.labels["task_0"].tolist() == ["a", "b", "c", "d", unknown]
    assert confusion.matrices["task_0"].sum(axis=1).tolist() == [40, 40, 39, 1, 30]
    assert confusion.matrices["task_0"][4].tolist() == [0, 0, 0, 0, 30]
    embedding = EmbeddingDisplay.from_estimator(open_set, BOTH, true, method="pca")
    embedding.plot()


@pytest.mark.parametrize(
    ("classes", "unknown"), [("abc", -1), ("abc", "none"), ([3, 4, 5], "none")]
)
@pytest.mark.parametrize(
    "hold", [list, as_object, lambda labels: pd.DataFrame({"kind": labels})]
)
def test_scorers_of_tasks_read_them(classes, unknown, hold):
    y = np.array(list(classes))[Y]
    frame = hold(y.tolist())
    open_set = made(unknown_label=unknown).fit(X, frame)
    name = "kind" if isinstance(frame, pd.DataFrame) else "task_0"
    scorers = task_scorers(Tasks(**{name: Classification()}))
    true = hold([*y.tolist(), *[unknown] * 30])
    for some, rows in ((frame, X), (true, BOTH)):
        expected = open_set.score(rows, some)
        assert scorers[f"{name}_accuracy"](open_set, rows, some) == expected
        assert scorers["mean_score"](open_set, rows, some) == expected
    weight = np.append(np.zeros(120), np.ones(30))
    found = scorers["mean_score"](open_set, BOTH, true, sample_weight=weight)
    assert found == 1


def test_scorers_beside_tasks_of_values():
    y = as_object([["a", "b", "c"][place] for place in Y])
    y = np.column_stack([y, X[:, 0]])
    tasks = Tasks(kind=Classification(), size=Regression())
    open_set = made(tasks).fit(X, y)
    scorers = task_scorers(tasks)
    expected = open_set.estimator_.task("size").score(X, y[:, 1])
    assert scorers["size_r2"](open_set, X, y) == pytest.approx(expected)
    rejected = open_set.predict(X)[:, 0] == -1
    assert 0 < rejected.mean() < 0.5
    right = (open_set.predict(X)[:, 0] == y[:, 0]).mean()
    assert scorers["kind_accuracy"](open_set, X, y) == pytest.approx(right)
    assert scorers["mean_score"](open_set, X, y) == pytest.approx(
        (expected + right) / 2
    )
    other = y.copy()
    other[3, 0] = object()
    with pytest.raises(InvalidDataError, match="holds something that is no label"):
        scorers["kind_accuracy"](open_set, X, other)
    y[3, 1] = "many"
    with pytest.raises(InvalidDataError, match="Column 1 of y mixes labels of the typ"):
        scorers["mean_score"](open_set, X, y)
